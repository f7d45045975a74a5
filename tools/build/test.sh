# shellcheck shell=bash disable=SC2154 # top and out are build.sh's
# Every test of the tree, and one closing line that counts them.

test_packages=(softhsm2 swtpm libtpm2-pkcs11-1 tpm2-tools opensc gnutls-bin openssh-client openssh-server strace git openssl libssl-dev pkg-config gcc make clang zlib1g-dev iproute2 util-linux mount)

# run_suite NAME COMMAND...: runs a suite, keeps its output, and its counts beside it.
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
    printf '%s %s %s\n' "$passed" "$failed" "$skipped" >"$out/test/$name.counts"
    printf '   %s passed, %s failed, %s skipped (exit %s, %s s)\n' "$passed" "$failed" "$skipped" "$status" "$((SECONDS - begun))"
    if [ "$failed" != 0 ]; then
        tail -n 200 "$log"
    elif [ "$skipped" != 0 ]; then
        grep -iE '^ *skipped|ignored' "$log" || true
    fi
}

# is_wanted NAME: whether it was named, or nothing was.
is_wanted() { [ ${#only[@]} = 0 ] || [[ " ${only[*]} " == *" $1 "* ]]; }

run_dotnet_suites() {
    local project name
    for project in "$top"/tests/*/*.csproj; do
        name=$(basename "$(dirname "$project")")
        ! is_wanted "$name" || run_suite "$name" dotnet run --project "$project" -c Release --no-build
    done
}

# Those that are scripts: the C parts, other people's programs, whole devices.
run_other_suites() {
    local name
    if is_wanted native; then
        run_suite native make -s -C "$top/native" O="$out/native" check
        run_suite native-library native_library_as_test
    fi
    for name in release programs demo runtime crash interop systemd guides; do
        ! is_wanted "$name" || run_suite "$name" "${name}_as_test"
    done
}

run_test() {
    local only=("$@") name others
    need_dotnet
    need_packages "${test_packages[@]}"
    rm -rf "$out/test"
    mkdir -p "$out/test"
    for name in install release native programs demo crash interop systemd guides; do
        # shellcheck source=/dev/null
        . "$top/tools/build/$name.sh"
    done
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

    if is_wanted AzureSdk; then
        # shellcheck source=tools/build/azuresdk.sh
        . "$top/tools/build/azuresdk.sh"
        prepare_azure_sdk
    fi
    # Most of the time a suite waits for something or has one core: two at a time take two thirds of the time that they take in turn.
    run_other_suites >"$out/test/others.out" 2>&1 &
    others=$!
    run_dotnet_suites
    say "the suites that ran meanwhile"
    # One that gave up before it counted, such as for want of a package, ends the rest.
    wait "$others" || printf '0 1 0\n' >"$out/test/others.counts"
    cat "$out/test/others.out"

    awk '{ passed += $1; failed += $2; skipped += $3 } END { printf "\n%d passed, %d failed, %d skipped\n", passed, failed, skipped; exit failed > 0 || passed == 0 }' \
        /dev/null "$out"/test/*.counts
}
