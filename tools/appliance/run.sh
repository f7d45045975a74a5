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
# shellcheck source=tools/bench/budgets.sh
. "$tree/tools/bench/budgets.sh"

step() { printf '\n-- %s\n' "$*"; }
seconds_since() { awk -v a="$1" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }'; }
leave() { [ -z "$machine_process" ] || kill -KILL "$machine_process" 2>/dev/null || true; }
trap leave EXIT

# control PATH [BODY]: the simulator's control plane.
control() { curl -sS --fail --max-time 20 ${2:+--data "$2"} "http://127.0.0.1:8440/$1"; }

# is_healthy ROOT: the device is who it was, its firmware reaches the hub, any OpenSSL program signs, and no unit has failed.
is_healthy() {
    ask 300 '
grep -x IMAGE_VERSION='"$1"' /etc/os-release
estprov provision --wait --timeout 240 >/dev/null
estprov status --json | grep -o "\"device\": *\"'"$device"'\""
# As firmware does: while keyd opens its token on a machine in emulation, an answer may take longer than it is waited for.
for try in 1 2 3 4 5 6 last; do
    if setpriv --reuid firmware --regid firmware --init-groups firmware /data/secrets/dps-ca.cer "{\"temperature\":21}"; then break; fi
    [ $try != last ]
    sleep 5
done
openssl pkeyutl -sign -rawin -digest sha256 -in /etc/hostname -provider default -provider estprov -inkey estprov:id=device-id | openssl base64 -A >/dev/null
failed=$(systemctl list-units --failed --no-legend)
[ -z "$failed" ] || { printf "%s\n" "$failed"; false; }' || fail "the device is not healthy" "the lines above, and its journal below"
}

# back_again ROOT: boots, and is the device that it was.
back_again() {
    power_on "$1"
    is_healthy "$1"
    printf 'healthy %s s after power\n' "$(seconds_since "$powered")"
}

serial() { ask 60 "estprov cert show $1 | openssl x509 -noout -serial" | grep '^serial='; }

# begin_renewal ID FAULT: has the certificate renewed until a server that is slowed down has its request. It is asked for again where it was just issued, or the token
# is still being opened; while it is under way that changes nothing.
begin_renewal() {
    local until=$((SECONDS + 240)) answer
    renewed_from=$(serial "$1") || fail "the device tells no $1" "its journal is below"
    control faults "$2" >/dev/null
    last_request=$(control requests | jq .next)
    until is_reached 1; do
        answer=$(ask 60 "estprov renew $1 --now --wait 1s 2>&1 || true")
        [ "$SECONDS" -lt "$until" ] || fail "the renewal of $1 does not reach the server" "$answer"
        ! is_reached 100 || break
    done
    printf 'the renewal of %s has reached the server\n' "$1"
}

# is_reached TIMES: whether the slow server has its request by now, looked at so many times.
is_reached() {
    local turn
    for ((turn = 0; turn < $1; turn++)); do
        if control faults | jq -e 'length > 0 and all(.hits > 0)' >/dev/null; then return 0; fi
        sleep 0.05
    done
    return 1
}

# has_issued ANSWER LABEL: whether one of the requests in the answer was for a certificate, and was granted.
has_issued() { jq -e --arg wanted "$2" 'any(.requests[]; .label == $wanted and .route == "simpleenroll" and .status == 200)' <<<"$1" >/dev/null; }

# is_issued LABEL: since last_request.
is_issued() {
    local answer
    answer=$(control "requests?after=$last_request") && has_issued "$answer" "$1"
}

# wait_for_issue LABEL: until the server has issued, and no longer.
wait_for_issue() {
    local until=$((SECONDS + 120)) answer
    while true; do
        answer=$(control "requests?after=$last_request&wait=10") || fail "the simulator does not tell what it was asked" "$(tail -n 5 "$work/simulator.log")"
        ! has_issued "$answer" "$1" || return 0
        [ "$SECONDS" -lt "$until" ] || fail "the server does not issue $1" "$answer"
        last_request=$(jq .next <<<"$answer")
    done
}

# begin_proof: has device-id renewed until the new certificate is issued, waits for DPS's word on it, and the old one is still in use. It is asked for again where it was
# just issued, or where another request than the proof, such as a registration, had the delay.
begin_proof() {
    local until=$((SECONDS + 300)) answer=""
    while true; do
        [ "$SECONDS" -lt "$until" ] || fail "no renewal of device-id waits for its proof at DPS" "$answer"
        renewed_from=$(serial device-id) || fail "the device tells no device-id" "its journal is below"
        curl -sS --max-time 20 -X DELETE http://127.0.0.1:8440/faults >/dev/null
        last_request=$(control requests | jq .next)
        control faults '{"kind":"delay","service":"dps","delayMilliseconds":60000,"count":1}' >/dev/null
        answer=$(ask 60 "estprov renew device-id --now --wait 1s 2>&1 || true")
        if is_reached 100 && [ "$(serial device-id)" = "$renewed_from" ] && is_issued device-id; then break; fi
    done
    printf 'the renewed device-id waits for its proof, %s is in use\n' "$renewed_from"
}

# finish_renewal ID ROOT: after the cut, either by itself or as an operator asks again.
finish_renewal() {
    local until=$((SECONDS + 300)) now
    curl -sS --max-time 20 -X DELETE http://127.0.0.1:8440/faults >/dev/null
    until now=$(serial "$1") && [ "$now" != "$renewed_from" ]; do
        [ "$SECONDS" -lt "$until" ] || fail "$1 is not renewed after the cut" "its journal is below"
        ask 60 "estprov renew $1 --now --wait 20s || true"
        sleep 2
    done
    printf '%s: %s is replaced by %s\n' "$1" "$renewed_from" "$now"
    is_healthy "$2"
}

step "cloud set-up: the operator's CA, the EST server, DPS and IoT Hub (simulated, real TLS)"
ip link set lo up
simulator=(dotnet "$out/simulator/estprov-simulator.dll")
hosts=(--est-host estendpoint.com --dps-host global.azure-devices-provisioning.net --hub-host "$hub" --scope-id "$scope")
"${simulator[@]}" --data "$work/pki" --init "${hosts[@]}" >"$work/simulator-init.log" 2>&1 || fail "the simulator made no PKI" "$(tail -n 5 "$work/simulator-init.log")"
"${simulator[@]}" --data "$work/pki" --port 443 --control-port 8440 "${hosts[@]}" --assigning-polls 0 --retry-after 0 --validity 14400 >"$work/simulator.log" 2>&1 &
for _ in $(seq 300); do
    [ -s "$work/pki/ports.json" ] && break
    sleep 0.1
done
[ -s "$work/pki/ports.json" ] || fail "the simulator does not start" "$(tail -n 5 "$work/simulator.log")"

step "factory: on a blank data partition, a token with a key in it, the PIN as an encrypted credential, a CSR signed by the operator's CA"
power_on a systemd.mask=estprov-{certd,identityd}.{socket,service}
ask 240 '
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
"${simulator[@]}" sign-bootstrap --data "$work/pki" --csr "$work/csr.pem" --out "$work/bootstrap.cer" >"$work/sign.log" 2>&1 || fail "the CSR was not signed" "$(tail -n 3 "$work/sign.log")"
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
ask 300 'estprov provision --wait --timeout 280' || fail "the device was not provisioned" "its journal is below"
boot_to_provisioned=$(seconds_since "$powered")
printf 'answered after %s s, provisioned after %s s\n' "$booted" "$boot_to_provisioned"
is_healthy a
ask 60 'estprov status; awk "\$2 ~ /^\/(data|var\/lib\/estprov)?\$/ { print \$1, \$2, \$4 }" /proc/mounts; ! touch /usr/bin/x 2>/dev/null' || fail "the root can be written" "it is mounted read-only by the initrd"

step "footprint, after a restart, idle"
ask 240 '
systemctl restart estprov-{keyd,certd,identityd}
estprov provision --wait --timeout 180 >/dev/null
sleep 20
for daemon in keyd certd identityd; do
    awk -v name="$daemon" "/^Pss:/ { printf \"idle PSS %s %.1f MB\n\", name, \$2 / 1024 }" "/proc/$(systemctl show -P MainPID "estprov-$daemon")/smaps_rollup"
done' >"$work/memory" || fail "the memory cannot be told" "$(cat "$work/memory")"
is_within "$(awk '{ sum += $4 } END { printf "%.1f", sum }' "$work/memory")" "$idle_budget" || fail "the three daemons have more than $idle_budget MB of memory when idle" "$(cat "$work/memory")"
awk 'NF { print; sum += $4 } END { printf "idle PSS of the three %.1f MB (budget 15)\n", sum }' "$work/memory"
cat "$work/installed"

step "another machine id, as a read-only root draws one where nobody names it: keyd stays off, the key of its PIN is kept"
power_off
power_on a systemd.machine_id=0123456789abcdef0123456789abcdef
ask 120 '
if systemctl start estprov-machine-id estprov-keyd 2>/dev/null; then exit 1; fi
if systemctl is-active --quiet estprov-keyd; then exit 1; fi
journalctl --no-pager -o cat -u estprov-machine-id | grep -m 1 -x "hint: .* systemd.machine_id='"$machine_id"' .*"
test -s /var/lib/systemd/credential.secret' || fail "another machine id is not noticed" "systemd deletes credential.secret then"
power_off
back_again a

step "power cut while the EST server has the renewal of est-id in its hands"
begin_renewal est-id '{"kind":"delay","service":"est","label":"est-id","route":"simplereenroll","delayMilliseconds":60000,"count":1}'
cut_power
back_again a
finish_renewal est-id a

step "power cut as the renewed device-id is on its way to the device"
begin_renewal device-id '{"kind":"delay","service":"est","label":"device-id","route":"simpleenroll","delayMilliseconds":2000,"count":1}'
wait_for_issue device-id
cut_power
back_again a
finish_renewal device-id a

step "A/B: power cut while the renewed device-id is being proved at DPS, and root B goes on with what root A has half done"
begin_proof
cut_power
back_again b
finish_renewal device-id b

step "the other way: the same cut, and root A goes on with what root B has half done"
begin_proof
cut_power
back_again a
finish_renewal device-id a

step "and forth again, switched off in good order, and back: what follows is this release's"
power_off
back_again b
power_off
back_again a

step "factory reset: refused without a bootstrap certificate, and nothing is lost; with it, all certificates are new"
before=$(serial est-id)$(serial device-id)
ask 120 '
mv /data/secrets/bootstrap.cer /data/secrets/away
if estprov factory-reset --yes 2>/run/refusal; then exit 1; fi
mv /data/secrets/away /data/secrets/bootstrap.cer
cat /run/refusal
grep -q ^hint: /run/refusal' || fail "the reset is not refused" "without a bootstrap there is no way back"
is_healthy a
[ "$(serial est-id)$(serial device-id)" = "$before" ] || fail "the refused reset has changed certificates" "$before"
ask 300 'estprov factory-reset --yes' || fail "the device is not reset" "the lines above, and its journal below"
is_healthy a
for id in est-id device-id; do
    [[ $before != *"$(serial "$id")"* ]] || fail "$id is the one from before the reset" "$before"
done

step "what is left in the token"
ask 60 '
pin=$(systemd-creds decrypt --name=pin /var/lib/estprov/keyd.pin -)
SOFTHSM2_CONF=/etc/estprov/softhsm2.conf pkcs11-tool --module /usr/lib/softhsm/libsofthsm2.so --token-label device --login --pin "$pin" --list-objects --type privkey 2>/dev/null |
    sed -n "s/^ *label: */key: /p"' >"$work/keys" || fail "the token cannot be read" "$(cat "$work/keys")"
grep '^key: ' "$work/keys"
# Of each of the two certificates the current key and at most the one before it, and the bootstrap key.
keys=$(grep -c '^key: ' "$work/keys")
grep -qx 'key: device id' "$work/keys" || fail "the bootstrap key is not in the token any more" "no cut may lose a key"
[[ $keys -ge 3 && $keys -le 5 ]] || fail "the token has $keys keys, and 3 to 5 are in use" "no cut may lose a key or leave one behind"
power_off

printf '\nappliance provisioned hub=%s device=%s boot_to_provisioned_seconds=%s\n' "$hub" "$device" "$boot_to_provisioned"
