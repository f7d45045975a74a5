#!/usr/bin/env bash
# What a signature by keyd costs, beside the same C_Sign called directly: SoftHSM2 and file store, 1, 8 and 64 clients, keep-alive and a
# connection for each request; and instructions, which no noise of the machine changes. Runs in namespaces of its own.
# usage: keys.sh OUT
set -euo pipefail

readonly out=$1 module=/usr/lib/softhsm/libsofthsm2.so pin=1234
world=$(mktemp -d)
readonly world
readonly socket=$world/run/keyd.sock keyd=$out/stage/usr/libexec/estprov/estprov-keyd
hertz=$(getconf CLK_TCK)
trap 'rm -rf "$world"' EXIT
mkdir -p "$world"/{run,token}

fail() {
    printf 'error: %s\nhint: %s\n' "$1" "$2" >&2
    tail -n 20 "$world"/*.log >&2 || true
    exit 1
}

export SOFTHSM2_CONF=$world/softhsm2.conf
printf 'directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n' "$world/token" >"$SOFTHSM2_CONF"
softhsm2-util --init-token --free --label device --pin "$pin" --so-pin 123456 >/dev/null
slot=$(softhsm2-util --show-slots | awk '/^Slot /{slot=$2} /Label: +device *$/{print slot}')
pkcs11-tool --module "$module" --slot "$slot" --login --pin "$pin" --keypairgen --key-type EC:prime256v1 --label direct --id 01 >/dev/null 2>&1
rights='[[principal]]\nuid = 0\nkeys = ["*"]\nrights = ["use", "generate"]\n'
# shellcheck disable=SC2059 # the formats are ours
{
    printf "max_requests = 200\nhomedir_path = \"$world/softhsm\"\n[pkcs11]\nlib_path = \"$module\"\nbase_slot = \"pkcs11:token=device?pin-value=$pin\"\n$rights" >"$world/softhsm.toml"
    printf "max_requests = 200\nhomedir_path = \"$world/files\"\n$rights" >"$world/files.toml"
}

# start STORE [COMMAND ...]: keyd with this store, under the command.
start() {
    local store=$1
    shift
    "$@" "$keyd" --config "$world/$store.toml" --runtime-dir "$world/run" 2>>"$world/$store.log" &
    daemon=$!
    for _ in $(seq 600); do
        handle=$(curl -sS --fail --max-time 30 --unix-socket "$socket" -H 'Content-Type: application/json' -d '{"keyId":"bench","preferredAlgorithms":"ec-p256"}' \
            'http://localhost/keypair?api-version=2021-05-01' 2>/dev/null | sed -E 's/.*"keyHandle": *"([^"]+)".*/\1/') && [ -n "$handle" ] && return
        sleep 0.1
    done
    fail "keyd does not answer with store $store" "see its log above"
}
stop() {
    kill -TERM "$daemon"
    wait "$daemon" || true
}
ticks() { awk '{ print $14 + $15 }' "/proc/$daemon/stat"; }
field() { sed -E "s/.*\b$2=([0-9.]+).*/\1/" <<<"$1"; }
# load CLIENTS REQUESTS [new]: sign_load's line, and the daemon's CPU for each request.
load() {
    local before line
    before=$(ticks)
    line=$("$out/bench/sign_load" "$socket" "$handle" "$@") || fail "the load of $* was not served" "see keyd's log above"
    awk -v line="$line" -v ticks="$(($(ticks) - before))" -v hertz="$hertz" -v n="$(($1 * $2))" 'BEGIN { printf "%s cpu_us=%.1f\n", line, ticks / hertz / n * 1e6 }'
}
row() { printf '%-12s %-12s %8s %10s %9s %9s %9s %9s %8s\n' "$@"; }

direct_one=$("$out/bench/sign_direct" "$module" "$slot" "$pin" direct 1 20000)
direct_two=$("$out/bench/sign_direct" "$module" "$slot" "$pin" direct 2 20000)
printf '\nsignatures with P-256\n'
row store connection clients rate/s "p50 µs" "p99 µs" "p99.9 µs" "CPU µs" ratio
row direct - "1 thread" "$(field "$direct_one" rate)" - - - "$(field "$direct_one" cpu_us)" 1
row direct - "2 threads" "$(field "$direct_two" rate)" - - - "$(field "$direct_two" cpu_us)" -
for store in softhsm files; do
    start "$store"
    load 1 2000 >/dev/null
    for connection in keep-alive new; do
        for clients in 1 8 64; do
            options=("$clients" "$((clients == 1 ? 10000 : 40000 / clients))")
            [ "$connection" = keep-alive ] || options+=(new)
            line=$(load "${options[@]}")
            ratio=-
            [ "$store" = files ] || ratio=$(awk -v a="$(field "$line" cpu_us)" -v b="$(field "$direct_one" cpu_us)" 'BEGIN { printf "%.1f", a / b }')
            row "$store" "$connection" "$clients" "$(field "$line" rate)" "$(field "$line" p50_us)" "$(field "$line" p99_us)" "$(field "$line" p999_us)" \
                "$(field "$line" cpu_us)" "$ratio"
        done
    done
    stop
done

# instructions STORE REQUESTS: of keyd's whole life with that many signatures, as callgrind counts them.
instructions() {
    start "$1" valgrind --tool=callgrind --callgrind-out-file="$world/callgrind.out" --log-file="$world/valgrind.log"
    "$out/bench/sign_load" "$socket" "$handle" 1 "$2" >/dev/null || fail "keyd under callgrind did not sign $2 times" "the machine is too busy for it: try again"
    stop
    awk '/^(summary|totals):/ { n = $2 } END { print n }' "$world/callgrind.out"
}
printf '\ninstructions for each signature (callgrind; keyd and the token in its process)\n'
for store in softhsm files; do
    few=$(instructions "$store" 200)
    many=$(instructions "$store" 1200)
    printf '%-12s %s\n' "$store" "$(((many - few) / 1000))"
done
direct_few=$(valgrind --tool=callgrind --callgrind-out-file="$world/direct.out" --log-file=/dev/null "$out/bench/sign_direct" "$module" "$slot" "$pin" direct 1 200 >/dev/null &&
    awk '/^(summary|totals):/ { n = $2 } END { print n }' "$world/direct.out")
direct_many=$(valgrind --tool=callgrind --callgrind-out-file="$world/direct.out" --log-file=/dev/null "$out/bench/sign_direct" "$module" "$slot" "$pin" direct 1 1200 >/dev/null &&
    awk '/^(summary|totals):/ { n = $2 } END { print n }' "$world/direct.out")
printf '%-12s %s\n' direct "$(((direct_many - direct_few) / 1000))"
