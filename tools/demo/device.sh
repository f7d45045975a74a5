#!/usr/bin/env bash
# One device, from a blank token to a registered device. Runs in network, mount and process namespaces of its own (build.sh demo makes
# them), so that the real names and ports, /etc, /run and /var can be used as on a device without touching this machine.
# usage: device.sh TREE OUT WAY [keep|bench|count|identity-count|identity-near|identity-far|runtime]
set -euo pipefail

readonly tree=$1 out=$2 way=$3 keep=${4:-}
readonly scope=0ne00D3M0 pin=1234 device=demo-device-$way
readonly module=/usr/lib/softhsm/libsofthsm2.so
readonly world=/var/demo

step() { printf '\n-- %s\n' "$*"; }
fail() {
    printf 'error: %s\nhint: %s\n' "$1" "$2" >&2
    for log in "$world"/log/*.log; do
        printf '\n%s:\n' "${log##*/}" >&2
        tail -n 30 "$log" >&2
    done
    exit 1
}
# as USER COMMAND...: an ordinary user, who is in the group of the sockets.
as() { (become "$@"); }
# become USER COMMAND...: the same, in place of this shell, so that a background job's number is the command's own.
become() {
    local user=$1
    shift
    exec setpriv --reuid "$user" --regid "$user" --groups estprov --no-new-privs env -i PATH=/usr/bin:/bin HOME=/nonexistent "${device_environment[@]}" "$@"
}

if [[ $keep = identity-* ]]; then
    # shellcheck source=tools/bench/identity.sh
    . "$tree/tools/bench/identity.sh"
fi

step "a device of its own: /etc is a copy, /var and /run are empty"
ip link set lo up
cp -a "$tree/tools/demo/config" /tmp/estprov-demo-config.$$
trap 'rm -rf /tmp/estprov-demo-config.$$' EXIT
etc=$(mktemp -d)
mount -t tmpfs -o mode=0755 tmpfs "$etc"
cp -a /etc/. "$etc/"
mount --move "$etc" /etc
rmdir "$etc"
mount -t tmpfs -o mode=0755 tmpfs /var
mount -t tmpfs -o mode=0755 tmpfs /run
mkdir -p /var/lib /var/secrets /var/tmp "$world"/{log,pki,token,bin,tmp} /etc/estprov
chmod 1777 "$world/tmp"
id=7100
for user in estprov estprov-keyd estprov-certd estprov-identityd estprov-demo estprov-runtime estprov-firmware estprov-telemetry estprov-stranger; do
    id=$((id + 1))
    sed -i "/^$user:/d" /etc/passwd /etc/group
    echo "$user:x:$id:" >>/etc/group
    [ "$user" = estprov ] || echo "$user:x:$id:$id:EstProv demo:/nonexistent:/usr/sbin/nologin" >>/etc/passwd
done
printf '%s estendpoint.com global.azure-devices-provisioning.net demo-hub.azure-devices.net\n' "${server_address:-127.0.0.1}" >>/etc/hosts
# The sockets' folder: systemd would hand the sockets over; here each daemon makes its own, and cannot replace another's.
install -d -o root -g estprov -m 1775 /run/estprov
install -d -o estprov-keyd -g estprov-keyd -m 0700 /var/lib/estprov-keyd
install -d -o estprov-certd -g estprov-certd -m 0700 /var/lib/iotedge/cs
for daemon in keyd certd identityd; do install -d -o "estprov-$daemon" -g "estprov-$daemon" -m 0700 "/var/lib/estprov/$daemon"; done
chmod 0755 /var/lib/iotedge /var/lib/estprov
cp -a "$out/stage/." "$world/bin/"
[ ! -d "$out/bench" ] || cp -a "$out/bench" "$world/tools"
export SOFTHSM2_CONF=/etc/estprov/softhsm2.conf
printf 'directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n' "$world/token" >"$SOFTHSM2_CONF"
device_environment=("SOFTHSM2_CONF=$SOFTHSM2_CONF" "OPENSSL_MODULES=$world/bin/usr/lib/ossl-modules")
chown estprov-keyd:estprov-keyd "$world/token"
chmod 0700 "$world/token"
keyd_module=$module
if [[ $keep = count || $keep = identity-count ]]; then
    # OpenSC's spy sits between keyd and the token, and writes down every call.
    keyd_module=$(find /usr/lib -name pkcs11-spy.so -print -quit)
    install -o estprov-keyd -m 0600 /dev/null "$world/log/token-calls.log"
    device_environment+=("PKCS11SPY=$module" "PKCS11SPY_OUTPUT=$world/log/token-calls.log")
fi

step "cloud set-up: the operator's CA, the EST server, DPS and IoT Hub (simulated, real TLS, on their real names and port 443)"
simulator=(dotnet "$out/simulator/estprov-simulator.dll")
# DPS takes a second to assign, as the real one does; where time or work is measured, it is ours alone.
simulator_pace=()
[[ $keep != bench && $keep != count && $keep != identity-* ]] || simulator_pace=(--assigning-polls 0 --retry-after 0)
[ "$keep" != runtime ] || simulator_pace=(--validity $((25 * 86400)))
"${simulator[@]}" --data "$world/pki" --init --est-host estendpoint.com --dps-host global.azure-devices-provisioning.net \
    --hub-host demo-hub.azure-devices.net --scope-id "$scope" >"$world/log/simulator-init.log" 2>&1 || fail "the simulator made no PKI" "see its log above"
"${simulator[@]}" --data "$world/pki" --port 443 --est-host estendpoint.com --dps-host global.azure-devices-provisioning.net \
    --hub-host demo-hub.azure-devices.net --scope-id "$scope" --control-port 8440 "${simulator_pace[@]}" >"$world/log/simulator.log" 2>&1 &
simulator_process=$!
for _ in $(seq 200); do
    [ -s "$world/pki/ports.json" ] && break
    sleep 0.05
done
[ -s "$world/pki/ports.json" ] || fail "the simulator does not start" "see its log above"

step "device set-up: a private key in the HSM, a CSR made with it, the signed certificate on the file system"
as estprov-keyd softhsm2-util --init-token --free --label device --pin "$pin" --so-pin 123456 >/dev/null
slot=$(as estprov-keyd softhsm2-util --show-slots | awk '/^Slot /{slot=$2} /Label: +device *$/{print slot}')
as estprov-keyd pkcs11-tool --module "$module" --slot "$slot" --login --pin "$pin" --keypairgen --key-type EC:prime256v1 \
    --label "device id" --id 01 >/dev/null 2>"$world/log/pkcs11-tool.log" || fail "no key could be made in the token" "see the log above"
key="pkcs11:token=device;object=device%20id"
printf 'cn = "%s"\n' "$device" >"$world/csr.template"
# request KIND FILE: has the CSR of the token's key signed by the operator's CA.
request() {
    as estprov-keyd env "GNUTLS_PIN=$pin" certtool --provider "$module" --generate-request --template "$world/csr.template" \
        --load-privkey "$key;type=private" --load-pubkey "$key;type=public" --no-text >"$world/csr.pem" 2>"$world/log/certtool.log" ||
        fail "no CSR could be made with the token's key" "see the log above"
    "${simulator[@]}" "$1" --data "$world/pki" --csr "$world/csr.pem" --out "$2" >"$world/log/$1.log" 2>&1 || fail "the CSR was not signed" "see the log above"
    chmod 0644 "$2"
}
if [ "$way" = preloaded-est-id ]; then request issue-est-id /var/secrets/est-id.cer; else request sign-bootstrap /var/secrets/bootstrap.cer; fi
install -m 0644 "$world/pki/est-ca.cer" /var/secrets/est-ca.cer
install -m 0644 "$world/pki/dps-ca.cer" /var/secrets/dps-ca.cer

step "configuration: the documented files, with this difference"
config=/tmp/estprov-demo-config.$$
cp "$config"/*.toml /etc/estprov/
sed -i -e "s|/usr/lib/hardware-specific-pkcs11-library.so|$keyd_module|" -e "s|slot-id=0|slot-id=$slot|" /etc/estprov/keyd.toml
sed -i -e "s|<ADD dps SCOPE ID HERE>|$scope|" /etc/estprov/identityd.toml
case $way in
single-url) sed -i -e '/^# EST endpoint URL specifically/,/^$/d' -e '/^ *# EST endpoint URL specifically/d' -e '/^ *"\(est-id\|device-id\|device-ca\)" = "https/d' /etc/estprov/certd.toml ;;
local-mint) sed -i -e 's|^\( *\)device-id = "est".*|\1device-id = "device-ca"|' /etc/estprov/certd.toml ;;
preloaded-est-id)
    sed -i -e 's|^\( *\)"bootstrap" = "/var/secrets/bootstrap.cer"|\1"est-id" = "/var/secrets/est-id.cer"|' -e '/bootstrap_identity/d' /etc/estprov/certd.toml
    sed -i -e 's|^\( *\)"bootstrap" = |\1"est-id" = |' /etc/estprov/keyd.toml
    ;;
esac
for file in keyd certd identityd; do
    diff -U0 --label "documented $file.toml" --label "/etc/estprov/$file.toml" "$config/$file.toml" "/etc/estprov/$file.toml" || true
done
# What the documented files leave open, as drop-ins: DPS's server is not in the system's trust store here, and a local program's user
# may know the device's identity and use its key.
mkdir -p /etc/estprov/{keyd,certd,identityd}.d
printf '[[principal]]\nuser = "estprov-demo"\nkeys = ["device-id"]\nrights = ["use"]\n' >/etc/estprov/keyd.d/10-demo.toml
printf '[preloaded_certs]\n"dps-ca" = "/var/secrets/dps-ca.cer"\n' >/etc/estprov/certd.d/10-demo.toml
printf '[provisioning]\ntrusted_certs = ["dps-ca"]\n[[principal]]\nuser = "estprov-demo"\nname = "demo"\nidtype = ["device"]\n' >/etc/estprov/identityd.d/10-demo.toml
if [ "$keep" = runtime ]; then
    runtime_telemetry=aziot_identityd_module_telemetry
    runtime_method="through EST" runtime_issuer="EST identity CA"
    url="https://estendpoint.com/.well-known/est"
    printf '[cert_issuance.est.urls]\n"module-server" = "%s/module-server/simpleenroll"\n"module-id" = "%s/module-id/simpleenroll"\n"%s" = "%s/module-id/simpleenroll"\n[cert_issuance]\nlocal-id = "est"\n%s = "est"\n' \
        "$url" "$url" "$runtime_telemetry" "$url" "$runtime_telemetry" >/etc/estprov/certd.d/20-runtime.toml
    if [ "$way" = local-mint ]; then
        runtime_method="minted by the device CA" runtime_issuer="$device"
        printf '[cert_issuance]\nmodule-server = "device-ca"\nmodule-id = "device-ca"\nlocal-id = "device-ca"\n%s = "device-ca"\n' "$runtime_telemetry" >/etc/estprov/certd.d/20-runtime.toml
    fi
    printf '[[principal]]\nuser = "estprov-runtime"\ncerts = ["module-server", "module-id"]\n' >>/etc/estprov/certd.d/20-runtime.toml
    printf '[[principal]]\nuser = "estprov-runtime"\nkeys = ["aziot_identityd_master_id"]\n[[principal]]\nuser = "estprov-firmware"\nkeys = ["aziot_identityd_master_id/firmware:*"]\n' >/etc/estprov/keyd.d/20-runtime.toml
    printf '[[principal]]\nuser = "estprov-telemetry"\nkeys = ["%s"]\nrights = ["use"]\n' "$runtime_telemetry" >>/etc/estprov/keyd.d/20-runtime.toml
    printf '[localid]\ndomain = "edge.local"\ncert_id = "local-id"\n[[principal]]\nuser = "estprov-runtime"\nname = "runtime"\n[[principal]]\nuser = "estprov-firmware"\nname = "firmware"\nidtype = ["module", "local"]\n' >/etc/estprov/identityd.d/20-runtime.toml
    printf '[[principal]]\nuser = "estprov-telemetry"\nname = "telemetry"\nidtype = ["module"]\nauth = "x509"\n' >>/etc/estprov/identityd.d/20-runtime.toml
fi
[[ $keep != identity-* ]] || configure_identity
tail -n +1 /etc/estprov/*.d/*.toml
chown -R root:estprov /etc/estprov
# The file with the PIN is keyd's alone.
chown root:estprov-keyd /etc/estprov/keyd.toml
chmod 0640 /etc/estprov/*.toml

step "start the three daemons, each as its own ordinary user"
started=$(date +%s.%N)
declare -A process
start_daemons() {
    local daemon
    for daemon in keyd certd identityd; do
        become "estprov-$daemon" "$world/bin/usr/libexec/estprov/estprov-$daemon" 2>>"$world/log/$daemon.log" &
        process[$daemon]=$!
    done
}
start_daemons
[[ $keep != identity-* ]] || begin_identity
as estprov-demo "$world/bin/usr/bin/estprov" provision --wait --timeout 60 || fail "the device was not provisioned" "the daemons' logs are above"
seconds=$(awk -v a="$started" -v b="$(date +%s.%N)" 'BEGIN { printf "%.2f", b - a }')

if [[ $keep = identity-* ]]; then
    report_identity
    jobs -pr | xargs -r kill -TERM || true
    wait || true
    exit
fi

step "the certificates"
as estprov-demo "$world/bin/usr/bin/estprov" status
status=$(as estprov-demo "$world/bin/usr/bin/estprov" status --json)
hub=$(sed -n -E 's/.*"hub": *"([^"]+)".*/\1/p' <<<"$status" | head -n 1)
name=$(sed -n -E 's/.*"device": *"([^"]+)".*/\1/p' <<<"$status" | head -n 1)
[[ -n $hub && $name = "$device" ]] || fail "status names hub '$hub' and device '$name', not $device" "see the table above"

step "a local program asks for the device's identity, and signs with its key by way of OpenSSL"
who=$(as estprov-demo curl -sS --fail --unix-socket /run/estprov/identityd.sock -H 'Content-Type: application/json' -d '{"type":"aziot"}' \
    'http://localhost/identities/device?api-version=2020-09-01') || fail "identityd does not tell who the device is" "see its log above"
printf '%s\n' "$who"
[[ $who == *"\"$device\""* ]] || fail "that is another identity than $device" "see it above"
as estprov-demo openssl pkeyutl -sign -rawin -digest sha256 -in /etc/hostname -provider default -provider estprov -inkey estprov:id=device-id >"$world/signature" ||
    fail "the device's key does not sign" "see keyd's log above"
printf 'signed %s bytes of /etc/hostname: %s bytes of signature\n' "$(stat -c %s /etc/hostname)" "$(stat -c %s "$world/signature")"

# The examples of native/README.md, as firmware: another program of the same user.
if [ -d "$out/native/examples" ]; then
    step "firmware in C: publish a message, sign a line of a log, follow a certificate over a restart of certd"
    install -d "$world/firmware"
    cp "$out"/native/examples/{publish,sas,sign_log,watch_renewal} "$out/native/libestprov.so.1" "$world/firmware/"
    firmware() {
        local program=$1
        shift
        as estprov-demo env "LD_LIBRARY_PATH=$world/firmware" "$world/firmware/$program" "$@"
    }
    firmware publish /var/secrets/dps-ca.cer '{"temperature":21}' || fail "the message was not published" "see above, and the simulator's log"
    firmware sas || fail "the connection string was not told" "see above"
    as estprov-demo openssl pkey -pubout -provider default -provider estprov -in estprov:id=device-id >"$world/device.pub" ||
        fail "the device's public key is not told" "see keyd's log above"
    firmware sign_log device-id </etc/hostname >"$world/log.sig" || fail "the line was not signed" "see above"
    openssl dgst -sha256 -verify "$world/device.pub" -signature <(xxd -r -p "$world/log.sig") /etc/hostname || fail "the signature of the log is wrong" "see above"
    firmware watch_renewal device-id 2 >"$world/log/watch.log" &
    watching=$!
    for _ in $(seq 100); do
        [ -s "$world/log/watch.log" ] && break
        sleep 0.05
    done
    # What it may have missed while certd restarts, it looks up anew.
    kill -TERM "${process[certd]}"
    wait "${process[certd]}" || true
    become estprov-certd "$world/bin/usr/libexec/estprov/estprov-certd" 2>>"$world/log/certd.log" &
    process[certd]=$!
    timeout 60 tail --pid="$watching" -f /dev/null || fail "the restart was not told" "see above"
    wait "$watching" || fail "the certificate was not followed" "see above"
    cat "$world/log/watch.log"
fi
printf '\nprovisioned way=%s hub=%s device=%s seconds=%s\n' "$way" "$hub" "$name" "$seconds"

if [ "$keep" = bench ]; then
    # shellcheck source=tools/bench/on_device.sh
    . "$tree/tools/bench/on_device.sh"
elif [ "$keep" = count ]; then
    # shellcheck source=tools/bench/counts.sh
    . "$tree/tools/bench/counts.sh"
elif [ "$keep" = runtime ]; then
    # shellcheck source=tools/demo/runtime.sh
    . "$tree/tools/demo/runtime.sh"
elif [ -n "$keep" ]; then
    cat <<EOF

The device goes on running until you leave this shell. You are its user estprov-demo:
  estprov status                  what it has
  curl --unix-socket /run/estprov/identityd.sock 'http://localhost/identities/provisioning?api-version=2020-09-01'
  openssl s_client -connect demo-hub.azure-devices.net:443 -provider default -provider estprov -cert FILE -key estprov:id=device-id
  ls $world/log                   the daemons' logs
EOF
    device_environment+=("TERM=${TERM:-dumb}" "PS1=device\\$ ")
    as estprov-demo env "PATH=$world/bin/usr/bin:/usr/bin:/bin" bash --norc || true
fi
# The process namespace ends with this shell, and the daemons with it; they are asked first, as a shutdown would.
jobs -p | xargs -r kill -TERM
wait || true
