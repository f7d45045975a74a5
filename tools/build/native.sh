# shellcheck shell=bash disable=SC2154 # top and out are build.sh's
# The C library and the PKCS#11 module in the other ways in which it is built and checked. Each counts as one test; what a machine lacks is installed.

native_library_as_test() {
    local passed=0 failed=0 check
    need_packages musl-tools valgrind abigail-tools clang gcc make
    for check in musl clang threads sanitizers valgrind coverage abi; do
        say "libestprov: $check"
        if "native_library_$check"; then
            passed=$((passed + 1))
        else
            failed=$((failed + 1))
            printf 'FAILED libestprov: %s\n' "$check"
        fi
    done
    printf '%d passed, %d failed, 0 skipped\n' "$passed" "$failed"
    [ "$failed" = 0 ]
}

# library ARGUMENT...: make for it; its own counts would be added to ours.
library() { make -s -j2 -C "$top/native" "$@" | sed -E 's/^([0-9]+ passed, [0-9]+ failed, [0-9]+ skipped)$/(\1)/'; }

native_library_musl() { (set -o pipefail && library O="$out/native/musl" CC=musl-gcc shim pkcs11 && library O="$out/native/musl" CC=musl-gcc check-size); }
native_library_clang() { (set -o pipefail && library O="$out/native/clang" CC=clang shim pkcs11); }
native_library_threads() { (set -o pipefail && library O="$out/native" THREADS=1 check-shim && library O="$out/native" THREADS=1 check-pkcs11); }
native_library_sanitizers() { (set -o pipefail && library O="$out/native" SANITIZE=1 check-shim && library O="$out/native" SANITIZE=1 check-pkcs11); }
native_library_coverage() { (set -o pipefail && library O="$out/native" coverage); }
# Of what either compiler makes.
native_library_abi() { (set -o pipefail && library O="$out/native" check-abi && library O="$out/native/clang" CC=clang check-abi); }
# Leaks are AddressSanitizer's: a forked child has those of the tests' own threads.
native_library_valgrind() { (set -o pipefail && library O="$out/native" RUNNER="valgrind -q --error-exitcode=9" check-shim); }
