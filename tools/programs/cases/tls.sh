# shellcheck shell=bash disable=SC2154 # work, here and version are world.sh's
# s_server and s_client, both with keys of keyd, each asking the other for its certificate.

with "s_server" "$version"

# tls_server ID: asks for a certificate, and has a page for who shows one.
tls_server() { start_server 4433 estprov-program openssl s_server -accept 4433 -cert "$1.pem" -key "$1.key" -CAfile ca.pem -Verify 2 -verify_return_error -www || fail_mode; }

# shakes ID OPTION: the page is read, as a client after TLS 1.3 must before he knows that he was admitted.
shakes() {
    printf 'GET / HTTP/1.0\r\n\r\n' | program openssl s_client -connect localhost:4433 -cert "$1.pem" -key "$1.key" -CAfile ca.pem -verify_return_error -quiet -ign_eof "$2"
}

for id in ec rsa; do
    tls_server $id
    accepted "s_client by TLS 1.2 ($id)" says "Ciphers common" shakes $id -tls1_2
    accepted "s_client by TLS 1.3 ($id)" says "Ciphers common" shakes $id -tls1_3
done
stop_server
