# shellcheck shell=bash disable=SC2154 # top and out are build.sh's
# What ships under a real systemd, in namespaces: a device provisions itself with the units, users and credential that a device has (tools/systemd).

systemd_packages=(systemd softhsm2 opensc gnutls-bin openssl iproute2 util-linux mount)

# prepare_machine PACKAGE...: what a machine in namespaces is laid out with.
prepare_machine() {
    need_dotnet
    need_packages "$@"
    # shellcheck source=tools/build/install.sh
    . "$top/tools/build/install.sh"
    [ "${ESTPROV_STAGE:-}" = "$out/stage" ] || stage
    say "build the simulator of EST server, DPS and IoT Hub"
    dotnet publish "$top/tools/Simulator/EstProv.Simulator.csproj" -c Release -o "$out/simulator" -v quiet --nologo
}

# boot_machine BACK [PROGRAM ARGUMENT]: in a cgroup of its own, which ends with it. What PROGRAM prints and counts is in BACK.
boot_machine() {
    local back=$1
    shift
    rm -rf "$back"
    mkdir -p "$back"
    as_root env "PATH=$PATH" "DOTNET_ROOT=${DOTNET_ROOT:-}" unshare --mount bash "$top/tools/systemd/boot_alone.sh" "$top" "$out" "$back" "$@" >"$back.log" 2>&1 || true
    cat "$back/output" 2>/dev/null || { cat "$back.log" && fail "systemd did not start" "the lines above"; }
    grep -q ', 0 failed,' "$back/counts" 2>/dev/null
}

run_systemd() {
    prepare_machine "${systemd_packages[@]}"
    say "boot"
    boot_machine "$out/systemd" || fail "a check failed" "the lines above"
}

systemd_as_test() {
    prepare_machine "${systemd_packages[@]}"
    boot_machine "$out/systemd"
}
