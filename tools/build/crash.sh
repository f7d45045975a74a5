# shellcheck shell=bash disable=SC2154 # top and out are build.sh's
# Power cuts: the daemons are killed at every call that writes, and what is left has to be a device that goes on. See tools/crash.

crash_packages=(softhsm2 opensc gnutls-bin gcc libc6-dev)

prepare_crash() {
    local flags=(-O2 -Wall -Wextra -Werror -D_GNU_SOURCE)
    need_dotnet
    need_packages "${crash_packages[@]}"
    # shellcheck source=tools/build/install.sh
    . "$top/tools/build/install.sh"
    [ "${ESTPROV_STAGE:-}" = "$out/stage" ] || stage
    say "build the crash harness"
    mkdir -p "$out/crash"
    gcc "${flags[@]}" -o "$out/crash/cut" "$top/tools/crash/cut.c" "$top/tools/crash/durable.c" -lpthread
    gcc "${flags[@]}" -shared -fPIC -o "$out/crash/clock.so" "$top/tools/crash/clock.c"
    dotnet publish "$top/tools/crash/EstProv.Crash.csproj" -c Release -o "$out/crash/bin" -v quiet --nologo
    # The devices' files: on a tmpfs where there is one, since a disk's own fsync takes most of the time; each tree has its own.
    crash_folder=$out/crash/devices
    [ ! -w /dev/shm ] || crash_folder=/dev/shm/estprov-crash-$(cksum <<<"$top" | cut -d " " -f 1)
}

# sweep_crash ARGUMENT...: as root, since keyd lets nobody else look at its descriptors.
sweep_crash() {
    local status=0
    as_root env "PATH=$PATH" "DOTNET_ROOT=${DOTNET_ROOT:-}" dotnet "$out/crash/bin/EstProv.Crash.dll" "$out/crash" "$out/stage" "$crash_folder" "$@" || status=$?
    if [ "$status" = 0 ] || [ ! -d "$crash_folder/findings" ]; then as_root rm -rf "$crash_folder"; fi
    return "$status"
}

run_crash() {
    prepare_crash
    say "cut the power at every point"
    sweep_crash "$@" || fail "a device did not survive, or the harness could not tell" "the lines above; the devices as they were left are in $crash_folder/findings"
}

# crash_as_test: every 20th point, another twentieth with each day and commit; and a run in which no fsync counts, which has to find losses.
crash_as_test() {
    local turn log=$out/test/crash-points.log passed failed=0
    prepare_crash
    turn=$(($(date +%s) / 86400 + $(git -C "$top" rev-list --count HEAD 2>/dev/null || echo 0)))
    sweep_crash --every 20 --turn "$turn" | tee "$log" || failed=1
    passed=$(sed -n -E 's/^[0-9]+ points, ([0-9]+) survived.*/\1/p' "$log")
    [ "$failed" = 0 ] || failed=$(grep -c '^DID NOT SURVIVE' "$log" || echo 1)
    crash_folder+=-unsynced
    if sweep_crash --unsynced --scenario renewal --daemon keyd --at 30; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
    fi
    printf '%d passed, %d failed, 0 skipped\n' "${passed:-0}" "$failed"
    [ "$failed" = 0 ]
}
