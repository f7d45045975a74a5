# shellcheck shell=bash
# new_token FOLDER LABEL USER: a SoftHSM2 token where a device would have its own, for USER. new_key OBJECT: a key pair in it. certificate OBJECT NAME FILE: of the
# factory's CA, for that key. Sourced by the pages' files beside this one.

readonly token_library=/usr/lib/softhsm/libsofthsm2.so
as_token_user() { setpriv --reuid "$token_user" --regid "$token_user" --clear-groups env "SOFTHSM2_CONF=$token_configuration" "$@"; }

new_token() {
    token_folder=$1 token_label=$2 token_user=$3 token_configuration=$1.conf
    install -d -o "$token_user" -g "$token_user" -m 0700 "$token_folder"
    printf 'directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n' "$token_folder" >"$token_configuration"
    as_token_user softhsm2-util --init-token --free --label "$token_label" --pin 1234 --so-pin 123456 >/dev/null
}
new_key() {
    as_token_user pkcs11-tool --module "$token_library" --token-label "$token_label" --login --pin 1234 --keypairgen --key-type EC:prime256v1 --label "$1" \
        --id 01 >/dev/null 2>&1
}
certificate() {
    printf 'cn = "%s"\n' "$2" >/var/csr.template
    as_token_user env GNUTLS_PIN=1234 certtool --provider "$token_library" --generate-request --template /var/csr.template --no-text \
        --load-privkey "pkcs11:token=$token_label;object=$1;type=private" --load-pubkey "pkcs11:token=$token_label;object=$1;type=public" >/var/csr.pem 2>/var/certtool.log
    openssl x509 -req -in /var/csr.pem -CA /root/ca/factory-ca.pem -CAkey /root/ca/factory-ca.key -CAcreateserial -days 3650 -out "$3" 2>/dev/null
}
