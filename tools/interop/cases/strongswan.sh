# shellcheck shell=bash disable=SC2154 # work is world.sh's
# strongSwan's pki --estca and --est against the simulator.

# pki OPERATION OPTION...; certificates and keys as DER, which is what it takes.
pki() {
    local operation=$1
    shift
    within pki "$operation" --url "https://localhost:$simulator_port" --cacert "$work/est-ca.der" "$@" 2> >(grep -v '^plugin ' >&2)
}

# pki_enrols OPTION...: standard output is the certificate.
pki_enrols() {
    pki --est --in "$work/swan.csr" --cacert "$work/swan-ca.pem" --cacert "$work/swan-ca-1.pem" --outform pem "$@" >"$work/swan.pem" &&
        matches "$work/swan.pem" "$work/swan.key" <(cat "$work"/swan-ca*.pem)
}

# swan_server OPTION...: the simulator, and its CA as pki takes it.
swan_server() {
    start_simulator --basic "factory:$work/factory-password" "$@" && openssl x509 -in "$work/simulator/est-ca.cer" -outform DER -out "$work/est-ca.der"
}

with strongswan "simulator, certificate"
printf 'secret\n' >"$work/factory-password"
swan_server || fail_mode
new_request device '/CN=device-1'
simulator_signs device
openssl x509 -in "$work/device.pem" -outform DER -out "$work/device.der"
openssl pkey -in "$work/device.key" -outform DER -out "$work/device.key.der"
new_request swan '/CN=device-1'
openssl req -in "$work/swan.csr" -outform DER -out "$work/swan.csr.der"
mv "$work/swan.csr.der" "$work/swan.csr"

accepted "cacerts (pki --estca)" pki --estca --caout "$work/swan-ca.pem" --outform pem --force
accepted "cacerts gives issuing CA and root" openssl verify -CAfile "$work/swan-ca.pem" "$work/swan-ca-1.pem"
accepted "cacerts of a label" says "EST identity CA" pki --estca --label est-id --caout "$work/swan-id-ca.pem" --outform pem --force
refused "cacerts of a label that is not there" "404" pki --estca --label nobody --caout "$work/swan-no-ca.pem" --outform pem --force
accepted "simplereenroll with certificate (pki --est --cert)" pki_enrols --cert "$work/device.der" --key "$work/device.key.der"
with strongswan "simulator, password (Basic)"
accepted "simpleenroll (pki --est --userpass)" pki_enrols --userpass factory:secret
refused "simpleenroll with a wrong password" "401" pki_enrols --userpass factory:wrong
refused "simpleenroll with nothing" "401" pki_enrols
control faults '{"kind":"pending","service":"est","polls":1,"retryAfter":1,"count":1}' >/dev/null
accepted "simpleenroll, 202 and then issued" says "" pki_enrols --userpass factory:secret --interval 1 --maxpolltime 10
with strongswan "simulator, password (Digest)"
swan_server --password-scheme digest || fail_mode
refused "simpleenroll: pki knows Basic alone" "401" pki_enrols --userpass factory:secret
stop_simulator
