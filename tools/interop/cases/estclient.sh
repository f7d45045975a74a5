# shellcheck shell=bash disable=SC2154,SC2034 # work is world.sh's
# libest's client against the simulator. It always exits with 0: files and words tell how it went.

# libest_client OPTION...: files go to estclient/.
libest_client() {
    rm -rf "$work/estclient"
    mkdir "$work/estclient"
    environment=("EST_OPENSSL_CACERT=$work/simulator/est-ca.cer")
    within estclient -s localhost -p "$simulator_port" -o "$work/estclient" "$@" 2>&1 | tr -d '\000'
    [ -n "$(find "$work/estclient" -type f -size +0)" ]
}

# libest_enrols KEY OPTION...: with this key, since it makes RSA 4096 otherwise.
libest_enrols() {
    local key=$1
    shift
    libest_client --common-name device-1 --pem-output -x "$key" "$@" && matches "$work/estclient/cert-0-0.pem" "$key" "$work/issuers.pem"
}

# authorities: what its cacerts wrote, as PEM.
authorities() {
    libest_client -g && openssl pkcs7 -inform DER -in <(tr -d "\r" <"$work/estclient/cacert-0-0.pkcs7" | base64 -d) -print_certs -out "$work/issuers.pem" &&
        grep -c BEGIN "$work/issuers.pem"
}

with estclient "simulator, certificate"
printf 'secret\n' >"$work/factory-password"
start_simulator --basic "factory:$work/factory-password" --options "$tree/tools/interop/simulator.json" || fail_mode
new_request device '/CN=device-1'
simulator_signs device
new_request own '/CN=device-1'
accepted "cacerts" says 2 authorities
accepted "csrattrs" libest_client -a
accepted "simpleenroll" libest_enrols "$work/own.key" -e -c "$work/device.pem" -k "$work/device.key"
accepted "simpleenroll with tls-unique in the request" libest_enrols "$work/own.key" -e -z -c "$work/device.pem" -k "$work/device.key"
accepted "simplereenroll, which keeps the key" libest_enrols "$work/device.key" -r -c "$work/device.pem" -k "$work/device.key"
refused "simpleenroll with nothing" EST_ERR_AUTH_FAIL libest_enrols "$work/own.key" -e
with estclient "simulator, password (Basic)"
accepted "simpleenroll" libest_enrols "$work/own.key" -e -u factory -h secret
refused "simpleenroll with a wrong password" EST_ERR_AUTH_FAIL libest_enrols "$work/own.key" -e -u factory -h wrong
with estclient "simulator, password (Digest)"
start_simulator --basic "factory:$work/factory-password" --password-scheme digest --options "$tree/tools/interop/simulator.json" || fail_mode
authorities >/dev/null 2>&1
accepted "simpleenroll" libest_enrols "$work/own.key" -e -u factory -h secret
refused "simpleenroll with a wrong password" EST_ERR_AUTH_FAIL libest_enrols "$work/own.key" -e -u factory -h wrong
with estclient "simulator, libest's habits"
start_simulator --basic "factory:$work/factory-password" --quirks libest || fail_mode
simulator_signs device
accepted "cacerts: the root alone" says 1 authorities
accepted "simpleenroll with password" says "" libest_client -e -u factory -h secret --common-name device-1 --pem-output -x "$work/own.key"
not_possible "a label (--path-seg)" "this build of libest has no path segments"
stop_simulator
