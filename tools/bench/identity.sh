# shellcheck shell=bash disable=SC2154,SC2034 # sourced by tools/demo/device.sh, whose device it provisions and measures
# What it costs to come from the bootstrap certificate to the hub, beside the least possible: est-id, then device CA and device id side by side,
# DPS, the hub, one host-level module. Three runs, told apart by device.sh's mode: identity-count with a spy at the token, identity-near on loopback,
# identity-far with 100 ms of latency. The reasons for each 'least' stand in tools/bench/README.md.

readonly latency_ms=100
server_address=127.0.0.1
[ "$keep" != identity-far ] || server_address=127.0.0.2

# shellcheck source=tools/bench/measure.sh
. "$tree/tools/bench/measure.sh"

# warm_servers: another client's enrolment first, since the simulator compiles itself while it answers for the first time, and is not what is measured.
warm_servers() {
    local base=https://estendpoint.com/.well-known/est label
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$world/warm.key" -subj /CN=warm -out "$world/warm.pem" 2>"$world/log/warm.log"
    "${simulator[@]}" issue-est-id --data "$world/pki" --csr "$world/warm.pem" --out "$world/warm.cer" >>"$world/log/warm.log" 2>&1
    openssl req -in "$world/warm.pem" -outform DER | base64 >"$world/warm.b64"
    for label in est-id device-id device-ca; do
        for _ in 1 2 3; do
            curl -sS --cacert "$world/pki/est-ca.cer" --cert "$world/warm.cer" --key "$world/warm.key" -o /dev/null "$base/$label/cacerts" -o /dev/null "$base/$label/csrattrs" &&
                curl -sS --cacert "$world/pki/est-ca.cer" --cert "$world/warm.cer" --key "$world/warm.key" -o /dev/null -H 'Content-Type: application/pkcs10' \
                    --data-binary "@$world/warm.b64" "$base/$label/simpleenroll"
        done
    done >>"$world/log/warm.log" 2>&1 || true
    for _ in 1 2 3; do
        curl -sS -k -o /dev/null -X PUT --data '{"registrationId":"warm"}' "https://global.azure-devices-provisioning.net/$scope/registrations/warm/register?api-version=2021-06-01" || true
        curl -sS -k -o /dev/null 'https://demo-hub.azure-devices.net/devices/warm/modules?api-version=2021-04-12' || true
    done >>"$world/log/warm.log" 2>&1
    curl -sS --fail -X POST http://127.0.0.1:8440/reset >/dev/null
}

# What the documented files leave open: a principal that is a host-level module.
configure_identity() {
    warm_servers
    printf '[[principal]]\nuser = "estprov-firmware"\nname = "firmware"\nidtype = ["module"]\n' >/etc/estprov/identityd.d/20-bench.toml
    [ "$keep" = identity-far ] || return 0
    "$world/tools/far" "$server_address" 443 127.0.0.1 "$latency_ms" 2>"$world/log/far.log" &
    wait_for bash -c "exec 3<>/dev/tcp/$server_address/443"
    curl -sS --fail -X POST http://127.0.0.1:8440/reset >/dev/null
}

# want_device_ca: by the user who may have it, as soon as certd is there. In the documented configuration nothing is minted by it, so nobody else asks.
want_device_ca() {
    local body='{"keyId":"device-ca","waitSeconds":0}' path='/credentials/device-ca/ensure?api-version=2020-09-01'
    for _ in $(seq 2000); do
        as estprov-identityd curl -sS --fail --max-time 5 --unix-socket /run/estprov/certd.sock -H 'Content-Type: application/json' -d "$body" "http://localhost$path" \
            >"$world/log/device-ca.log" 2>&1 && return
        sleep 0.01
    done
}

begin_identity() { want_device_ca & }

device_ca_is_there() { ask estprov-demo certd '/certificates/device-ca?api-version=2020-09-01'; }
# Its keys are in the hub by the second PUT.
module_is_there() {
    curl -sS --fail http://127.0.0.1:8440/state | jq -e '[.devices[].modules[] | select(.moduleId == "firmware" and .authentication.primaryKey != null)] | length == 1'
}

# counted WHAT COUNT LEAST: one line; what is above the least has a reason in the README.
counted() { printf '%-64s %8s %8s\n' "$@"; }
requests() { jq "[.requests | to_entries[] | select(.key | test(\"^($1) [0-9]+\$\")) | .value] | add // 0" "$world/state.json"; }
handshakes() { jq ".tls.$1.$2" "$world/state.json"; }
# token_calls NAME: of the module's function. signatures MECHANISM: spelt by the spy's version as a number or a name.
token_calls() { grep -cE "^[0-9]+: $1\$" "$world/log/token-calls.log" || true; }
signatures() {
    awk -v wanted="$1" '/^[0-9]+: / { init = $2 == "C_SignInit" } init && /pMechanism->type/ && $NF ~ "^(" wanted ")$" { n++ } END { print n + 0 }' "$world/log/token-calls.log"
}

report_requests() {
    step "round trips and handshakes, as the servers counted them"
    counted "" counted least
    counted "EST: a label's CA certificates" "$(requests 'est cacerts/.*')" 3
    counted "EST: what a label wants in a request (csrattrs)" "$(requests 'est csrattrs/(device-id|device-ca)')" 2
    counted "EST: the same for est-id, and the proof of est-id" "$(requests 'est csrattrs/est-id')" 2
    counted "EST: simpleenroll" "$(requests 'est simpleenroll/.*')" 3
    counted "DPS: register" "$(requests 'dps register')" 1
    counted "DPS: its result" "$(requests 'dps operation')" 1
    counted "hub: modules listed, firmware created, its keys registered" "$(requests 'hub .*')" 2
    counted "all requests" "$(jq '[.requests[]] | add' "$world/state.json")" 14
    counted "EST: full handshakes" "$(handshakes est full)" 2
    counted "EST: resumed" "$(handshakes est resumed)" 1
    counted "DPS: full" "$(handshakes dps full)" 1
    counted "hub: full" "$(handshakes hub full)" 1
    counted "all handshakes" "$(jq '[.tls[] | .full + .resumed] | add' "$world/state.json")" 5
    counted "failed" "$(jq '[.tls[] | .failed] | add' "$world/state.json")" 0
}

report_token() {
    step "calls of the token's PKCS#11 module, as OpenSC's spy counted them"
    counted "" counted least
    counted "key pairs generated" "$(token_calls C_GenerateKeyPair)" 3
    counted "signatures by ECDSA" "$(signatures 'CKM_ECDSA|0x0*1041')" 8
    counted "master identity key made" "$(($(token_calls C_GenerateKey) + $(token_calls C_CreateObject)))" 1
    counted "MACs by the master identity key" "$(signatures 'CKM_SHA256_HMAC|0x0*251')" 2
    counted "logins" "$(token_calls C_Login)" 1
    counted "sessions opened" "$(token_calls C_OpenSession)" 1
    sed -n -E 's/^[0-9]+: (C_[A-Za-z]+)$/\1/p' "$world/log/token-calls.log" | sort | uniq -c | sort -rn
}

# report_times: each request, in seconds after the daemons' start, when its answer was due; and whether the enrolments of device CA and device id overlap.
report_times() {
    local begun
    begun=$(awk -v t="$started" 'BEGIN { printf "%.3f", t }')
    step "the requests, in seconds after the start of the daemons"
    curl -sS --fail 'http://127.0.0.1:8440/requests?after=0' >"$world/requests.json"
    jq -r --arg begun "$begun" '.requests | (reduce .[].connection as $c ([]; if index([$c]) then . else . + [$c] end)) as $connections | .[]
        | (.time | sub("\\.(?<f>[0-9]+).*$"; "Z") | fromdate) as $whole | ((.time | capture("\\.(?<f>[0-9]+)").f // "0") | "0." + . | tonumber) as $part
        | "\((($whole + $part - ($begun | tonumber)) * 1000 | round) / 1000)\t\(.service) \(.route)\(if .label then "/" + .label else "" end)\t\(.status)\tconnection \([.connection] as $c | $connections | index($c) + 1)\(if .resumed then ", resumed" else "" end)"' \
        "$world/requests.json" | column -t -s $'\t'
    jq -r '[.requests[] | select(.label == "device-ca" or .label == "device-id")] as $all
        | [$all[] | select(.label == "device-ca") | .seq] as $ca | [$all[] | select(.label == "device-id" and .service == "est") | .seq] as $id
        | [$all[] | select(.label == "device-ca") | .connection] as $by
        | "\ndevice CA and device id enrol \(if ($ca | min) < ($id | max) and ($id | min) < ($ca | max) then "side by side" else "one after the other" end), over \([$all[] | select(.service == "est") | .connection] | unique | length) connections, \([$all[] | select(.service == "est" and .resumed) | .connection] | unique | length) of them resumed"' \
        "$world/requests.json"
}

# instructions REQUESTS: of identityd's whole life with that many, as callgrind counts them.
instructions() {
    process=()
    become estprov-identityd valgrind --tool=callgrind --callgrind-out-file="$world/tmp/callgrind.$1" --log-file="$world/tmp/valgrind.log" \
        "$world/bin/usr/libexec/estprov/estprov-identityd" 2>>"$world/log/identityd.log" &
    process=([identityd]=$!)
    for _ in $(seq 600); do
        as estprov-demo "$world/tools/sign_load" /run/estprov/identityd.sock "@$world/device.request" 1 1 >/dev/null 2>&1 && break
        sleep 0.1
    done
    as estprov-demo "$world/tools/sign_load" /run/estprov/identityd.sock "@$world/device.request" 1 "$1" >/dev/null || fail "identityd under callgrind did not answer $1 times" "the machine is too busy for it: try again"
    stop_daemons
    awk '/^(summary|totals):/ { n = $2 } END { print n }' "$world/tmp/callgrind.$1"
}

measured() { printf '%-64s %14s %12s\n' "$1" "$2" "${3:--}"; }

report_daemon() {
    local one eight few many answer_ms identity_ms with_module
    post_request "$world/device.request" '/identities/device?api-version=2020-09-01' '{"type":"aziot"}'
    printf 'GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n' >"$world/any.request"
    chmod 0644 "$world/any.request"

    step "three daemons, provisioned, restarted, the hub answers"
    stop_daemons
    start_daemons
    wait_for ask estprov-demo identityd '/identities/provisioning?api-version=2020-09-01'
    measure_idle
    with_module="$(sum "$keyd_pss" "$certd_pss" "$identityd_pss") ($keyd_pss $certd_pss $identityd_pss)"

    step "the same without a principal that is a module, the simulator stopped"
    kill "$simulator_process"
    wait "$simulator_process" || true
    stop_daemons
    # Its module is removed from what identityd remembers as well: else the hub would be asked to remove it.
    rm -f /var/lib/estprov/identityd/modules.json
    # The daemon's user measures start-up by itself.
    printf '[[principal]]\nuser = "estprov-identityd"\nname = "bench"\nidtype = ["device"]\n' >/etc/estprov/identityd.d/20-bench.toml
    start_daemons
    wait_for ask estprov-demo identityd '/identities/provisioning?api-version=2020-09-01'
    wait_for ask estprov-demo certd '/certificates/device-id?api-version=2020-09-01'
    measure_idle

    step "POST /identities/device"
    measured_load identityd estprov-demo "@$world/device.request" 1 2000 >/dev/null
    one=$(measured_load identityd estprov-demo "@$world/device.request" 1 20000)
    eight=$(measured_load identityd estprov-demo "@$world/device.request" 8 5000)
    printf '%s\n' "$one" "$eight"
    kill -TERM "${process[identityd]}"
    wait "${process[identityd]}" || true
    answer_ms=$(fastest_of identityd any "$world/any.request")
    identity_ms=$(fastest_of identityd 200 "$world/device.request")
    few=$(instructions 200)
    many=$(instructions 1200)

    printf '\n'
    measured "" measured budget
    measured "POST /identities/device, CPU of identityd, µs, 1 client" "$(field "$one" cpu_us)" 150
    measured "the same, 8 clients" "$(field "$eight" cpu_us)" 150
    measured "the same, requests a second, 1 client" "$(field "$one" rate)"
    measured "the same, 8 clients" "$(field "$eight" rate)"
    measured "the same, p99 with 8 clients, µs" "$(field "$eight" p99_us)"
    measured "the same, instructions of identityd" "$(((many - few) / 1000))"
    measured "identityd: start to first answer, ms" "$answer_ms"
    measured "identityd: start to the device's identity, ms" "$identity_ms"
    measured "idle PSS of the three, MB" "$(sum "$keyd_pss" "$certd_pss" "$identityd_pss")" 15
    measured "  keyd, certd, identityd" "$keyd_pss $certd_pss $identityd_pss"
    measured "  with a host-level module, which the hub was asked for" "$with_module"
}

report_identity() {
    wait_for device_ca_is_there
    wait_for module_is_there
    all_seconds=$(awk -v a="$started" -v b="$(date +%s.%N)" 'BEGIN { printf "%.2f", b - a }')
    curl -sS --fail http://127.0.0.1:8440/state >"$world/state.json"
    report_requests
    report_times
    case $keep in
    identity-count) report_token ;;
    identity-near) report_daemon ;;
    esac
    printf '\nbootstrap to hub: %s s, with device CA and module %s s (%s)\n' "$seconds" "$all_seconds" "$keep"
}
