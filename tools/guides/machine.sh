#!/usr/bin/env bash
# The machine on which a guide is tried, under systemd: what ships is laid out, nothing of it is configured. Beside it stands what the reader of
# the page has: the CA, the servers, a token's library. usage: machine.sh OUT FOLDER PAGE
set -euo pipefail

readonly out=$1 back=$2 guide=$3 here=${BASH_SOURCE[0]%/*}
readonly est=est.example.com dps=global.azure-devices-provisioning.net hub=hub.example.com scope=0ne00A1B2C3
export LC_ALL=C.UTF-8 TERM=dumb

# shellcheck source=tools/guides/page.sh
. "$here/page.sh"

finish() {
    local status=$?
    [ "$status" = 0 ] || [ "$page_failed" != 0 ] || page_failed=1
    if [ "$page_failed" != 0 ]; then
        tail -n 20 /var/simulator.log || true
        journalctl --no-pager -o short-monotonic -u 'estprov-*' | tail -n 100
    fi
    printf '%d passed, %d failed, 0 skipped\n' "$page_passed" "$page_failed" | tee "$back/counts"
}
trap finish EXIT

umount -l /.before
mkdir -p /var/lib/systemd
ip link set lo up
hostname device-0001
printf '127.0.0.1 localhost device-0001 %s %s %s\n' "$est" "$dps" "$hub" >/etc/hosts

servers=(--est-host "$est" --dps-host "$dps" --hub-host "$hub" --scope-id "$scope")
dotnet "$out/simulator/estprov-simulator.dll" --data /var/pki --port 443 --control-port 8440 "${servers[@]}" --validity $((90 * 86400)) --assigning-polls 0 \
    --retry-after 0 >/var/simulator.log 2>&1 &

# A package's or an image's doing.
systemctl stop estprov-{keyd,certd,identityd}.socket
systemd-sysusers
systemd-tmpfiles --create --prefix=/run/estprov
rm -rf /etc/credstore.encrypted /var/secrets

for _ in $(seq 300); do
    [ ! -s /var/pki/ports.json ] || break
    sleep 0.1
done
[ -s /var/pki/ports.json ] || {
    cat /var/simulator.log
    exit 1
}

# The CA of the factory, and what is fetched from the EST server's owner.
install -d -m 0700 /root/ca
install -m 0600 /var/pki/bootstrap-ca.key /root/ca/factory-ca.key
install -m 0644 /var/pki/bootstrap-ca.cer /root/ca/factory-ca.pem
install -m 0644 /var/pki/est-ca.cer /root/ca/est-server-ca.pem
# DPS and the hub are known to the system's store, as on a device.
install -m 0644 /var/pki/dps-ca.cer "/etc/ssl/certs/$(openssl x509 -in /var/pki/dps-ca.cer -noout -hash).0"
cat /var/pki/dps-ca.cer >>/etc/ssl/certs/ca-certificates.crt

before=$here/before/${guide##*/}
before=${before%.md}.sh
cd /root
# shellcheck source=/dev/null
[ ! -f "$before" ] || . "$before"
run_page "${here%/*/*}/$guide" "$back"
after=$here/after/${before##*/}
# shellcheck source=/dev/null
[ ! -f "$after" ] || . "$after"
