#!/bin/sh
# What is shipped of the provider: it has one symbol, needs libcrypto and libc alone, has no text relocations, is hardened, and is small.
# usage: artifacts.sh MODULE BUDGET NM STRIP LIST
# shellcheck disable=SC2034 # artifact.sh reads them
set -eu
what=provider file=$1 budget=$2 nm=$3 strip=$4 list=$5
# shellcheck source=native/tests/artifact.sh
. "$(dirname "$0")/artifact.sh"

check_symbols "what OpenSSL does not call by name stays hidden"

case $(needed) in
"libc.so.6 libcrypto.so."[34]" ") ;;
*) fail "the provider needs: $(needed)" "it may need libc and libcrypto only" ;;
esac
holds

demand_hardened
holds
readelf -dW "$file" | grep -q BIND_NOW || fail "$file binds its symbols late" "link it with -z now"
$nm -D --undefined-only "$file" | grep -q __stack_chk_fail || fail "$file has no stack protector" "build it with -fstack-protector-strong"
holds

# A set-uid program must not be led to another socket by its caller's environment.
if $nm -D --undefined-only "$file" | grep -qE ' getenv(@|$)'; then fail "the provider reads the environment of set-uid programs" "use secure_getenv"; fi
holds

# All that can be written after the start is the one inner context that the instances share (inner.c), and keyd's uid (keyd.c).
$nm "$file" | awk '$2 ~ /^[bBD]$/ { print $3 }' | grep -vE '^(completed(\.[0-9]+)?|__TMC_END__|_edata|_end|__bss_start|__dso_handle|gate|shared|users|keyd_user)$' >"$work/variables" || true
[ ! -s "$work/variables" ] || fail "the provider has other variables: $(tr '\n' ' ' <"$work/variables")" "keep them in a context"
holds

check_size estprov.so
