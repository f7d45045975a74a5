# shellcheck shell=bash disable=SC2154 # here and out are machine.sh's
# A device with a token and a signed bootstrap certificate, and libestprov's development files.
# shellcheck source=tools/guides/before/token.sh
. "$here/before/token.sh"
install -d -m 0755 /var/lib/estprov
install -d -o estprov-keyd -g estprov-keyd -m 0700 /var/lib/estprov/keyd
new_token /var/lib/estprov/keyd/softhsm device estprov-keyd
new_key bootstrap
certificate bootstrap device-0001 /etc/estprov/bootstrap.pem
mv /var/lib/estprov/keyd/softhsm.conf /etc/estprov/softhsm2.conf
install -m 0644 /root/ca/est-server-ca.pem /etc/estprov/est-server-ca.pem
install -D -m 0644 /usr/share/doc/estprov/drop-ins/keyd-softhsm.conf /etc/systemd/system/estprov-keyd.service.d/softhsm.conf
systemctl daemon-reload
make -s -C "${here%/*/*}/native" O="$out/native" DESTDIR=/ LIBDIR=/usr/lib install-dev >/var/install-dev.log 2>&1 </dev/null
install -D -m 0644 "${here%/*/*}/native/examples/sign_log.c" /root/sign_log.c
