# shellcheck shell=bash disable=SC2154 # work, here and version are world.sh's
# The openssl command, with a reference in place of a key file.

with "openssl" "$version"

pkey_is_public() { program openssl pkey -in "$1.key" -pubout | cmp - <(spki "$1"); }
der_is_public() { program openssl pkey -in "$1.key" -pubout -outform DER | without_keys pkey -pubin -inform DER | cmp - <(spki "$1"); }
# The same reference as the operator's command writes.
pkey_writes_reference() { program openssl pkey -in "estprov:id=${here##*/}-$1" | cmp - "$here/$1.key"; }
request() { certify "$1" && without_keys req -in "$here/$1.csr" -verify -noout; }
request_by_uri() {
    configuration=$here/request.cnf program openssl req -new -provider default -provider estprov -key "estprov:id=${here##*/}-ec" -subj /CN=device-1 -out uri.csr &&
        without_keys req -in "$here/uri.csr" -verify -noout
}
signs() {
    program openssl dgst -sha256 "${@:2}" -sign "$1.key" -out "$1.sig" openssl.cnf && spki "$1" >"$here/$1.pub" &&
        without_keys dgst -sha256 "${@:2}" -verify "$here/$1.pub" -signature "$here/$1.sig" "$here/openssl.cnf"
}
self_signed() {
    program openssl req -x509 -new -key "$1.key" -subj "/CN=keyd's CA" -days 1 -config openssl.cnf -extensions ca -out "self-$1.pem" && without_keys verify -CAfile "$here/self-$1.pem" "$here/self-$1.pem"
}
issues() {
    program openssl x509 -req -in rsa.csr -CA self-ec.pem -CAkey ec.key -set_serial 7 -days 1 -out issued.pem && without_keys verify -CAfile "$here/self-ec.pem" "$here/issued.pem"
}
cms_signs() {
    program openssl cms -sign -in openssl.cnf -signer "$1.pem" -inkey "$1.key" -outform DER -nodetach -out "$1.cms" "${@:2}" &&
        without_keys cms -verify -in "$here/$1.cms" -inform DER -CAfile "$here/ca.pem" -purpose any -out "$here/verified" && cmp "$here/verified" <(sed 's/$/\r/' "$here/openssl.cnf") &&
        program openssl cms -verify -in "$1.cms" -inform DER -CAfile ca.pem -purpose any -out /dev/null
}
# cms_opens OPTION...: enveloped by somebody who has the certificate only.
cms_opens() {
    without_keys cms -encrypt -aes-256-cbc -binary -in "$here/openssl.cnf" -outform DER -out "$here/enveloped" -recip "$here/rsa.pem" "$@" &&
        program openssl cms -decrypt -in enveloped -inform DER -recip rsa.pem -inkey rsa.key -out opened && cmp "$here/opened" "$here/openssl.cnf"
}
# Without -debug_decrypt it goes on with a random key (RFC 3218), and says 'bad decrypt'.
cms_opens_pkcs1() {
    without_keys cms -encrypt -aes-256-cbc -binary -in "$here/openssl.cnf" -outform DER -out "$here/enveloped" -recip "$here/rsa.pem" &&
        program openssl cms -decrypt -debug_decrypt -in enveloped -inform DER -recip rsa.pem -inkey rsa.key -out opened
}
oaep() {
    spki rsa >"$here/rsa.pub" && printf secret >"$here/secret" &&
        without_keys pkeyutl -encrypt -pubin -inkey "$here/rsa.pub" -in "$here/secret" -out "$here/sealed" -pkeyopt rsa_padding_mode:oaep "$@" &&
        program openssl pkeyutl -decrypt -inkey rsa.key -in sealed -pkeyopt rsa_padding_mode:oaep "$@" | cmp - "$here/secret"
}
encrypts() {
    program openssl pkeyutl -encrypt -inkey rsa.key -in secret -out sealed-here -pkeyopt rsa_padding_mode:oaep &&
        program openssl pkeyutl -decrypt -inkey rsa.key -in sealed-here -pkeyopt rsa_padding_mode:oaep | cmp - "$here/secret"
}

for id in ec rsa; do
    accepted "pkey -text says where the key is ($id)" says "Private-Key: in the Key Service at /run/estprov/keyd.sock" program openssl pkey -in $id.key -text -noout
    accepted "pkey -pubout ($id)" pkey_is_public $id
    accepted "pkey -pubout -outform DER ($id)" der_is_public $id
    accepted "pkey writes a reference ($id)" pkey_writes_reference $id
    refused "pkey -outform DER ($id)" "only a reference to it can be written" program openssl pkey -in $id.key -outform DER
    accepted "req -new ($id)" request $id
    accepted "req -x509 ($id)" self_signed $id
    accepted "dgst -sign ($id)" signs $id
    accepted "cms -sign and -verify ($id)" cms_signs $id
done
accepted "req -new by URI, with no provider in openssl.cnf" request_by_uri
accepted "x509 -req with the CA's key in keyd" issues
accepted "dgst -sign by PSS" signs rsa -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest
accepted "cms -sign by PSS" cms_signs rsa -keyopt rsa_padding_mode:pss -keyopt rsa_pss_saltlen:digest
accepted "cms -decrypt, OAEP with SHA-1" cms_opens -keyopt rsa_padding_mode:oaep
accepted "cms -decrypt, OAEP with SHA-256" cms_opens -keyopt rsa_padding_mode:oaep -keyopt rsa_oaep_md:sha256 -keyopt rsa_mgf1_md:sha256
refused "cms -decrypt, PKCS#1 v1.5" "RSA decryption is by OAEP only" cms_opens_pkcs1
accepted "pkeyutl -decrypt, OAEP with SHA-1" oaep
accepted "pkeyutl -decrypt, OAEP with SHA-512" oaep -pkeyopt rsa_oaep_md:sha512 -pkeyopt rsa_mgf1_md:sha512
refused "pkeyutl -decrypt, raw" "RSA encryption by none is not offered" program openssl pkeyutl -decrypt -inkey rsa.key -in sealed -pkeyopt rsa_padding_mode:none
accepted "pkeyutl -encrypt" encrypts
refused "a user whom keyd does not admit" "is not authorized to access the key" as estprov-stranger openssl pkey -in ec.key -text -noout
refused "a key that is not there" "Key Service refused" program openssl pkey -in estprov:id=nobody -text -noout
