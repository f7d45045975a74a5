# shellcheck shell=bash disable=SC2154 # sourced by tools/demo/device.sh, whose device it measures
# What a provisioned device costs. Every figure stands beside its budget and the peer's figure (Azure IoT Identity Service 1.6, quoted).

# shellcheck source=tools/bench/measure.sh
. "$tree/tools/bench/measure.sh"
# shellcheck source=tools/bench/budgets.sh
. "$tree/tools/bench/budgets.sh"
bin=$world/bin/usr/libexec/estprov
tools=$world/tools

row() { printf '%-58s %14s %14s %14s\n' "$1" "$2" "${3:--}" "${4:--}"; }

step "three daemons, provisioned, restarted, the simulator stopped"
kill "$simulator_process"
wait "$simulator_process" || true
stop_daemons
# A principal of the benchmark's own: the daemon's user measures start-up by itself.
printf '[[principal]]\nuser = "estprov-keyd"\nkeys = ["*"]\nrights = ["use"]\n' >/etc/estprov/keyd.d/90-bench.toml
start_daemons
wait_for ask estprov-certd keyd '/keypair/device-id?api-version=2021-05-01'
wait_for ask estprov-demo identityd '/identities/provisioning?api-version=2020-09-01'
wait_for ask estprov-demo certd '/certificates/device-id?api-version=2020-09-01'
measure_idle
handle=$(ask estprov-certd keyd '/keypair/device-id?api-version=2021-05-01' | sed -E 's/.*"keyHandle": *"([^"]+)".*/\1/')

# load CLIENTS REQUESTS: of signatures by keyd.
load() { measured_load keyd estprov-certd "$handle" "$@"; }

step "signatures"
load 1 2000 >/dev/null
one=$(load 1 20000)
eight=$(load 8 10000)
direct_one=$(as estprov-keyd "$tools/sign_direct" "$module" "$slot" "$pin" "device id" 1 20000)
direct_two=$(as estprov-keyd "$tools/sign_direct" "$module" "$slot" "$pin" "device id" 2 20000)
printf '%s\n' "$one" "$eight" "$direct_one" "$direct_two"
for daemon in certd identityd; do
    for _ in $(seq 20); do ask estprov-demo "$daemon" '/changes?api-version=2020-09-01&after=0' >/dev/null || true; done
done
loaded=$(sum "$(pss "${process[keyd]}")" "$(pss "${process[certd]}")" "$(pss "${process[identityd]}")")
stop_daemons

step "start"
printf 'GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n' >"$world/any.request"
post_request "$world/sign.request" '/sign?api-version=2021-05-01' \
    "{\"keyHandle\":\"$handle\",\"algorithm\":\"ECDSA\",\"parameters\":{\"digest\":\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\"}}"
chmod 0644 "$world/any.request"
answer_ms=$(fastest_of keyd any "$world/any.request")
signature_ms=$(fastest_of keyd 200 "$world/sign.request")

step "keyd alone, keys in files"
printf 'homedir_path = "/var/lib/estprov/keyd-files"\n' >/etc/estprov/keyd-files.toml
chmod 0644 /etc/estprov/keyd-files.toml
install -d -o estprov-keyd -g estprov-keyd -m 0700 /var/lib/estprov/keyd-files
become estprov-keyd "$bin/estprov-keyd" --config /etc/estprov/keyd-files.toml 2>>"$world/log/keyd-files.log" &
process=([keyd]=$!)
as_certd_keypair() {
    as estprov-certd curl -sS --fail --unix-socket /run/estprov/keyd.sock -H 'Content-Type: application/json' \
        -d '{"keyId":"bench","preferredAlgorithms":"ec-p256"}' 'http://localhost/keypair?api-version=2021-05-01'
}
wait_for as_certd_keypair
handle=$(as_certd_keypair | sed -E 's/.*"keyHandle": *"([^"]+)".*/\1/')
sleep 20
files_pss=$(pss "${process[keyd]}")
files_one=$(load 1 5000)
stop_daemons

installed=$(bytes_below "$world/bin")
printf '\n'
row "" ours budget peer
row "P-256 signature on SoftHSM2, CPU of keyd, µs, 1 client" "$(field "$one" cpu_us)" 80 880-950
row "the same, 8 clients" "$(field "$eight" cpu_us)" 80
row "C_Sign called directly, CPU, µs" "$(field "$direct_one" cpu_us)"
row "signatures a second, 1 client" "$(field "$one" rate)"
row "signatures a second, 8 clients" "$(field "$eight" rate)" 18000 1160
row "C_Sign called directly by two threads, a second" "$(field "$direct_two" rate)"
row "p99 of a signature with 8 clients, µs" "$(field "$eight" p99_us)"
row "P-256 signature with a file key, CPU of keyd, µs" "$(field "$files_one" cpu_us)"
row "keyd: start to first answer, ms" "$answer_ms" 8 6.4
row "keyd: start to first signature, ms" "$signature_ms" 15
row "idle PSS of the three, MB" "$(sum "$keyd_pss" "$certd_pss" "$identityd_pss")" "$idle_budget" 18.6
row "  keyd, certd, identityd" "$keyd_pss $certd_pss $identityd_pss"
row "  the same, RSS" "$keyd_rss $certd_rss $identityd_rss"
row "PSS of the three after the load, MB" "$loaded" 20 19-20
row "keyd alone, file store, PSS, MB" "$files_pss" 4.5 7.1
row "on disk, all that is installed, MB of 1,048,576 bytes" "$(megabytes "$installed")" "$installed_budget" 12.5
find "$world/bin" -type f -size +40k -printf '  %s bytes in %P\n' | sort -rn
hold_installed "$installed"
row "provisioning, bootstrap to hub, s" "$seconds" "0.4+Retry-After" 5.2
