# shellcheck shell=sh disable=SC2154 # who sources this has set what, file, budget, nm, strip and list
# What is asked of everything that is shipped. Each check that holds is counted in $passed.

passed=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() {
    printf 'error: %s\nhint: %s\n' "$1" "$2" >&2
    printf '%d passed, 1 failed, 0 skipped\n' "$passed"
    exit 1
}
holds() { passed=$((passed + 1)); }

# check_symbols HINT: it offers what $list says, and nothing else.
check_symbols() {
    $nm -D --defined-only "$file" | awk '$2 == "T" { print $3 }' | sort >"$work/symbols"
    diff -u "$list" "$work/symbols" || fail "the $what's symbols are not those of $list" "$1"
    holds
}

# needed: the libraries that it names, sorted, in one line.
needed() { readelf -dW "$file" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | sort | tr '\n' ' '; }
check_needs_libc_alone() {
    case $(needed) in
    "libc.so.6 " | "libc.so " | libc.musl-*.so.1\ ) ;;
    *) fail "the $what needs: $(needed)" "it may need libc only" ;;
    esac
    holds
}

# Not counted: what else is asked of the file's layout belongs to the same check.
demand_hardened() {
    if readelf -dW "$file" | grep -q TEXTREL; then fail "$file has text relocations" "build it with -fPIC"; fi
    readelf -lW "$file" | grep -q GNU_RELRO || fail "$file has no RELRO" "link it with -z relro"
    readelf -lW "$file" | awk '/GNU_STACK/ && / RWE /{ exit 1 }' || fail "$file has an executable stack" "link it with -z noexecstack"
}

# check_size NAME: and the end, with the count.
check_size() {
    cp "$file" "$work/stripped"
    $strip "$work/stripped"
    size=$(wc -c <"$work/stripped")
    printf '%s, stripped: %s bytes (budget %s)\n' "$1" "$size" "$budget"
    [ "$size" -le "$budget" ] || fail "the stripped $what has $size bytes, more than $budget" "see nm --size-sort"
    holds
    printf '%d passed, 0 failed, 0 skipped\n' "$passed"
}
