# shellcheck shell=bash disable=SC2154 # work, here and version are world.sh's
# s_server and s_client, both with keys of keyd, each asking the other for its certificate.

with "s_server" "$version"

# shakes ID PROTOCOL: the server's key and the client's are of this id.
shakes() {
    start_server 4433 estprov-program openssl s_server -accept 4433 -cert "$1.pem" -key "$1.key" -CAfile ca.pem -Verify 2 -verify_return_error -naccept 1 -quiet -www &&
        program openssl s_client -connect localhost:4433 -cert "$1.pem" -key "$1.key" -CAfile ca.pem -verify_return_error "$2" </dev/null
}

for id in ec rsa; do
    accepted "s_client by TLS 1.2 ($id)" says "Verify return code: 0 (ok)" shakes $id -tls1_2
    accepted "s_client by TLS 1.3 ($id)" says "Verify return code: 0 (ok)" shakes $id -tls1_3
done
stop_server
