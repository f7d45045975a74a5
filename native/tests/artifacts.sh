#!/bin/sh
# What is shipped of the provider: it has one symbol, needs libcrypto and libc alone, has no text relocations, is hardened, and is small.
# usage: artifacts.sh MODULE BUDGET NM STRIP LIST
set -eu
module=$1 budget=$2 nm=$3 strip=$4 list=$5
passed=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() {
    printf 'error: %s\nhint: %s\n' "$1" "$2" >&2
    printf '%d passed, 1 failed, 0 skipped\n' "$passed"
    exit 1
}

$nm -D --defined-only "$module" | awk '$2 == "T" { print $3 }' | sort >"$work/symbols"
diff -u "$list" "$work/symbols" || fail "the provider's symbols are not those of $list" "what OpenSSL does not call by name stays hidden"
passed=$((passed + 1))

needed=$(readelf -dW "$module" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | sort | tr '\n' ' ')
case $needed in
"libc.so.6 libcrypto.so."[34]" ") ;;
*) fail "the provider needs: $needed" "it may need libc and libcrypto only" ;;
esac
passed=$((passed + 1))

if readelf -dW "$module" | grep -q TEXTREL; then fail "$module has text relocations" "build it with -fPIC"; fi
passed=$((passed + 1))

readelf -lW "$module" | grep -q GNU_RELRO || fail "$module has no RELRO" "link it with -z relro"
readelf -dW "$module" | grep -q BIND_NOW || fail "$module binds its symbols late" "link it with -z now"
readelf -lW "$module" | awk '/GNU_STACK/ && / RWE /{ exit 1 }' || fail "$module has an executable stack" "link it with -z noexecstack"
$nm -D --undefined-only "$module" | grep -q __stack_chk_fail || fail "$module has no stack protector" "build it with -fstack-protector-strong"
passed=$((passed + 1))

# A set-uid program must not be led to another socket by its caller's environment.
if $nm -D --undefined-only "$module" | grep -qE ' getenv(@|$)'; then fail "the provider reads the environment of set-uid programs" "use secure_getenv"; fi
passed=$((passed + 1))

# All that can be written after the start is the one inner context that the instances share (inner.c).
$nm "$module" | awk '$2 ~ /^[bBD]$/ { print $3 }' | grep -vE '^(completed(\.[0-9]+)?|__TMC_END__|_edata|_end|__bss_start|__dso_handle|gate|shared|users)$' >"$work/variables" || true
[ ! -s "$work/variables" ] || fail "the provider has other variables: $(tr '\n' ' ' <"$work/variables")" "keep them in a context"
passed=$((passed + 1))

cp "$module" "$work/stripped"
$strip "$work/stripped"
size=$(wc -c <"$work/stripped")
printf 'estprov.so, stripped: %s bytes (budget %s)\n' "$size" "$budget"
[ "$size" -le "$budget" ] || fail "the stripped provider has $size bytes, more than $budget" "see nm --size-sort"
passed=$((passed + 1))
printf '%d passed, 0 failed, 0 skipped\n' "$passed"
