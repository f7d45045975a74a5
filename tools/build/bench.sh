# shellcheck shell=bash disable=SC2154 # top and out are build.sh's

run_bench() {
    # shellcheck source=tools/build/demo.sh
    . "$top/tools/build/demo.sh"
    need_packages libp11-kit-dev pkg-config curl jq opensc-pkcs11 gcc
    prepare_demo
    mkdir -p "$out/bench"
    local flags=(-O2 -Wall -Wextra -Werror -D_GNU_SOURCE) cflags
    read -ra cflags <<<"$(pkg-config --cflags p11-kit-1)"
    gcc "${flags[@]}" -o "$out/bench/sign_load" "$top/tools/bench/sign_load.c" -lpthread
    gcc "${flags[@]}" -o "$out/bench/first_answer" "$top/tools/bench/first_answer.c"
    gcc "${flags[@]}" "${cflags[@]}" -o "$out/bench/sign_direct" "$top/tools/bench/sign_direct.c" -ldl -lpthread
    say "what one provisioning asks of servers and token"
    in_a_world_of_its_own bash "$top/tools/demo/device.sh" "$top" "$out" url-per-certificate count
    say "speed and size"
    in_a_world_of_its_own bash "$top/tools/demo/device.sh" "$top" "$out" url-per-certificate bench
}
