#!/bin/sh
# What is shipped of the library: its symbols are those of the list, it needs libc alone, has no text relocations, and is small.
# usage: artifacts.sh SHARED STATIC BUDGET NM STRIP LIST
set -eu
shared=$1 static=$2 budget=$3 nm=$4 strip=$5 list=$6
passed=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() {
    printf 'error: %s\nhint: %s\n' "$1" "$2" >&2
    printf '%d passed, 1 failed, 0 skipped\n' "$passed"
    exit 1
}

$nm -D --defined-only "$shared" | awk '$2 == "T" { print $3 }' | sort >"$work/symbols"
diff -u "$list" "$work/symbols" || fail "the library's symbols are not those of $list" "a new function gets a line there and in estprov.map; none ever goes"
passed=$((passed + 1))

$nm -g --defined-only "$static" | awk '$2 ~ /^[A-Z]$/ { print $3 "@@ESTPROV_1" }' | sort >"$work/static"
diff -u "$list" "$work/static" || fail "the static library has other global names" "what is not in estprov.h has no visibility(default)"
passed=$((passed + 1))

needed=$(readelf -d "$shared" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
case $needed in
libc.so.6 | libc.so | libc.musl-*.so.1) ;;
*) fail "the library needs: $needed" "it may need libc only" ;;
esac
passed=$((passed + 1))

if readelf -d "$shared" | grep -q TEXTREL; then fail "$shared has text relocations" "build it with -fPIC"; fi
readelf -lW "$shared" | grep -q 'GNU_RELRO' || fail "$shared has no RELRO" "link it with -z relro"
readelf -lW "$shared" | awk '/GNU_STACK/ && / RWE /{ exit 1 }' || fail "$shared has an executable stack" "link it with -z noexecstack"
# Nothing that can be written but tables of addresses, which relro closes, and what the C runtime brings.
[ "$($nm "$shared" | awk '$2 ~ /^[bBD]$/ || ($2 == "d" && $3 !~ /^(_DYNAMIC|_GLOBAL_OFFSET_TABLE_|__dso_handle|__frame_dummy|__do_global|daemons|phrases|rules|algorithms|words)/)' |
    grep -vcE ' (completed(\.[0-9]+)?|__TMC_END__|_edata|_end|__bss_start|__dso_handle)$')" = 0 ] || {
    $nm "$shared" | awk '$2 ~ /^[bBdD]$/' >&2
    fail "$shared has global variables" "keep them in the context"
}
passed=$((passed + 1))

cp "$shared" "$work/stripped"
$strip "$work/stripped"
size=$(wc -c <"$work/stripped")
printf 'libestprov, stripped: %s bytes (budget %s)\n' "$size" "$budget"
[ "$size" -le "$budget" ] || fail "the stripped library has $size bytes, more than $budget" "see nm --size-sort"
passed=$((passed + 1))
printf '%d passed, 0 failed, 0 skipped\n' "$passed"
