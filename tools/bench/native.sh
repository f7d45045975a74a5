#!/usr/bin/env bash
# What the C parts cost the programs that use them, beside their budgets. keyd has its file store here: the token's own time is measured by keys.sh. Runs in
# namespaces of its own.
# usage: native.sh OUT
set -euo pipefail

readonly out=$1
world=$(mktemp -d)
readonly world
readonly socket=$world/run/keyd.sock stage=$out/stage
trap 'rm -rf "$world"' EXIT
mkdir -p "$world"/{run,keyd}
ip link set lo up
failed=0

fail() {
    printf 'error: %s\nhint: %s\n' "$1" "$2" >&2
    tail -n 20 "$world"/*.log >&2 || true
    exit 1
}
field() { sed -E "s/.*\b$2=([0-9.-]+).*/\1/" <<<"$1"; }
# row WHAT OURS BUDGET UNIT: our figure beside the budget, the part of it that is used, and whether it is kept.
row() {
    local verdict ratio
    ratio=$(awk -v a="$2" -v b="$3" 'BEGIN { printf "%.2f", b > 0 ? a / b : 0 }')
    verdict=$(awk -v a="$2" -v b="$3" 'BEGIN { print a <= b ? "pass" : "FAIL" }')
    [ "$verdict" = pass ] || failed=1
    printf '%-62s %10s %10s %-6s %6s %s\n' "$1" "$2" "$3" "$4" "$ratio" "$verdict"
}
stripped() {
    cp "$1" "$world/stripped"
    strip "$world/stripped"
    stat -c %s "$world/stripped"
}

printf 'homedir_path = "%s"\n[[principal]]\nuid = %s\nkeys = ["*"]\nrights = ["use", "generate"]\n' "$world/keyd" "$(id -u)" >"$world/keyd.toml"
chmod 0600 "$world/keyd.toml"
"$stage/usr/libexec/estprov/estprov-keyd" --config "$world/keyd.toml" --runtime-dir "$world/run" 2>"$world/keyd.log" &
keyd=$!
for _ in $(seq 200); do
    [ ! -S "$socket" ] || break
    sleep 0.05
done
handle=$(curl -sS --fail --max-time 30 --unix-socket "$socket" -H 'Content-Type: application/json' -d '{"keyId":"bench","preferredAlgorithms":"ec-p256"}' \
    'http://localhost/keypair?api-version=2021-05-01' | sed -E 's/.*"keyHandle": *"([^"]+)".*/\1/') || fail "keyd makes no key" "see its log above"
export ESTPROV_SOCKET_FOLDER=$world/run ESTPROV_KEYD_SOCKET=$socket OPENSSL_MODULES=$stage/usr/lib/ossl-modules LD_LIBRARY_PATH=$stage/usr/lib

# Certificates of one CA: for the server, for a key in a file, for the key behind keyd.
quiet() { "$@" >>"$world/openssl.log" 2>&1 || fail "'$*' failed" "see openssl's words above"; }
issue() { quiet openssl x509 -req -in "$world/$1.csr" -CA "$world/ca.pem" -CAkey "$world/ca.key" -CAcreateserial -days 2 -out "$world/$1.pem"; }
quiet openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$world/ca.key" -out "$world/ca.pem" -subj /CN=ca -days 2
for name in server file; do
    quiet openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$world/$name.key" -out "$world/$name.csr" -subj "/CN=$name"
    issue $name
done
quiet openssl req -new -provider default -provider estprov -key estprov:id=bench -out "$world/provider.csr" -subj /CN=provider
issue provider

host=$("$out/bench/native_host" "$stage/usr/lib/libestprov.so.1" "$handle") || fail "the library does not sign" "see above"
sign=$("$out/bench/native_sign" "$socket" "$handle") || fail "the library does not sign" "see above"
tls=$("$out/bench/native_handshake" "$world/ca.pem" "$world/server.pem" "$world/server.key" "$world/file.pem" "$world/file.key" "$world/provider.pem" \
    estprov:id=bench) || fail "no handshake" "see above"
kill -TERM "$keyd"
wait "$keyd" || true

printf '\n%-62s %10s %10s %-6s %6s\n' "" ours budget "" part
row "libestprov.so.1, stripped" "$(stripped "$stage/usr/lib/libestprov.so.1")" 40960 bytes
row "estprov.so (OpenSSL provider), stripped" "$(stripped "$stage/usr/lib/ossl-modules/estprov.so")" 81920 bytes
row "libestprov-pkcs11.so, stripped" "$(stripped "$stage/usr/lib/pkcs11/libestprov-pkcs11.so")" 49152 bytes
row "threads that libestprov starts" "$(($(field "$host" threads) - 1))" 0 ""
row "resident memory that it adds to a program (200 signatures)" "$(field "$host" used_kb)" 100 kB
row "client's CPU of a P-256 signature, beside the bare round trip" "$(field "$sign" more_us)" 30 µs
row "TLS 1.3 with a client key behind keyd : in a file, wall" \
    "$(awk -v a="$(field "$tls" provider_us)" -v b="$(field "$tls" file_us)" 'BEGIN { printf "%.3f", a / b }')" 1.15 ""
printf '\n%s\n%s\n%s\n' "$host" "$sign" "$tls"
[ "$failed" = 0 ] || fail "a budget is exceeded" "run it again on a machine that does nothing else"
