# shellcheck shell=bash disable=SC2154,SC2034 # tree, out and work are world.sh's
# The product itself, as published: three daemons under their own users provision a device against libest's server, and renew. DPS and the hub
# are the simulator's. Certificates live 45 s at first, so that the renewal is not long in coming.

readonly device_pin=1234 device_module=/usr/lib/softhsm/libsofthsm2.so scope=0ne00D3M0 dps_host=global.azure-devices-provisioning.net hub_host=demo-hub.azure-devices.net
readonly binaries=$out/stage/usr
declare -A daemon_process

# as USER COMMAND...: an ordinary user, who is in the group of the sockets.
as() { (become "$@"); }
become() {
    local user=$1
    shift
    exec setpriv --reuid "$user" --regid "$user" --groups estprov --no-new-privs env -i PATH=/usr/bin:/bin HOME=/nonexistent \
        "SOFTHSM2_CONF=/etc/estprov/softhsm2.conf" "OPENSSL_MODULES=$binaries/lib/ossl-modules" "$@"
}

estprov() { as estprov-demo "$binaries/bin/estprov" "$@"; }

# make_device: users, folders and names in a copy of /etc; state in a /var of its own.
make_device() {
    local etc id=7100 user daemon
    etc=$(mktemp -d)
    mount -t tmpfs -o mode=0755 tmpfs "$etc"
    cp -a /etc/. "$etc/"
    mount --move "$etc" /etc
    rmdir "$etc"
    mount -t tmpfs -o mode=0755 tmpfs /var
    mkdir -p /var/lib/iotedge /var/lib/estprov /var/secrets /var/tmp /etc/estprov
    for user in estprov estprov-keyd estprov-certd estprov-identityd estprov-demo; do
        id=$((id + 1))
        sed -i "/^$user:/d" /etc/passwd /etc/group
        echo "$user:x:$id:" >>/etc/group
        [ "$user" = estprov ] || echo "$user:x:$id:$id:EstProv:/nonexistent:/usr/sbin/nologin" >>/etc/passwd
    done
    echo "127.0.0.1 estendpoint.com $dps_host $hub_host" >>/etc/hosts
    chmod 0755 "$work"
    install -d -o root -g estprov -m 1775 /run/estprov
    install -d -o estprov-keyd -g estprov-keyd -m 0700 "$work/token"
    install -d -o estprov-certd -g estprov-certd -m 0700 /var/lib/iotedge/cs
    for daemon in keyd certd identityd; do install -d -o "estprov-$daemon" -g "estprov-$daemon" -m 0700 "/var/lib/estprov/$daemon"; done
    printf 'directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n' "$work/token" >/etc/estprov/softhsm2.conf
}

# make_bootstrap: a key in the token, and a certificate for it by the server's root.
make_bootstrap() {
    as estprov-keyd softhsm2-util --init-token --free --label device --pin "$device_pin" --so-pin 123456 >/dev/null &&
        device_slot=$(as estprov-keyd softhsm2-util --show-slots | awk '/^Slot /{slot=$2} /Label: +device *$/{print slot}') &&
        as estprov-keyd pkcs11-tool --module "$device_module" --slot "$device_slot" --login --pin "$device_pin" --keypairgen --key-type EC:prime256v1 --label "device id" --id 01 &&
        printf 'cn = "interop-device"\n' >"$work/template" && chmod 0644 "$work/template" &&
        as estprov-keyd env "GNUTLS_PIN=$device_pin" certtool --provider "$device_module" --generate-request --template "$work/template" --no-text \
            --load-privkey "pkcs11:token=device;object=device%20id;type=private" --load-pubkey "pkcs11:token=device;object=device%20id;type=public" >"$work/bootstrap.csr" &&
        sign bootstrap root "$client_extensions" && install -m 0644 "$work/bootstrap.pem" /var/secrets/bootstrap.cer
}

# configure: the documented files, with one URL for everything.
configure() {
    cp "$tree"/tools/demo/config/*.toml /etc/estprov/
    sed -i -e "s|/usr/lib/hardware-specific-pkcs11-library.so|$device_module|" -e "s|slot-id=0|slot-id=$device_slot|" /etc/estprov/keyd.toml
    sed -i -e "s|<ADD dps SCOPE ID HERE>|$scope|" /etc/estprov/identityd.toml
    sed -i -e '/^ *"\(est-id\|device-id\|device-ca\)" = "https/d' -e "s|estendpoint.com/|estendpoint.com:$est_port/|" /etc/estprov/certd.toml
    install -m 0644 "$work/root.pem" /var/secrets/est-ca.cer
    install -m 0644 "$work/simulator/dps-ca.cer" /var/secrets/dps-ca.cer
    mkdir -p /etc/estprov/{certd,identityd}.d
    printf '[cert_issuance]\nmodule-server = "device-ca"\n[preloaded_certs]\n"dps-ca" = "/var/secrets/dps-ca.cer"\n[[principal]]\nuser = "estprov-demo"\ncerts = ["module-server"]\n' \
        >/etc/estprov/certd.d/10-interop.toml
    printf '[provisioning]\ntrusted_certs = ["dps-ca"]\n[[principal]]\nuser = "estprov-demo"\nname = "demo"\nidtype = ["device"]\n' >/etc/estprov/identityd.d/10-interop.toml
    chown -R root:estprov /etc/estprov
    chown root:estprov-keyd /etc/estprov/keyd.toml
    chmod 0640 /etc/estprov/*.toml
}

start_daemons() {
    local daemon
    for daemon in keyd certd identityd; do
        become "estprov-$daemon" "$binaries/libexec/estprov/estprov-$daemon" >"$work/log/$daemon.log" 2>&1 &
        daemon_process[$daemon]=$!
    done
}

stop_daemons() {
    kill "${daemon_process[@]}"
    wait "${daemon_process[@]}" || true
}

# in_time SECONDS COMMAND...: until it succeeds.
in_time() {
    local until=$((SECONDS + $1))
    shift
    until "$@" >"$work/log/in-time.log" 2>&1; do
        if [ "$SECONDS" -ge "$until" ]; then
            cat "$work/log/in-time.log"
            tail -n 5 "$work"/log/{certd,identityd}.log
            return 1
        fi
        sleep 0.3
    done
}

# The server has been asked to renew, and says nothing else of what it answered.
renewed() { grep -qF '"POST /.well-known/est/simplereenroll ' "$work/log/server.log"; }

# lives_on ID: certd's file of it holds a certificate that has more than an hour left, by openssl.
lives_on() { openssl x509 -in "/var/lib/iotedge/cs/certs/$1.cert" -noout -checkend 3600; }

registered_twice() { [ "$(grep -c "registered 'interop-device': .* at hub $hub_host" "$work/log/identityd.log")" -ge 2 ]; }

# mints: a caller's certificate, signed on the device by a device CA that libest's server has issued.
mints() {
    new_request module '/CN=edge-hub' || return 1
    printf '{"certId":"module-server","csr":"%s"}' "$(awk '{ printf "%s\\n", $0 }' "$work/module.csr")" >"$work/module.json"
    chmod 0644 "$work/module.json"
    as estprov-demo curl -sS --fail-with-body --max-time 20 --unix-socket /run/estprov/certd.sock -d "@$work/module.json" \
        'http://localhost/certificates?api-version=2020-09-01' >"$work/module.answer" || { cat "$work/module.answer" && return 1; }
    sed -E 's/.*"pem": *"([^"]*)".*/\1/; s/\\n/\n/g' "$work/module.answer" >"$work/module.pem"
    matches "$work/module.pem" "$work/module.key" "$work/root.pem" && says "interop-device device CA" openssl x509 -in "$work/module.pem" -noout -issuer
}

with device "whole product, libest -n"
make_device
issue_by 'subjectKeyIdentifier = hash' "$(date -u -d '+45 seconds' +%y%m%d%H%M%SZ)"
start_estserver -n || fail_mode
dotnet "$out/simulator/estprov-simulator.dll" --data "$work/simulator" --port 443 --est-host simulator.invalid --dps-host "$dps_host" --hub-host "$hub_host" \
    --scope-id "$scope" --control-port "$control_port" --assigning-polls 0 --retry-after 0 >"$work/log/simulator.log" 2>&1 &
simulator=$!
listening "$control_port" || fail_mode
control trust "{\"service\":\"dps\",\"pem\":\"$(awk '{ printf "%s\\n", $0 }' "$work/root.pem")\"}" >/dev/null
accepted "bootstrap certificate for a key in the token" make_bootstrap
configure
start_daemons
accepted "three daemons provision the device to the hub" estprov provision --wait --timeout 40
issue_by 'subjectKeyIdentifier = hash'
accepted "EST identity renews itself (simplereenroll)" in_time 60 renewed
accepted "... and the new one is in use" in_time 10 lives_on est-id
accepted "device identity renews" in_time 60 lives_on device-id
accepted "... and DPS has the device again" in_time 20 registered_twice
accepted "a module's certificate under a device CA from this server" mints
stop_daemons
stop_servers
