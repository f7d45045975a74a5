# shellcheck shell=bash disable=SC2154 # work, here and version are world.sh's
# curl as a client, against s_server.

with "curl" "$version"

# gets ID [OPTION...]: a page of the server that asks for a certificate.
gets() { program curl -sS --fail --cacert ca.pem --cert "$1.pem" "${@:2}" https://localhost:4433/ -o page && grep -q "Ciphers common" "$here/page"; }

if have curl curl; then
    tls_server rsa
    for id in ec rsa; do
        accepted "--key with a reference ($id)" gets $id --key $id.key
        accepted "--key with a reference, TLS 1.2 ($id)" gets $id --key $id.key --tls-max 1.2
    done
    # From 8.12 on.
    if program curl --version | awk 'NR == 1 { split($2, v, "."); exit !(v[1] > 8 || (v[1] == 8 && v[2] >= 12)) }'; then
        accepted "--key-type PROV with a URI" gets ec --engine estprov --key-type PROV --key "estprov:id=${here##*/}-ec"
    fi
    refused "a user whom keyd does not admit" "curl: (58)" as estprov-stranger curl -sS --cacert ca.pem --cert ec.pem --key ec.key https://localhost:4433/ -o /dev/null
    stop_server
fi
