# shellcheck shell=bash disable=SC2034 # for those that source it
# Budgets that several runs hold their figures to, in one unit: an MB is 1,048,576 bytes everywhere, as the library's 40 KB are 40,960.

installed_budget=9 idle_budget=15

# megabytes BYTES: in that unit.
megabytes() { awk -v bytes="$1" 'BEGIN { printf "%.2f", bytes / 1048576 }'; }

# bytes_below FOLDER: of all files in it.
bytes_below() { find "$1" -type f -printf '%s\n' | awk '{ n += $1 } END { printf "%d", n }'; }

# is_within FIGURE BUDGET
is_within() { awk -v figure="$1" -v budget="$2" 'BEGIN { exit !(figure > 0 && figure <= budget) }'; }

# hold_installed BYTES: fails where it is more than an image is to spend on all that is installed.
hold_installed() {
    is_within "$1" "$((installed_budget * 1048576))" || fail "all that is installed has $1 bytes, more than $installed_budget MB of 1,048,576 bytes" "the largest files are listed above; what has grown?"
}
