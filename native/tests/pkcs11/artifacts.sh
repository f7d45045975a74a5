#!/bin/sh
# What is shipped of the PKCS#11 module: one symbol, libc as the one need, no text relocations, and its size.
# usage: artifacts.sh SHARED BUDGET NM STRIP LIST
# shellcheck disable=SC2034 # artifact.sh reads them
set -eu
what=module file=$1 budget=$2 nm=$3 strip=$4 list=$5
# shellcheck source=native/tests/artifact.sh
. "$(dirname "$0")/../artifact.sh"

check_symbols "all functions are found by C_GetFunctionList"
check_needs_libc_alone
demand_hardened
holds
check_size libestprov-pkcs11
