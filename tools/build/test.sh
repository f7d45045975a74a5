# shellcheck shell=bash disable=SC2154 # top and out are build.sh's
# Every test of the tree, and one closing line that counts them.

test_packages=(softhsm2 swtpm libtpm2-pkcs11-1 tpm2-tools opensc gnutls-bin openssh-client openssh-server strace git openssl libssl-dev pkg-config gcc make clang zlib1g-dev iproute2 util-linux mount)

# run_suite NAME COMMAND...: runs a suite, keeps its output, and adds its counts to the totals.
run_suite() {
    local name=$1 log=$out/test/$1.log status=0 begun=$SECONDS counts
    shift
    say "$name"
    "$@" >"$log" 2>&1 || status=$?
    # A runner that believes itself watched (CI=true is enough) colours its lines, the counts among them.
    sed -i 's/\x1b\[[0-9;]*m//g' "$log"
    counts=$(sed -n -E \
        -e 's/^ *succeeded: ([0-9]+).*/passed \1/p' -e 's/^ *failed: ([0-9]+).*/failed \1/p' -e 's/^ *skipped: ([0-9]+).*/skipped \1/p' \
        -e 's/^([0-9]+) passed, ([0-9]+) failed, ([0-9]+) skipped$/passed \1\nfailed \2\nskipped \3/p' "$log")
    local passed failed skipped
    passed=$(awk '$1 == "passed" { n += $2 } END { print n + 0 }' <<<"$counts")
    failed=$(awk '$1 == "failed" { n += $2 } END { print n + 0 }' <<<"$counts")
    skipped=$(awk '$1 == "skipped" { n += $2 } END { print n + 0 }' <<<"$counts")
    # A suite that broke without counting is a failure, and so is one that ran nothing.
    if [ "$status" != 0 ] && [ "$failed" = 0 ] || [ "$((passed + failed))" = 0 ]; then failed=$((failed + 1)); fi
    total_passed=$((total_passed + passed))
    total_failed=$((total_failed + failed))
    total_skipped=$((total_skipped + skipped))
    printf '   %s passed, %s failed, %s skipped (exit %s, %s s)\n' "$passed" "$failed" "$skipped" "$status" "$((SECONDS - begun))"
    if [ "$failed" != 0 ]; then
        tail -n 200 "$log"
    elif [ "$skipped" != 0 ]; then
        grep -iE '^ *skipped|ignored' "$log" || true
    fi
}

run_test() {
    local only=("$@") project name status
    total_passed=0 total_failed=0 total_skipped=0
    need_dotnet
    need_packages "${test_packages[@]}"
    mkdir -p "$out/test"
    # shellcheck source=tools/build/install.sh
    . "$top/tools/build/install.sh"
    stage
    export ESTPROV_STAGE=$out/stage ESTPROV_CLOCK=$out/test/clock.so
    gcc -O2 -Wall -Wextra -Werror -D_GNU_SOURCE -shared -fPIC -o "$ESTPROV_CLOCK" "$top/tools/crash/clock.c"

    say "build everything, warnings are errors"
    dotnet build "$top/EstProv.sln" -c Release -v quiet --nologo

    if [ ${#only[@]} = 0 ]; then
        # shellcheck source=tools/build/lint.sh
        . "$top/tools/build/lint.sh"
        run_lint
    fi

    if [ ${#only[@]} = 0 ] || [[ " ${only[*]} " == *" AzureSdk "* ]]; then
        # shellcheck source=tools/build/azuresdk.sh
        . "$top/tools/build/azuresdk.sh"
        prepare_azure_sdk
    fi
    for project in "$top"/tests/*/*.csproj; do
        name=$(basename "$(dirname "$project")")
        if [ ${#only[@]} -gt 0 ] && [[ " ${only[*]} " != *" $name "* ]]; then continue; fi
        run_suite "$name" dotnet run --project "$project" -c Release --no-build
    done
    if [ ${#only[@]} = 0 ] || [[ " ${only[*]} " == *" native "* ]]; then
        run_suite native make -s -C "$top/native" O="$out/native" check
        # shellcheck source=tools/build/native.sh
        . "$top/tools/build/native.sh"
        run_suite native-library native_library_as_test
    fi
    if [ ${#only[@]} = 0 ] || [[ " ${only[*]} " == *" programs "* ]]; then
        # shellcheck source=tools/build/programs.sh
        . "$top/tools/build/programs.sh"
        run_suite programs programs_as_test
    fi
    if [ ${#only[@]} = 0 ] || [[ " ${only[*]} " == *" demo "* ]]; then
        # shellcheck source=tools/build/demo.sh
        . "$top/tools/build/demo.sh"
        run_suite demo demo_as_test
    fi
    if [ ${#only[@]} = 0 ] || [[ " ${only[*]} " == *" runtime "* ]]; then
        # shellcheck source=tools/build/demo.sh
        . "$top/tools/build/demo.sh"
        run_suite runtime runtime_as_test
    fi
    if [ ${#only[@]} = 0 ] || [[ " ${only[*]} " == *" crash "* ]]; then
        # shellcheck source=tools/build/crash.sh
        . "$top/tools/build/crash.sh"
        run_suite crash crash_as_test
    fi
    if [ ${#only[@]} = 0 ] || [[ " ${only[*]} " == *" interop "* ]]; then
        # shellcheck source=tools/build/interop.sh
        . "$top/tools/build/interop.sh"
        run_suite interop interop_as_test
    fi

    if [ ${#only[@]} = 0 ] || [[ " ${only[*]} " == *" systemd "* ]]; then
        # shellcheck source=tools/build/systemd.sh
        . "$top/tools/build/systemd.sh"
        run_suite systemd systemd_as_test
    fi

    printf '\n%d passed, %d failed, %d skipped\n' "$total_passed" "$total_failed" "$total_skipped"
    [ "$total_failed" = 0 ]
}
