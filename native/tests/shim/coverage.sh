#!/bin/sh
# Branches of common/ and shim/ that the tests take, by gcov; fails below LEAST per cent.
# usage: coverage.sh FOLDER LEAST GCOV
set -eu
folder=$1 least=$2 gcov=$3
for file in common/*.c shim/*.c; do
    printf 'File %s\n' "$file"
    # Taken are the branches that gcov has counted at least once; those that were never reached count as well.
    $gcov -b -c -o "$folder/$(dirname "$file")" -t "$folder/${file%.c}.o" 2>/dev/null |
        awk -v file="$file" '/^ *-: *0:Source:/ { own = $0 ~ file "$" } own'
done | awk -v least="$least" '
    /^File / { file = $2; files[++n] = file }
    /^branch / { all[file]++; if ($0 ~ /taken [1-9]/) taken[file]++ }
    END {
        for (i = 1; i <= n; i++) {
            f = files[i]; a += all[f]; t += taken[f]
            printf "%-28s %4d of %4d branches %5.1f %%\n", f, taken[f], all[f], all[f] ? 100 * taken[f] / all[f] : 100
        }
        p = a ? 100 * t / a : 0
        printf "%-28s %4d of %4d branches %5.1f %% (least %d)\n", "all", t, a, p, least
        exit p < least
    }'
