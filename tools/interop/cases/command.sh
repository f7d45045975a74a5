# shellcheck shell=bash disable=SC2154 # out and work are world.sh's
# The operator's command as published, without any daemon, against libest's server.

operator() {
    local operation=$1
    shift
    "$out/stage/usr/bin/estprov" est "$operation" --url "https://localhost:$est_port/.well-known/est" --ca "$work/root.pem" "$@"
}

# operator_enrols OPERATION OPTION...: a request of openssl's.
operator_enrols() {
    local operation=$1
    shift
    new_request operator '/CN=device-1' && operator "$operation" --csr "$work/operator.csr" --out "$work/operator.pem" "$@" &&
        matches "$work/operator.pem" "$work/operator.key" "$work/root.pem"
}

# operator_gets_key OPTION...: the server makes the key.
operator_gets_key() {
    rm -f "$work/made.key"
    operator serverkeygen --subject CN=device-1 --key-out "$work/made.key" --out "$work/made.pem" "$@" && matches "$work/made.pem" "$work/made.key" "$work/root.pem"
}

with "estprov est" "libest -n"
printf 'estpwd\n' >"$work/password"
issue_by 'basicConstraints = CA:FALSE
keyUsage = critical, digitalSignature'
start_estserver -n || fail_mode
accepted "cacerts" operator cacerts --out "$work/operator-ca.pem"
accepted "... by the CA's fingerprint alone" says "BEGIN CERTIFICATE" "$out/stage/usr/bin/estprov" est cacerts --url "https://localhost:$est_port/.well-known/est" \
    --fingerprint "sha256:$(openssl x509 -in "$work/root.pem" -noout -fingerprint -sha256 | sed 's/.*=//; s/://g')"
accepted "csrattrs" says MCYGBysGAQEBARYGCSqGSIb3DQEJAQYFK4EEACIGCWCGSAFlAwQCAg== operator csrattrs
accepted "enroll with certificate" operator_enrols enroll --cert "$work/client.pem" --key "$work/client.key"
accepted "reenroll" operator_enrols reenroll --cert "$work/client.pem" --key "$work/client.key"
# The multipart's delimiters are not counted in: whoever goes by Content-Length gets half a certificate.
refused "serverkeygen: the server's Content-Length is too short" "no multipart/mixed of two parts" operator_gets_key --cert "$work/client.pem" --key "$work/client.key"
accepted "... and no key is left behind" test ! -e "$work/made.key"
refused "enroll with nothing" "(HTTP 401)" operator_enrols enroll
with "estprov est" "libest -h"
start_estserver -h || fail_mode
accepted "enroll with password by Digest" operator_enrols enroll --user estuser --password-file "$work/password" --digest
stop_estserver
