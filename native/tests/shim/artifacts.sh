#!/bin/sh
# What is shipped of the library: its symbols are those of the list, it needs libc alone, has no text relocations, and is small.
# usage: artifacts.sh SHARED STATIC BUDGET NM STRIP LIST
# shellcheck disable=SC2034 # artifact.sh reads them
set -eu
what=library file=$1 static=$2 budget=$3 nm=$4 strip=$5 list=$6
# shellcheck source=native/tests/artifact.sh
. "$(dirname "$0")/../artifact.sh"

check_symbols "a new function gets a line there and in estprov.map; none ever goes"

$nm -g --defined-only "$static" | awk '$2 ~ /^[A-Z]$/ { print $3 "@@ESTPROV_1" }' | sort >"$work/static"
diff -u "$list" "$work/static" || fail "the static library has other global names" "what is not in estprov.h has no visibility(default)"
holds

check_needs_libc_alone

demand_hardened
# Nothing that can be written but tables of addresses, which relro closes, and what the C runtime brings.
[ "$($nm "$file" | awk '$2 ~ /^[bBD]$/ || ($2 == "d" && $3 !~ /^(_DYNAMIC|_GLOBAL_OFFSET_TABLE_|__dso_handle|__frame_dummy|__do_global|daemons|phrases|rules|algorithms|words)/)' |
    grep -vcE ' (completed(\.[0-9]+)?|__TMC_END__|_edata|_end|__bss_start|__dso_handle)$')" = 0 ] || {
    $nm "$file" | awk '$2 ~ /^[bBdD]$/' >&2
    fail "$file has global variables" "keep them in the context"
}
holds

check_size libestprov
