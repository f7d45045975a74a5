# shellcheck shell=bash disable=SC2154 # work is world.sh's
# One line a case, and the counts.

passed=0 failed=0 skipped=0
# What the lines begin with; the cases set them.
peer="" mode=""

# with PEER MODE: who is talked to, and how, from here on.
with() {
    peer=$1 mode=$2
}

result() { printf '%-8s %-13s %-32s %s\n' "$1" "$peer" "$mode" "$2"; }

# accepted WHAT COMMAND...: the command succeeds.
accepted() {
    local what=$1
    shift
    if "$@" >"$work/log/case.log" 2>&1; then
        passed=$((passed + 1))
        result passed "$what"
    else
        count_failure "$what" "it should have succeeded"
    fi
}

# refused WHAT TEXT COMMAND...: the command fails, and says TEXT.
refused() {
    local what=$1 text=$2
    shift 2
    if "$@" >"$work/log/case.log" 2>&1; then
        count_failure "$what" "it should have failed with '$text'"
    elif grep -qF -e "$text" "$work/log/case.log"; then
        passed=$((passed + 1))
        result passed "$what"
    else
        count_failure "$what" "it failed without '$text'"
    fi
}

# says WORDS COMMAND...: the command succeeds, and its output has the words.
says() {
    local words=$1 output
    shift
    output=$("$@" 2>&1) || { printf '%s\n' "$output" && return 1; }
    printf '%s\n' "$output"
    grep -qF -e "$words" <<<"$output"
}

# not_possible WHAT WHY: a case that cannot be here.
not_possible() {
    skipped=$((skipped + 1))
    result skipped "$1: $2"
}

count_failure() {
    failed=$((failed + 1))
    result FAILED "$1: $2"
    sed 's/^/    /' "$work/log/case.log" | tail -n 20
    [ ! -s "$work/log/server.log" ] || { echo "    the server:" && grep -v '^/lib' "$work/log/server.log" | tail -n 10 | sed 's/^/    /'; }
}

# fail_mode: the server of this mode does not start.
fail_mode() {
    : >"$work/log/case.log"
    count_failure "the server" "it does not start"
}
