# shellcheck shell=bash disable=SC2154 # top and out are build.sh's
# What ships under a real systemd, in namespaces: a device provisions itself with the units, users and credential that a device has (tools/systemd).

systemd_packages=(systemd softhsm2 opensc gnutls-bin openssl iproute2 util-linux mount)

prepare_systemd() {
    need_dotnet
    need_packages "${systemd_packages[@]}"
    # shellcheck source=tools/build/install.sh
    . "$top/tools/build/install.sh"
    [ "${ESTPROV_STAGE:-}" = "$out/stage" ] || stage
    say "build the simulator of EST server, DPS and IoT Hub"
    dotnet publish "$top/tools/Simulator/EstProv.Simulator.csproj" -c Release -o "$out/simulator" -v quiet --nologo
}

# boot_systemd: in a cgroup of its own, which ends with it.
boot_systemd() {
    local back=$out/systemd
    rm -rf "$back"
    mkdir -p "$back"
    as_root env "PATH=$PATH" "DOTNET_ROOT=${DOTNET_ROOT:-}" unshare --mount bash "$top/tools/systemd/boot_alone.sh" "$top" "$out" "$back" >"$back.log" 2>&1 || true
    cat "$back/output" 2>/dev/null || { cat "$back.log" && fail "systemd did not start" "the lines above"; }
    grep -q ', 0 failed,' "$back/counts"
}

run_systemd() {
    prepare_systemd
    say "boot"
    boot_systemd || fail "a check failed" "the lines above"
}

systemd_as_test() {
    prepare_systemd
    boot_systemd
}
