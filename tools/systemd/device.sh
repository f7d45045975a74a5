#!/usr/bin/env bash
# The device of the test, under systemd: users by sysusers, sockets by their units, the PIN as an encrypted credential, and the hardening that ships.
# Each check is a line; the last line counts them. usage: device.sh OUT FOLDER
set -euo pipefail

readonly out=$1 back=$2
readonly module=/usr/lib/softhsm/libsofthsm2.so pin=7348215906 name=systemd-device scope=0ne00D3M0
readonly services=(estprov-{keyd,certd,identityd}.service) sockets=(estprov-{keyd,certd,identityd}.socket)
passed=0 failed=0

# check WHAT COMMAND...
check() {
    local what=$1
    shift
    if "$@"; then
        passed=$((passed + 1))
        printf 'ok: %s\n' "$what"
    else
        failed=$((failed + 1))
        printf 'FAILED: %s\n' "$what"
    fi
}
finish() {
    local status=$?
    [ "$status" = 0 ] || failed=$((failed + 1))
    if [ "$failed" != 0 ]; then
        systemctl --no-pager status 'estprov-*' || true
        journalctl --no-pager -o short-monotonic -u 'estprov-*' | tail -n 150
    fi
    printf '%d passed, %d failed, 0 skipped\n' "$passed" "$failed" | tee "$back/counts"
}
trap finish EXIT
# soon SECONDS COMMAND...: until the command succeeds.
soon() {
    local until=$((SECONDS + $1))
    shift
    while ! "$@"; do
        [ "$SECONDS" -lt "$until" ] || return 1
        sleep 0.2
    done
}
not() { ! "$@"; }
main_pid() { systemctl show -P MainPID "estprov-$1.service"; }
restarts() { systemctl show -P NRestarts "estprov-$1.service"; }
runs() { [ "$(main_pid "$1")" != 0 ]; }
is_replaced() { [ "$(restarts "$1")" != 0 ] && [ "$(systemctl is-active "estprov-$1")" = active ]; }
# has MODE-USER-GROUP PATH
has() { [ "$(stat -c '%a-%U-%G' "$2")" = "$1" ]; }
are_enabled() { [ "$(systemctl is-enabled "$@" | sort -u)" = enabled ]; }
are_active() { [ "$(systemctl is-active "$@" | sort -u)" = active ]; }
names_device() { estprov status --json | grep -q "\"device\": *\"$name\""; }
serves_certificates() { estprov cert show device-id | grep -q 'BEGIN CERTIFICATE'; }
# signs: one signature by the token, through the provider and keyd.
signs() { timeout 60 openssl pkeyutl -sign -rawin -digest sha256 -in /etc/passwd -provider default -provider estprov -inkey estprov:id=device-id >/dev/null; }
as_nobody() { setpriv --reuid nobody --regid nogroup --clear-groups "$@" >/dev/null 2>&1; }
shows_pin() { tr '\0' '\n' <"/proc/$(main_pid keyd)/environ" | grep -q "=$pin\$" || journalctl -u 'estprov-*' | grep -qE "pin-value|$pin"; }
# is_confined DAEMON: by what the kernel says of the process.
is_confined() {
    awk -v uid="$(id -u "estprov-$1")" '/^Uid:/ { own = $2 == uid && $3 == uid } /^Cap(Eff|Prm|Bnd):/ { able += $2 !~ /^0+$/ }
        /^NoNewPrivs:/ { none = $2 == 1 } /^Seccomp:/ { filter = $2 == 2 } END { exit !(own && !able && none && filter) }' "/proc/$(main_pid "$1")/status"
}

# No check waits for ever.
estprov() { timeout 60 /usr/bin/estprov "$@"; }

umount -l /.before
mkdir -p /var/lib/systemd /var/secrets
ip link set lo up
printf '127.0.0.1 localhost estendpoint.com global.azure-devices-provisioning.net demo-hub.azure-devices.net\n' >/etc/hosts

# As a boot from a fresh image would: users, folders, presets.
systemctl stop "${sockets[@]}"
systemd-sysusers
systemd-tmpfiles --create --prefix=/run/estprov
check "the presets enable the three sockets and services" are_enabled "${services[@]}" "${sockets[@]}"

simulator=(dotnet "$out/simulator/estprov-simulator.dll")
hosts=(--est-host estendpoint.com --dps-host global.azure-devices-provisioning.net --hub-host demo-hub.azure-devices.net --scope-id "$scope")
"${simulator[@]}" --data /var/pki --init "${hosts[@]}" >/var/simulator-init.log 2>&1
"${simulator[@]}" --data /var/pki --port 443 --control-port 8440 "${hosts[@]}" --assigning-polls 0 --retry-after 0 >/var/simulator.log 2>&1 &
soon 30 test -s /var/pki/ports.json

# The token, with the bootstrap key, is the Key Service's.
install -d -o root -g root -m 0755 /var/lib/estprov
install -d -o estprov-keyd -g estprov-keyd -m 0700 /var/lib/estprov/keyd /var/lib/estprov/keyd/softhsm
printf 'directories.tokendir = /var/lib/estprov/keyd/softhsm\nobjectstore.backend = file\nlog.level = ERROR\n' >/etc/estprov/softhsm2.conf
as_keyd() { setpriv --reuid estprov-keyd --regid estprov-keyd --clear-groups env SOFTHSM2_CONF=/etc/estprov/softhsm2.conf "$@"; }
as_keyd softhsm2-util --init-token --free --label device --pin "$pin" --so-pin 123456 >/dev/null
as_keyd pkcs11-tool --module "$module" --token-label device --login --pin "$pin" --keypairgen --key-type EC:prime256v1 --label "device id" --id 01 >/dev/null 2>&1
printf 'cn = "%s"\n' "$name" >/var/csr.template
as_keyd env "GNUTLS_PIN=$pin" certtool --provider "$module" --generate-request --template /var/csr.template --no-text \
    --load-privkey "pkcs11:token=device;object=device%20id;type=private" --load-pubkey "pkcs11:token=device;object=device%20id;type=public" >/var/csr.pem 2>/var/certtool.log
"${simulator[@]}" sign-bootstrap --data /var/pki --csr /var/csr.pem --out /var/secrets/bootstrap.cer >/dev/null 2>&1
install -m 0644 /var/pki/est-ca.cer /var/pki/dps-ca.cer /var/secrets/
chmod 0644 /var/secrets/*

# The files that ship, and drop-ins with what differs on this device.
cat >/etc/estprov/keyd.d/50-token.toml <<END
[pkcs11]
lib_path = "$module"
base_slot = "pkcs11:token=device?pin-source=credential:pin"
[preloaded_keys]
bootstrap = "pkcs11:token=device;object=device%20id?pin-source=credential:pin"
END
printf '[preloaded_certs]\n"dps-ca" = "/var/secrets/dps-ca.cer"\n' >/etc/estprov/certd.d/50-dps.toml
printf '[provisioning]\nscope_id = "%s"\ntrusted_certs = ["dps-ca"]\n' "$scope" >/etc/estprov/identityd.d/50-dps.toml
install -D -m 0644 /usr/share/doc/estprov/drop-ins/keyd-softhsm.conf /etc/systemd/system/estprov-keyd.service.d/softhsm.conf
mkdir -p /etc/credstore.encrypted
printf '%s' "$pin" | systemd-creds encrypt --with-key=host --name=pin - /etc/credstore.encrypted/estprov-keyd.pin 2>/dev/null
systemctl daemon-reload

systemctl start "${sockets[@]}"
check "the sockets are there before the daemons, for root and the group estprov" has 660-root-estprov /run/estprov/keyd.sock
check "the sockets' folder is root's" has 755-root-root /run/estprov
systemctl start "${services[@]}"
check "the device provisions itself under the units that ship" estprov provision --wait --timeout 60
check "the status names the device" names_device
[ "$failed" = 0 ] || exit 1
check "any OpenSSL program signs with the device's key" signs
for daemon in keyd certd identityd; do
    check "$daemon runs as its own user with no capability, no new privileges, and a system call filter" is_confined "$daemon"
    check "$daemon keeps its state in a folder of its own" has "700-estprov-$daemon-estprov-$daemon" "/var/lib/estprov/$daemon"
done
check "who is not in the group may not connect" not as_nobody /usr/bin/estprov status
check "the PIN is in no environment and in no log" not shows_pin

check "root tries the token with the credential of the unit" env SOFTHSM2_CONF=/etc/estprov/softhsm2.conf /usr/bin/estprov token selftest
check "and checks the configuration with it" env SOFTHSM2_CONF=/etc/estprov/softhsm2.conf /usr/libexec/estprov/estprov-keyd --check

before=$(main_pid keyd)
kill -KILL "$before"
check "a caller that comes while keyd is dead waits at systemd's socket and is answered" signs
check "it was another keyd that answered" test "$(main_pid keyd)" != "$before"

for daemon in keyd certd identityd; do
    mkdir -p "/run/systemd/system/estprov-$daemon.service.d"
    printf '[Service]\nWatchdogSec=2s\n' >"/run/systemd/system/estprov-$daemon.service.d/watchdog.conf"
done
systemctl daemon-reload
systemctl restart estprov-{keyd,certd,identityd}
sleep 5
for daemon in keyd certd identityd; do check "$daemon serves, and keeps systemd's watchdog quiet" test "$(restarts "$daemon")" = 0; done
for daemon in keyd certd identityd; do kill -STOP "$(main_pid "$daemon")"; done
for daemon in keyd certd identityd; do check "$daemon stands still, and is replaced" soon 60 is_replaced "$daemon"; done
check "and it signs again" signs
check "and certificates are served again" serves_certificates

# A socket takes its service along; a service that is stopped before its socket may be started again by a caller in between.
systemctl stop "${sockets[@]}"
systemctl start "${sockets[@]}"
check "after a stop of everything the first caller starts what it needs" names_device

for _ in $(seq 12); do
    signs 2>/dev/null &
    caller=$!
    # By systemd: it may have ended by now, and process 0 would be everyone here.
    if soon 5 runs keyd; then systemctl kill --kill-whom=main --signal=KILL estprov-keyd 2>/dev/null || true; fi
    wait "$caller" || true
done
check "a keyd that crashes at every call comes back, and its socket, by themselves" soon 60 signs

printf 'no_such_key = 1\n' >/etc/estprov/keyd.d/99-wrong.toml
systemctl restart estprov-keyd 2>/dev/null || true
check "a configuration that cannot be used ends keyd with 78" test "$(systemctl show -P ExecMainStatus estprov-keyd)" = 78
for _ in $(seq 20); do estprov key list >/dev/null 2>&1 || true; done
sleep 3
starts=$(journalctl --no-pager -u estprov-keyd | grep -c "no_such_key" || true)
check "the log says why" test "$starts" -ge 1
check "and it is not tried over and over, whoever calls ($starts times)" test "$starts" -le 8
rm /etc/estprov/keyd.d/99-wrong.toml
systemctl restart estprov-keyd
check "once it is right, a restart by hand opens service and socket again" are_active estprov-keyd.socket estprov-keyd.service
check "and the device goes on with the keys it had" signs
check "no unit has failed" test -z "$(systemctl list-units --failed --no-legend 'estprov-*')"
