# shellcheck shell=bash disable=SC2154 # top and out are build.sh's
# Figures beside their budgets. Ratios within one run and instruction counts bear more than times, since machines are noisy.

run_bench() {
    local part=${1:-all}
    [[ $# -le 1 && " all device identity keys native " == *" $part "* ]] || fail "bench takes one of: device, identity, keys, native" "without it, all are run"
    # shellcheck source=tools/build/demo.sh
    . "$top/tools/build/demo.sh"
    need_packages openssl libssl-dev bsdextrautils libp11-kit-dev pkg-config curl jq opensc-pkcs11 gcc valgrind
    prepare_demo
    build_bench_tools
    if [[ $part = all || $part = device ]]; then
        say "what one provisioning asks of servers and token"
        in_a_world_of_its_own bash "$top/tools/demo/device.sh" "$top" "$out" url-per-certificate count
        say "speed and size of a device"
        in_a_world_of_its_own bash "$top/tools/demo/device.sh" "$top" "$out" url-per-certificate bench
    fi
    if [[ $part = all || $part = identity ]]; then
        local run
        for run in count near far; do
            say "from the bootstrap certificate to the hub: $run"
            in_a_world_of_its_own bash "$top/tools/demo/device.sh" "$top" "$out" url-per-certificate "identity-$run"
        done
    fi
    if [[ $part = all || $part = keys ]]; then
        say "signatures by the Key Service"
        in_a_world_of_its_own bash "$top/tools/bench/keys.sh" "$out"
    fi
    if [[ $part = all || $part = native ]]; then
        say "what the C parts cost the programs that use them"
        in_a_world_of_its_own bash "$top/tools/bench/native.sh" "$out"
    fi
}

build_bench_tools() {
    local flags=(-O2 -Wall -Wextra -Werror -D_GNU_SOURCE) cflags
    mkdir -p "$out/bench"
    read -ra cflags <<<"$(pkg-config --cflags p11-kit-1)"
    gcc "${flags[@]}" -o "$out/bench/sign_load" "$top/tools/bench/sign_load.c" -lpthread
    gcc "${flags[@]}" -o "$out/bench/first_answer" "$top/tools/bench/first_answer.c"
    gcc "${flags[@]}" -o "$out/bench/far" "$top/tools/bench/far.c"
    gcc "${flags[@]}" -I "$top/native/include" -o "$out/bench/native_host" "$top/tools/bench/native_host.c" -ldl
    gcc "${flags[@]}" -I "$top/native/include" -o "$out/bench/native_sign" "$top/tools/bench/native_sign.c" -L "$out/native" -l:libestprov.so.1
    gcc "${flags[@]}" -o "$out/bench/native_handshake" "$top/tools/bench/native_handshake.c" -lssl -lcrypto
    gcc "${flags[@]}" "${cflags[@]}" -o "$out/bench/sign_direct" "$top/tools/bench/sign_direct.c" -ldl -lpthread
}
