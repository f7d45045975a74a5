#!/bin/sh
# What is shipped of the PKCS#11 module: one symbol, libc as the one need, no text relocations, and its size.
# usage: artifacts.sh SHARED BUDGET NM STRIP LIST
set -eu
shared=$1 budget=$2 nm=$3 strip=$4 list=$5
passed=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() {
    printf 'error: %s\nhint: %s\n' "$1" "$2" >&2
    printf '%d passed, 1 failed, 0 skipped\n' "$passed"
    exit 1
}

$nm -D --defined-only "$shared" | awk '$2 == "T" { print $3 }' | sort >"$work/symbols"
diff -u "$list" "$work/symbols" || fail "the module's symbols are not those of $list" "all functions are found by C_GetFunctionList"
passed=$((passed + 1))

needed=$(readelf -d "$shared" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
case $needed in
libc.so.6 | libc.so | libc.musl-*.so.1) ;;
*) fail "the module needs: $needed" "it may need libc only" ;;
esac
passed=$((passed + 1))

if readelf -d "$shared" | grep -q TEXTREL; then fail "$shared has text relocations" "build it with -fPIC"; fi
readelf -lW "$shared" | grep -q 'GNU_RELRO' || fail "$shared has no RELRO" "link it with -z relro"
readelf -lW "$shared" | awk '/GNU_STACK/ && / RWE /{ exit 1 }' || fail "$shared has an executable stack" "link it with -z noexecstack"
passed=$((passed + 1))

cp "$shared" "$work/stripped"
$strip "$work/stripped"
size=$(wc -c <"$work/stripped")
printf 'libestprov-pkcs11, stripped: %s bytes (budget %s)\n' "$size" "$budget"
[ "$size" -le "$budget" ] || fail "the stripped module has $size bytes, more than $budget" "see nm --size-sort"
passed=$((passed + 1))
printf '%d passed, 0 failed, 0 skipped\n' "$passed"
