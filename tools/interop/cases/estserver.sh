# shellcheck shell=bash disable=SC2154,SC2034 # tree and work are world.sh's, estserver_environment is servers.sh's
# libest's server in each of its modes, and our EST client library as the client.

readonly client=$tree/tools/interop/Client/bin/Release/net10.0/est-client.dll
readonly libest_attributes=MCYGBysGAQEBARYGCSqGSIb3DQEJAQYFK4EEACIGCWCGSAFlAwQCAg==
printf 'estpwd\n' >"$work/password"
printf 'wrong\n' >"$work/wrong-password"
readonly by_certificate=(--cert "$work/client.pem" --key "$work/client.key")
readonly by_password=(--user estuser --password-file "$work/password")
readonly by_wrong_password=(--user estuser --password-file "$work/wrong-password")

# ours OPERATION OPTION...: label empty or /LABEL.
label="" trusted=$work/root.pem
ours() {
    local operation=$1
    shift
    dotnet "$client" "$operation" --url "https://localhost:$est_port/.well-known/est$label" --trust "$trusted" "$@"
}

# enrols OPTION...: a new key gets a certificate that openssl, too, finds to be in order.
enrols() {
    rm -f "$work"/ours.{pem,key}
    ours enroll --subject CN=device-1 --out "$work/ours.pem" --key-out "$work/ours.key" "$@" && matches "$work/ours.pem" "$work/ours.key" "$work/root.pem"
}

# renews OPTION...: what enrols got renews itself, with another key.
renews() {
    ours reenroll --cert "$work/ours.pem" --key "$work/ours.key" --out "$work/again.pem" --key-out "$work/again.key" "$@" &&
        matches "$work/again.pem" "$work/again.key" "$work/root.pem" && ! cmp -s "$work/ours.key" "$work/again.key"
}

# libest MODE OPTION...: the server in this mode.
libest() {
    with estserver "$1"
    shift
    start_estserver "$@" || fail_mode
}

issue_by 'basicConstraints = CA:FALSE
keyUsage = critical, digitalSignature'

libest "-n certificate only" -n
accepted "cacerts" says "1 CA certificates" ours cacerts --out "$work/cacerts.pem"
accepted "cacerts is the CA that issues" cmp "$work/cacerts.pem" <(openssl x509 -in "$work/root.pem")
accepted "csrattrs" says "$libest_attributes" ours csrattrs
accepted "simpleenroll with certificate, EC" enrols "${by_certificate[@]}"
accepted "simplereenroll with what was issued" renews
accepted "simpleenroll with certificate, RSA" enrols "${by_certificate[@]}" --key-type rsa
accepted "simpleenroll with a SAN, which is kept" says "issued CN=device-1 by CN=Interop root" enrols "${by_certificate[@]}" --dns device-1.example
accepted "simplereenroll keeps the SAN" renews
accepted "... and openssl sees it" says "DNS:device-1.example" openssl x509 -in "$work/again.pem" -noout -ext subjectAltName
accepted "simpleenroll with a certificate under an intermediate" enrols --cert "$work/chained.pem" --key "$work/chained.key"
openssl x509 -in "$work/chained.pem" -out "$work/alone.pem"
refused "simpleenroll without the intermediate: TLS alert" est_tls_alert enrols --cert "$work/alone.pem" --key "$work/chained.key"
refused "simpleenroll with nothing" est_unauthorized enrols
refused "simpleenroll with a password" est_unauthorized enrols "${by_password[@]}"
refused "simpleenroll with a stranger's certificate: TLS alert" est_tls_alert enrols --cert "$work/stranger.pem" --key "$work/stranger.key"
refused "a CA is asked for, a leaf is issued" est_not_ca enrols "${by_certificate[@]}" --ca yes
trusted=$work/foreign.pem
refused "a server whose CA is not trusted" est_tls_untrusted enrols "${by_certificate[@]}"
trusted=$work/root.pem
label=/device-id
refused "a label: this build has none" est_not_found ours cacerts --out "$work/cacerts.pem"
label=""

libest "-b password (Basic)" -b
accepted "simpleenroll with password" enrols "${by_password[@]}"
accepted "simplereenroll with certificate and password" renews "${by_password[@]}"
accepted "simpleenroll with certificate and password" enrols "${by_certificate[@]}" "${by_password[@]}"
refused "simpleenroll with a wrong password" est_unauthorized enrols "${by_wrong_password[@]}"
refused "simpleenroll with nothing" "the server asks for Basic" enrols
refused "simpleenroll with certificate alone" "the server asks for Basic" enrols "${by_certificate[@]}"

libest "-o certificate or password" -o
accepted "simpleenroll with certificate" enrols "${by_certificate[@]}"
accepted "simplereenroll with certificate" renews
accepted "simpleenroll with password" enrols "${by_password[@]}"
refused "simpleenroll with a wrong password" est_unauthorized enrols "${by_wrong_password[@]}"
refused "simpleenroll with nothing" est_unauthorized enrols

libest "-h password (Digest)" -h
accepted "simpleenroll with password" enrols "${by_password[@]}" --digest yes
accepted "simplereenroll with certificate and password" renews "${by_password[@]}" --digest yes
accepted "simpleenroll with certificate and password" enrols "${by_certificate[@]}" "${by_password[@]}" --digest yes
refused "simpleenroll with password by Basic: no challenge comes" "check user name and password" enrols "${by_password[@]}"
refused "simpleenroll with nothing" "the server asks for Digest" enrols
refused "simpleenroll with a wrong password" est_unauthorized enrols "${by_wrong_password[@]}" --digest yes

libest "--token (Bearer)" --token secret-token
refused "simpleenroll with password" est_unauthorized enrols "${by_password[@]}"
refused "simpleenroll with certificate" "the server asks for Bearer" enrols "${by_certificate[@]}"
not_possible "simpleenroll with a token" "RFC 7030 knows no bearer tokens, and EstProv has none"

libest "-n -m 2 manual approval" -n -m 2
refused "simpleenroll once: 202" "asked to wait 3600 s" enrols "${by_certificate[@]}"
accepted "simpleenroll, the same request again: issued" says "pending, asked to wait 3600 s" enrols "${by_certificate[@]}" --polls 1 --wait 3

libest "-n -t channel binding" -n -t
accepted "csrattrs asks for challengePassword" says YJKoZIhvcNAQkH ours csrattrs
accepted "simpleenroll with tls-unique" enrols "${by_certificate[@]}" --bind yes
accepted "simplereenroll with tls-unique" renews --bind yes
refused "simpleenroll without" est_unauthorized enrols "${by_certificate[@]}"

libest "-b -t password, channel binding" -b -t
accepted "simpleenroll with tls-unique" enrols "${by_password[@]}" --bind yes

libest "-n --enforce-csr its own attributes" -n --enforce-csr
refused "simpleenroll with none of them" est_rejected enrols "${by_certificate[@]}"
refused "simpleenroll with what is not known here" est_rejected enrols "${by_certificate[@]}" --key-type ec-p384 --attributes yes

# SEQUENCE { challengePassword, secp384r1, ecdsa-with-SHA384 }
estserver_environment=("EST_CSR_ATTR=MBwGCSqGSIb3DQEJBwYFK4EEACIGCCqGSM49BAMD")
libest "-n --enforce-csr P-384, SHA-384, challengePassword" -n --enforce-csr
refused "simpleenroll with none of them" est_rejected enrols "${by_certificate[@]}"
accepted "simpleenroll with all of them" enrols "${by_certificate[@]}" --key-type ec-p384 --attributes yes
# It asks for keys that its own TLS does not take of a client: certd goes back to the usual kind (see device.sh).
refused "TLS with the key that it asked for" est_tls renews --key-type ec-p384 --attributes yes
refused "simpleenroll with another key" est_rejected enrols "${by_certificate[@]}" --attributes yes
estserver_environment=()

libest "-h -t Digest, channel binding" -h -t
accepted "simpleenroll with tls-unique" enrols "${by_password[@]}" --digest yes --bind yes
stop_estserver
