# shellcheck shell=bash disable=SC2154 # sourced by what device.sh sources
# How the daemons of tools/demo/device.sh's device are measured.

hertz=$(getconf CLK_TCK)

# pss PROCESS: proportional set size in MB.
pss() { awk '/^Pss:/ { printf "%.1f", $2 / 1024 }' "/proc/$1/smaps_rollup"; }
rss() { awk '/^Rss:/ { printf "%.1f", $2 / 1024 }' "/proc/$1/smaps_rollup"; }
ticks() { awk '{ print $14 + $15 }' "/proc/$1/stat"; }
sum() { awk -v a="$1" -v b="$2" -v c="$3" 'BEGIN { printf "%.1f", a + b + c }'; }
field() { sed -E "s/.*\b$2=([0-9.]+).*/\1/" <<<"$1"; }
# wait_for COMMAND...: until it succeeds, at most 10 s.
wait_for() {
    for _ in $(seq 200); do
        "$@" >/dev/null 2>&1 && return
        sleep 0.05
    done
    fail "'$*' does not succeed" "see the logs"
}
stop_daemons() {
    kill -TERM "${process[@]}"
    wait "${process[@]}" || true
}
# ask USER SOCKET PATH: one request to a daemon.
ask() { as "$1" curl -sS --fail --max-time 5 --unix-socket "/run/estprov/$2.sock" "http://localhost$3"; }
# measure_idle: sets {keyd,certd,identityd}_{pss,rss}. Idle is when the threads of the last request have ended.
measure_idle() {
    local daemon
    sleep 20
    for daemon in keyd certd identityd; do
        eval "${daemon}_pss=$(pss "${process[$daemon]}") ${daemon}_rss=$(rss "${process[$daemon]}")"
    done
}
# post_request FILE PATH BODY: a request as first_answer and sign_load send it.
post_request() {
    printf 'POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s' "$2" "${#3}" "$3" >"$1"
    chmod 0644 "$1"
}
# measured_load DAEMON USER WHAT CLIENTS REQUESTS: one line of sign_load, with the daemon's CPU per request added.
measured_load() {
    local before line
    before=$(ticks "${process[$1]}")
    line=$(as "$2" "$world/tools/sign_load" "/run/estprov/$1.sock" "$3" "$4" "$5") || fail "the load on $1 was not served" "see its log"
    awk -v line="$line" -v ticks="$(($(ticks "${process[$1]}") - before))" -v hertz="$hertz" -v n="$(($4 * $5))" \
        'BEGIN { printf "%s cpu_us=%.1f\n", line, ticks / hertz / n * 1e6 }'
}
# fastest_of DAEMON STATUS REQUEST_FILE: milliseconds to its first answer, of ten starts; the machine's noise only ever adds.
fastest_of() {
    for _ in $(seq 10); do
        as "estprov-$1" "$world/tools/first_answer" "/run/estprov/$1.sock" "$2" "$3" "$world/bin/usr/libexec/estprov/estprov-$1" 2>/dev/null
    done | sort -n | head -n 1
}
