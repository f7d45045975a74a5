# shellcheck shell=bash disable=SC2154 # here is machine.sh's
# A device of Azure IoT Identity Service: its users, its token with the bootstrap key, its files. The services themselves are not there: none of them runs
# any more where the page begins to type.
# shellcheck source=tools/guides/before/token.sh
. "$here/before/token.sh"
useradd --system --no-create-home aziotks
useradd --uid 1100 --no-create-home agent
install -d -m 0755 /var/secrets
install -d -o aziotks -g aziotks -m 0700 /var/lib/aziot /var/lib/aziot/keyd
chmod 0755 /var/lib/aziot
new_token /var/lib/aziot/keyd/softhsm edge aziotks
new_key est-bootstrap-id
certificate est-bootstrap-id device-0001 /var/secrets/est-bootstrap-id.pem
install -m 0644 /root/ca/est-server-ca.pem /var/secrets/est-server-ca.pem
rm -f /etc/estprov/*.toml
