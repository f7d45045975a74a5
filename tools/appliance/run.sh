#!/usr/bin/env bash
# One device's life: made in the factory, booted for the first time, used, cut off from power while it renews, updated and taken back.
# Runs in network and process namespaces of its own, so that the simulator has its real names and port.
# usage: run.sh TREE OUT
# shellcheck disable=SC2016 # what is asked of the device is expanded there
set -euo pipefail

readonly tree=$1 out=$2
readonly work=$out/appliance/run kernel=$out/appliance/kernel
readonly scope=0ne00D3M0 device=appliance-1 hub=demo-hub.azure-devices.net
machine_id=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
readonly machine_id

# shellcheck source=tools/appliance/machine.sh
. "$tree/tools/appliance/machine.sh"

step() { printf '\n-- %s\n' "$*"; }
seconds_since() { awk -v a="$1" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }'; }
leave() { [ -z "$machine_process" ] || kill -KILL "$machine_process" 2>/dev/null || true; }
trap leave EXIT

step "cloud set-up: the operator's CA, the EST server, DPS and IoT Hub (simulated, real TLS)"
ip link set lo up
simulator=(dotnet "$out/simulator/estprov-simulator.dll" --data "$work/pki")
hosts=(--est-host estendpoint.com --dps-host global.azure-devices-provisioning.net --hub-host "$hub" --scope-id "$scope")
"${simulator[@]}" --init "${hosts[@]}" >"$work/simulator-init.log" 2>&1 || fail "the simulator made no PKI" "$(tail -n 5 "$work/simulator-init.log")"
"${simulator[@]}" --port 443 --control-port 8440 "${hosts[@]}" --assigning-polls 0 --retry-after 0 --validity 7200 >"$work/simulator.log" 2>&1 &
for _ in $(seq 300); do
    [ -s "$work/pki/ports.json" ] && break
    sleep 0.1
done
[ -s "$work/pki/ports.json" ] || fail "the simulator does not start" "$(tail -n 5 "$work/simulator.log")"

step "factory: on a blank data partition, a token with a key in it, the PIN as an encrypted credential, a CSR signed by the operator's CA"
power_on a systemd.mask=estprov-{certd,identityd}.{socket,service}
ask 120 '
install -d -o estprov-keyd -g estprov-keyd -m 0700 /var/lib/estprov/keyd /var/lib/estprov/keyd/softhsm
# A token keeps what it has answered for. SoftHSM2 never syncs: its files are written at once instead.
chattr +S +D /var/lib/estprov/keyd/softhsm
pin=$(od -An -N4 -tu4 /dev/urandom | tr -d " ")
as_keyd() { setpriv --reuid estprov-keyd --regid estprov-keyd --clear-groups env SOFTHSM2_CONF=/etc/estprov/softhsm2.conf "$@"; }
as_keyd softhsm2-util --init-token --free --label device --pin "$pin" --so-pin "$pin$pin" >/dev/null
as_keyd pkcs11-tool --module /usr/lib/softhsm/libsofthsm2.so --token-label device --login --pin "$pin" --keypairgen --key-type EC:prime256v1 --label "device id" --id 01 >/dev/null 2>&1
printf %s "$pin" | systemd-creds encrypt --with-key=host --name=pin - /var/lib/estprov/keyd.pin 2>/dev/null
systemctl restart estprov-keyd
openssl req -new -provider default -provider estprov -key estprov:id=bootstrap -subj "/CN='"$device"'"' >"$work/csr.pem" || fail "the factory has made no CSR" "$(cat "$work/csr.pem")"
"${simulator[@]}" sign-bootstrap --csr "$work/csr.pem" --out "$work/bootstrap.cer" >"$work/sign.log" 2>&1 || fail "the CSR was not signed" "$(tail -n 3 "$work/sign.log")"
for file in "$work/bootstrap.cer" "$work/pki/est-ca.cer" "$work/pki/dps-ca.cer"; do
    ask 30 "cat >/data/secrets/$(basename "$file") <<'END'
$(cat "$file")
END
sync" >/dev/null || fail "the device does not take $(basename "$file")" "see its console"
done
power_off

step "first boot: from power to a provisioned device"
power_on a
booted=$(seconds_since "$powered")
ask 180 'estprov provision --wait --timeout 150' || fail "the device was not provisioned" "its journal is below"
boot_to_provisioned=$(seconds_since "$powered")
printf 'answers after %s s, provisioned after %s s\n' "$booted" "$boot_to_provisioned"
ask 60 'estprov status; systemd-analyze time || true; findmnt -n -o TARGET,OPTIONS / /data /var/lib/estprov || true'

printf '\nappliance provisioned hub=%s device=%s boot_to_provisioned_seconds=%s\n' "$hub" "$device" "$boot_to_provisioned"
power_off
