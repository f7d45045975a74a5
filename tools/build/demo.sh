# shellcheck shell=bash disable=SC2154 # top and out are build.sh's
# The demo: a device is set up as an operator would, and provisions itself, once for each way.

demo_ways=(single-url url-per-certificate local-mint preloaded-est-id)
demo_packages=(softhsm2 opensc gnutls-bin openssl iproute2 util-linux mount diffutils curl xxd pkg-config libssl-dev)

# in_a_world_of_its_own COMMAND...: own network, mounts and processes; nothing of this machine is changed.
in_a_world_of_its_own() {
    as_root unshare --mount --net --ipc --pid --fork --kill-child --mount-proc env "PATH=$PATH" "DOTNET_ROOT=${DOTNET_ROOT:-}" "$@"
}

prepare_demo() {
    need_dotnet
    need_packages "${demo_packages[@]}"
    in_a_world_of_its_own true 2>/dev/null || fail "this machine allows no namespaces" "run as root, outside a container that forbids unshare"
    # shellcheck source=tools/build/install.sh
    . "$top/tools/build/install.sh"
    [ "${ESTPROV_STAGE:-}" = "$out/stage" ] || stage
    say "build the firmware examples"
    make -s -C "$top/native" O="$out/native" examples
    say "build the simulator of EST server, DPS and IoT Hub"
    dotnet publish "$top/tools/Simulator/EstProv.Simulator.csproj" -c Release -o "$out/simulator" -v quiet --nologo
}

run_demo() {
    local ways=("${demo_ways[@]}") keep=""
    while [ $# -gt 0 ]; do
        case $1 in
        --way)
            [[ $# -gt 1 && " ${demo_ways[*]} " == *" $2 "* ]] || fail "--way takes one of: ${demo_ways[*]}"
            ways=("$2")
            shift
            ;;
        --keep) keep=keep ;;
        *) fail "unknown argument '$1' of demo" "./build.sh demo [--way W] [--keep]" ;;
        esac
        shift
    done
    [ -z "$keep" ] || [ ${#ways[@]} = 1 ] || ways=("${ways[0]}")
    prepare_demo
    local way
    for way in "${ways[@]}"; do
        say "way $way"
        in_a_world_of_its_own bash "$top/tools/demo/device.sh" "$top" "$out" "$way" "$keep"
    done
}

# demo_as_test: each way counts as one test.
demo_as_test() {
    local way passed=0 failed=0
    prepare_demo
    for way in "${demo_ways[@]}"; do
        if in_a_world_of_its_own bash "$top/tools/demo/device.sh" "$top" "$out" "$way" ""; then
            passed=$((passed + 1))
        else
            failed=$((failed + 1))
        fi
    done
    printf '%d passed, %d failed, 0 skipped\n' "$passed" "$failed"
    [ "$failed" = 0 ]
}

# runtime_as_test: the runtime operation, with certificates over EST and with those that the device CA mints.
runtime_as_test() {
    local way status=0
    need_packages jq gcc
    prepare_demo
    mkdir -p "$out/runtime"
    gcc -O2 -Wall -Wextra -Werror -D_GNU_SOURCE -shared -fPIC -o "$out/runtime/clock.so" "$top/tools/crash/clock.c"
    for way in url-per-certificate local-mint; do
        say "runtime operation, way $way"
        in_a_world_of_its_own bash "$top/tools/demo/device.sh" "$top" "$out" "$way" runtime || status=1
    done
    return "$status"
}
