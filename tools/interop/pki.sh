# shellcheck shell=bash disable=SC2154 # work is world.sh's
# The PKI of other people's servers: one root, a CA below it, and what was issued by hand.

# quietly COMMAND...: its words only when it fails.
quietly() {
    "$@" >"$work/log/quiet.log" 2>&1 || { cat "$work/log/quiet.log" >&2 && return 1; }
}

# new_request NAME SUBJECT: NAME.key and NAME.csr.
new_request() {
    quietly openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$work/$1.key" -out "$work/$1.csr" -subj "$2"
}

# sign NAME CA EXTENSIONS: NAME.pem from NAME.csr.
sign() {
    quietly openssl x509 -req -in "$work/$1.csr" -CA "$work/$2.pem" -CAkey "$work/$2.key" -days 30 -out "$work/$1.pem" -extfile <(printf '%b\n' "$3")
}

# new_root NAME SUBJECT
new_root() {
    quietly openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$work/$1.key" -out "$work/$1.pem" -subj "$2" -days 60 \
        -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign
}

readonly client_extensions='basicConstraints=CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=clientAuth'

make_pki() {
    new_root root '/CN=Interop root'
    new_request server '/CN=localhost'
    sign server root 'subjectAltName=DNS:localhost,DNS:estendpoint.com,IP:127.0.0.1\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth'
    new_request client '/CN=device-1'
    sign client root "$client_extensions"
    new_request factory '/CN=Interop factory CA'
    sign factory root 'basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign'
    new_request chained '/CN=device-2'
    sign chained factory "$client_extensions"
    cat "$work/factory.pem" >>"$work/chained.pem"
    new_root foreign '/CN=Somebody else'
    new_request stranger '/CN=device-1'
    sign stranger foreign "$client_extensions"
}

# matches CERTIFICATE KEY ROOTS: judged by openssl alone.
matches() {
    [ "$(openssl x509 -in "$1" -noout -pubkey)" = "$(openssl pkey -in "$2" -pubout)" ] || { echo "$1 is not for $2" && return 1; }
    openssl verify -CAfile "$3" -untrusted "$1" "$1"
}

make_pki
