# shellcheck shell=bash disable=SC2154 # work, root, here and version are world.sh's
# mosquitto's clients, against a broker that asks for certificates and has a key of keyd itself. On this machine only: they are not fetched for another Debian.

# publishes ID [OPTION...]: a message that the broker keeps, so that whoever subscribes later gets it.
publishes() { program mosquitto_pub -h localhost -p 8884 --cafile ca.pem --cert "$1.pem" --key "$1.key" -i "$1" -t "devices/$1" -q 1 -r -m "from $1" "${@:2}"; }
subscribes() { program mosquitto_sub -h localhost -p 8884 --cafile ca.pem --cert "$1.pem" --key "$1.key" -i "$1" -t "devices/$1" -C 1 -W 20 -F '%p' "${@:2}"; }

if [ "$root" = / ]; then
    with "mosquitto" "$version"
    if have mosquitto_pub mosquitto-clients && have mosquitto mosquitto; then
        cat >"$here/mosquitto.conf" <<EOF
listener 8884 127.0.0.1
cafile $here/ca.pem
certfile $here/rsa.pem
keyfile $here/rsa.key
require_certificate true
use_identity_as_username true
acl_file $here/mosquitto.acl
log_dest stderr
EOF
        # Its own topic is all that a certificate's name may use.
        printf 'pattern readwrite devices/%%u\n' >"$here/mosquitto.acl"
        chmod 0644 "$here/mosquitto.conf" "$here/mosquitto.acl"
        start_server 8884 estprov-program mosquitto -c "$here/mosquitto.conf" || fail_mode
        for id in ec rsa; do
            accepted "mosquitto_pub and _sub ($id)" publishes $id
            accepted "... the message is there ($id)" says "from $id" subscribes $id
        done
        accepted "mosquitto_pub and _sub, TLS 1.2" publishes ec --tls-version tlsv1.2
        refused "no certificate" "Error" program mosquitto_pub -h localhost -p 8884 --cafile ca.pem -i none -t devices/none -q 1 -m x
        # What OpenSSL's queue says it does not print.
        refused "a user whom keyd does not admit" "A TLS error occurred" as estprov-stranger mosquitto_pub -h localhost -p 8884 --cafile ca.pem --cert ec.pem --key ec.key -t devices/ec -q 1 -m x
        stop_server
    fi
fi
