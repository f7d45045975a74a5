# shellcheck shell=bash disable=SC2154,SC2016 # device.sh has the variables; jq has its own
# The runtime operation, step by step: host-level modules, a module runtime with Edge Agent and Edge Hub, the shared server certificate, a revoked
# device. Sourced by device.sh once the device is provisioned. Every step is done by the ordinary user whose step it is, and tried by
# another one, who has to be refused. Closes with `N passed, N failed, N skipped`.

runtime_passed=0 runtime_failed=0
api="api-version=2020-09-01"
dps_ca=/var/secrets/dps-ca.cer

passed() {
    runtime_passed=$((runtime_passed + 1))
    printf 'passed: %s\n' "$1"
}
broken() {
    runtime_failed=$((runtime_failed + 1))
    printf 'failed: %s\n   %s\n' "$1" "$2"
}
# expect STEP GOT WANTED
expect() { if [ "$2" = "$3" ]; then passed "$1"; else broken "$1" "got '$2', expected '$3'; answer: ${answer:0:400}"; fi; }

# ask USER DAEMON METHOD PATH [BODY]: sets $code and $answer.
ask() {
    local user=$1 daemon=$2 method=$3 path=$4 body=${5:-}
    local arguments=(-sS -m 60 -o - -w '\n%{http_code}' --unix-socket "/run/estprov/$daemon.sock" -X "$method")
    [ -z "$body" ] || arguments+=(-H 'Content-Type: application/json' --data-binary "$body")
    answer=$(as "$user" curl "${arguments[@]}" "http://localhost$path" 2>&1) || true
    code=${answer##*$'\n'}
    answer=${answer%$'\n'*}
}
# refused STEP USER DAEMON METHOD PATH [BODY]: the same question by a user who has no right.
refused() {
    ask "${@:2}"
    expect "$1: refused to $2" "$code" 401
}
get() { jq -r "$1 // empty" <<<"$answer"; }
json() { jq -cn "$@"; }

# sas_token USER HANDLE RESOURCE: sets $token, signed by the Key Service.
sas_token() {
    local sr expiry message
    sr=$(jq -rn --arg r "$3" '$r|@uri')
    expiry=$(($(as "$1" date +%s) + 3600))
    message=$(printf '%s\n%s' "$sr" "$expiry" | base64 -w0)
    token=
    ask "$1" keyd POST "/sign?$api" "$(json --arg h "$2" --arg m "$message" '{keyHandle: $h, algorithm: "HMAC-SHA256", parameters: {message: $m}}')"
    [ "$code" = 200 ] || return 0
    token="SharedAccessSignature sr=$sr&sig=$(jq -rn --arg s "$(get .signature)" '$s|@uri')&se=$expiry"
}
# publish USER MODULE TOKEN: a message to the hub; sets $code and $answer.
publish() {
    answer=$(as "$1" curl -sS -m 30 -o - -w '\n%{http_code}' --cacert "$dps_ca" -H "Authorization: $3" -H 'Content-Type: application/octet-stream' \
        --data-binary 'hello' "https://$hub/devices/$device/modules/$(jq -rn --arg m "$2" '$m|@uri')/messages/events?api-version=2021-04-12" 2>&1) || true
    code=${answer##*$'\n'}
}
# telemetry_certificate FILE: what certd serves for it now.
telemetry_certificate() {
    ask estprov-telemetry certd GET "/certificates/$runtime_telemetry?$api"
    get .pem >"$1"
}
# publish_by_certificate USER CERTIFICATE: the same with the module's certificate in TLS, and the key by reference through OpenSSL; sets $code and $answer.
publish_by_certificate() {
    answer=$(as "$1" env "OPENSSL_CONF=$world/estprov.cnf" curl -sS -m 30 -o - -w '\n%{http_code}' --cacert "$dps_ca" --cert "$2" --key "$world/telemetry.key" \
        -H 'Content-Type: application/octet-stream' --data-binary 'hello' "https://$hub/devices/$device/modules/telemetry/messages/events?api-version=2021-04-12" 2>&1) || true
    code=${answer##*$'\n'}
}
printf '%s\n' 'openssl_conf = init' '[init]' 'providers = list' '[list]' 'default = on' 'estprov = on' '[on]' 'activate = 1' >"$world/estprov.cnf"
printf '%s\n' '-----BEGIN ESTPROV KEY REFERENCE-----' "$(printf 'estprov:id=%s' "$runtime_telemetry" | base64 -w 64)" '-----END ESTPROV KEY REFERENCE-----' >"$world/telemetry.key"
# control METHOD PATH [BODY]: the simulator's own side.
control() { curl -sS -m 10 -X "$1" ${3:+--data-binary "$3"} "http://127.0.0.1:8440$2"; }
module_path() { printf '/identities/modules/%s?%s&type=aziot' "$(jq -rn --arg m "$1" '$m|@uri')" "$api"; }

step "0. every daemon tells its version"
for daemon in keyd certd identityd; do
    ask estprov-firmware "$daemon" GET /version
    expect "$daemon" "$(get .version)" "$("$world/bin/usr/bin/estprov" --version | awk '{ print $2 }')"
done

step "1. the host-level module of the configuration is in the hub, with keys derived from the master identity key"
for _ in $(seq 100); do
    ask estprov-runtime identityd GET "/identities/modules?$api&type=aziot"
    [ -n "$(get '.identities[]?.spec|select(.moduleId=="firmware")|.moduleId')" ] && break
    sleep 0.1
done
expect "the module 'firmware' is registered without being asked for" "$(get '.identities[]?.spec|select(.moduleId=="firmware")|.moduleId')" firmware
refused "the list of modules" estprov-stranger identityd GET "/identities/modules?$api&type=aziot"
refused "the list of modules" estprov-firmware identityd GET "/identities/modules?$api&type=aziot"

step "2. the host-level module at work: its identity, a SAS token signed by the Key Service, and the hub takes it"
ask estprov-firmware identityd GET "/identities/identity?$api"
expect "firmware is told who it is" "$(get '.spec|[.hubName,.deviceId,.moduleId,.auth.type]|join(" ")')" "$hub $device firmware sas"
firmware_handle=$(get .spec.auth.keyHandle)
refused "an identity of his own" estprov-stranger identityd GET "/identities/identity?$api"
sas_token estprov-firmware "$firmware_handle" "$hub/devices/$device/modules/firmware"
expect "the Key Service signs through the handle" "$code" 200
firmware_token=$token
publish estprov-firmware firmware "$firmware_token"
expect "the hub accepts the token" "$code" 204
sas_token estprov-stranger "$firmware_handle" "$hub/devices/$device/modules/firmware"
expect "the handle alone: refused to estprov-stranger" "$code" 401
refused "the master identity key" estprov-firmware keyd GET "/key/aziot_identityd_master_id?$api"
refused "the derived key itself" estprov-firmware keyd POST "/derivedkey/export?$api" "$(json --arg h "$firmware_handle" '{keyHandle: $h}')"

step "2b. a host-level module with a certificate of its own, whose key stays in the token"
for _ in $(seq 150); do
    ask estprov-telemetry identityd GET "/identities/identity?$api"
    [ "$code" != 200 ] || break
    sleep 0.2
done
expect "telemetry is told who it is, and where its certificate is" "$(get '.spec|[.hubName,.deviceId,.moduleId,.auth.type,.auth.certId]|join(" ")')" "$hub $device telemetry x509 $runtime_telemetry"
telemetry_handle=$(get .spec.auth.keyHandle)
expect "its key stands in the token" "$(as estprov-keyd pkcs11-tool --module "$module" --slot "$slot" --login --pin "$pin" --list-objects --type privkey 2>/dev/null | grep -c "label: *$runtime_telemetry$")" 1
telemetry_certificate "$world/tmp/telemetry-1.pem"
expect "its certificate names device and module" "$(openssl x509 -in "$world/tmp/telemetry-1.pem" -noout -subject)" "subject=CN = $device/telemetry"
publish_by_certificate estprov-telemetry "$world/tmp/telemetry-1.pem"
expect "the hub accepts the certificate" "$code" 204
publish_by_certificate estprov-stranger "$world/tmp/telemetry-1.pem"
expect "its key: refused to estprov-stranger" "$code" 000
refused "its key" estprov-firmware keyd POST "/sign?$api" "$(json --arg h "$telemetry_handle" '{keyHandle: $h, algorithm: "ECDSA", parameters: {digest: "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="}}')"

step "3. the module runtime has Edge Agent's identity created, and gets it SAS tokens"
agent='$edgeAgent'
new_agent=$(json --arg m "$agent" '{type: "aziot", moduleId: $m, managedBy: "IotEdge"}')
refused "a module identity" estprov-stranger identityd POST "/identities/modules?$api" "$new_agent"
refused "a module identity" estprov-firmware identityd POST "/identities/modules?$api" "$new_agent"
ask estprov-runtime identityd POST "/identities/modules?$api" "$new_agent"
expect "Edge Agent's identity is created" "$(get '.spec|[.hubName,.deviceId,.moduleId,.auth.type]|join(" ")')" "$hub $device $agent sas"
agent_handle=$(get .spec.auth.keyHandle)
sas_token estprov-runtime "$agent_handle" "$hub/devices/$device/modules/$agent"
publish estprov-runtime "$agent" "$token"
expect "the hub accepts Edge Agent's token" "$code" 204
sas_token estprov-firmware "$agent_handle" "$hub/devices/$device/modules/$agent"
expect "Edge Agent's key: refused to estprov-firmware" "$code" 401
publish estprov-firmware "$agent" "$firmware_token"
expect "one module's token is none for another" "$code" 401

step "4. further modules of the deployment: created, listed, updated, deleted"
for name_of_module in '$edgeHub' sensor; do
    ask estprov-runtime identityd POST "/identities/modules?$api" "$(json --arg m "$name_of_module" '{type: "aziot", moduleId: $m, managedBy: "IotEdge"}')"
    expect "module $name_of_module is created" "$(get .spec.moduleId)" "$name_of_module"
done
sensor_generation=$(get .spec.genId)
sas_token estprov-runtime "$(get .spec.auth.keyHandle)" "$hub/devices/$device/modules/sensor"
sensor_token=$token
publish estprov-runtime sensor "$sensor_token"
expect "the hub accepts the sensor's token" "$code" 204
ask estprov-runtime identityd GET "/identities/modules?$api&type=aziot"
expect "all modules are listed" "$(get '[.identities[].spec.moduleId]|sort|join(" ")')" '$edgeAgent $edgeHub firmware sensor telemetry'
ask estprov-runtime identityd POST "/identities/modules?$api" "$(json '{type: "aziot", moduleId: "sensor", managedBy: "IotEdge"}')"
expect "creating it again keeps its generation" "$(get .spec.genId)" "$sensor_generation"
ask estprov-runtime identityd PUT "$(module_path sensor)" '{"type":"aziot","moduleId":"sensor","managedBy":"IotEdge"}'
expect "it is updated" "$(get .spec.genId)" "$sensor_generation"
refused "deleting a module" estprov-firmware identityd DELETE "$(module_path sensor)"
ask estprov-runtime identityd DELETE "$(module_path sensor)"
expect "it is deleted" "$code" 204
publish estprov-runtime sensor "$sensor_token"
expect "the hub knows the deleted module no more" "$code" "$([ "$code" = 404 ] && echo 404 || echo 401)"
ask estprov-runtime identityd DELETE "$(module_path firmware)"
expect "the module of a principal is not deleted" "$code" 400

step "5. Edge Hub's server certificate: the runtime's own key, issued once, shared and kept ($runtime_method)"
# request_server FILE: the runtime's key and CSR, in memory as far as this shell can.
as estprov-runtime openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$world/tmp/edgehub.key" -out "$world/tmp/edgehub.csr" \
    -subj "/CN=edge-gateway" -addext "subjectAltName=DNS:edge-gateway,DNS:edgehub" -addext extendedKeyUsage=serverAuth 2>/dev/null
server_body=$(jq -cn --rawfile csr "$world/tmp/edgehub.csr" '{certId: "module-server", csr: $csr}')
refused "the server certificate" estprov-stranger certd POST "/certificates?$api" "$server_body"
refused "the server certificate" estprov-firmware certd POST "/certificates?$api" "$server_body"
ask estprov-runtime certd POST "/certificates?$api" "$server_body"
expect "it is issued" "$code" 201
get .pem >"$world/tmp/server-1.pem"
serial_of() { openssl x509 -in "$1" -noout -serial; }
expect "it is for the runtime's key" "$(openssl x509 -in "$world/tmp/server-1.pem" -noout -pubkey)" "$(as estprov-runtime openssl pkey -in "$world/tmp/edgehub.key" -pubout)"
expect "it names the gateway" "$(openssl x509 -in "$world/tmp/server-1.pem" -noout -checkhost edge-gateway)" "Hostname edge-gateway does match certificate"
expect "it is for TLS servers" "$(openssl x509 -in "$world/tmp/server-1.pem" -noout -ext extendedKeyUsage 2>/dev/null | grep -c 'TLS Web Server Authentication')" 1
expect "its issuer is ${runtime_issuer:?}" "$(openssl x509 -in "$world/tmp/server-1.pem" -noout -issuer | grep -c "$runtime_issuer")" 1
ask estprov-runtime certd POST "/certificates?$api" "$server_body"
get .pem >"$world/tmp/server-2.pem"
expect "while it is valid it is shared, not issued again" "$(serial_of "$world/tmp/server-2.pem")" "$(serial_of "$world/tmp/server-1.pem")"
as estprov-runtime openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$world/tmp/module.key" -out "$world/tmp/module.csr" \
    -subj "/CN=sensor" -addext extendedKeyUsage=clientAuth 2>/dev/null
ask estprov-runtime certd POST "/certificates?$api" "$(jq -cn --rawfile csr "$world/tmp/module.csr" '{certId: "module-id", csr: $csr}')"
expect "a module's own certificate goes the same way" "$code" 201

step "6. a local identity: certificate and key for a process"
local_path="/identities/modules/firmware?$api&type=local"
refused "a local identity" estprov-stranger identityd GET "$local_path"
ask estprov-firmware identityd GET "$local_path"
expect "firmware gets one" "$(get '[.type,.spec.moduleId]|join(" ")')" "local firmware"
get .spec.auth.certificate >"$world/tmp/local.pem"
expect "with the certificate's own key" "$(get .spec.auth.privateKey | openssl pkey -pubout 2>/dev/null)" "$(openssl x509 -in "$world/tmp/local.pem" -noout -pubkey)"
expect "in the name of the process on this machine" "$(openssl x509 -in "$world/tmp/local.pem" -noout -subject | grep -c "CN = firmware\..*\.edge\.local$")" 1

step "7. the device is revoked in the hub: the hub says 'bad credential', the device registers again by itself"
registrations() { control GET /state | jq '[.. | objects | to_entries[] | select(.key | test("^dps register")) | .value | numbers] | add // 0'; }
before=$(registrations)
control DELETE "/devices/$device" >/dev/null
ask estprov-runtime identityd POST "/identities/modules?$api" "$new_agent"
expect "Edge Agent gets its identity again" "$(get .spec.moduleId)" "$agent"
after=$(registrations)
expect "by exactly one more registration" "$((after - before))" 1
sas_token estprov-runtime "$(get .spec.auth.keyHandle)" "$hub/devices/$device/modules/$agent"
publish estprov-runtime "$agent" "$token"
expect "and the hub accepts its new token" "$code" 204
for _ in $(seq 150); do
    ask estprov-firmware identityd GET "/identities/identity?$api"
    sas_token estprov-firmware "$(get .spec.auth.keyHandle)" "$hub/devices/$device/modules/firmware"
    publish estprov-firmware firmware "$token"
    [ "$code" != 204 ] || break
    sleep 0.2
done
expect "the host-level module is registered again too" "$code" 204
for _ in $(seq 150); do
    publish_by_certificate estprov-telemetry "$world/tmp/telemetry-1.pem"
    [ "$code" != 204 ] || break
    sleep 0.2
done
expect "and the one with a certificate" "$code" 204
refused "registering again" estprov-firmware identityd POST "/identities/device/reprovision?$api" '{"type":"aziot"}'
ask estprov-runtime identityd POST "/identities/device/reprovision?$api" '{"type":"aziot"}'
expect "the runtime may ask for it" "$code" 204

step "8. twenty days later: the server certificate nears its end and is renewed, for the same key"
kill -TERM "${process[@]}"
for daemon in keyd certd identityd; do wait "${process[$daemon]}" || true; done
control POST /clock '{"offsetSeconds":1728000}' >/dev/null
install -m 0755 "$out/runtime/clock.so" "$world/clock.so"
device_environment+=("LD_PRELOAD=$world/clock.so" ESTPROV_CRASH_CLOCK=1728000)
start_daemons
as estprov-runtime "$world/bin/usr/bin/estprov" provision --wait --timeout 60 >/dev/null || broken "the device is provisioned" "see the daemons' logs"
for _ in $(seq 100); do
    ask estprov-runtime certd POST "/certificates?$api" "$server_body"
    [ "$code" != 201 ] || break
    sleep 0.2
done
expect "it is issued again" "$code" 201
get .pem >"$world/tmp/server-3.pem"
expect "it is another certificate" "$([ "$(serial_of "$world/tmp/server-3.pem")" != "$(serial_of "$world/tmp/server-1.pem")" ] && echo another)" another
expect "for the same key" "$(openssl x509 -in "$world/tmp/server-3.pem" -noout -pubkey)" "$(openssl x509 -in "$world/tmp/server-1.pem" -noout -pubkey)"
ask estprov-firmware identityd GET "/identities/identity?$api"
sas_token estprov-firmware "$(get .spec.auth.keyHandle)" "$hub/devices/$device/modules/firmware"
publish estprov-firmware firmware "$token"
expect "and the host-level module goes on working" "$code" 204
for _ in $(seq 150); do
    telemetry_certificate "$world/tmp/telemetry-2.pem"
    [ "$(serial_of "$world/tmp/telemetry-2.pem")" = "$(serial_of "$world/tmp/telemetry-1.pem")" ] || break
    sleep 0.2
done
expect "the module's certificate is renewed by itself" "$([ "$(serial_of "$world/tmp/telemetry-2.pem")" != "$(serial_of "$world/tmp/telemetry-1.pem")" ] && echo another)" another
expect "with a new key" "$([ "$(openssl x509 -in "$world/tmp/telemetry-2.pem" -noout -pubkey)" != "$(openssl x509 -in "$world/tmp/telemetry-1.pem" -noout -pubkey)" ] && echo another)" another
publish_by_certificate estprov-telemetry "$world/tmp/telemetry-2.pem"
expect "the hub accepts the new one, and the program its key file as it was" "$code" 204

if [ "$runtime_failed" != 0 ]; then
    for log in "$world"/log/*d.log; do
        printf '\n%s:\n' "${log##*/}"
        tail -n 25 "$log"
    done
fi
printf '\n%d passed, %d failed, 0 skipped\n' "$runtime_passed" "$runtime_failed"
