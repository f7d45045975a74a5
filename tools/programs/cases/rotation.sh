# shellcheck shell=bash disable=SC2154 # work, here and version are world.sh's
# A reference goes with the key's id: after a rotation the same file signs with the new key, while the old one is gone.

with "rotation" "$version"

rotates() {
    local id=${here##*/}-ec handle sha
    spki ec >"$here/old.pub"
    handle=$(keyd POST "/keypair/$id/next" '{"preferredAlgorithms":"ec-p256"}' | sed -n 's/.*"keyHandle": *"\([^"]*\)".*/\1/p')
    sha=$(curl -sS --fail --unix-socket /run/estprov/keyd.sock "http://localhost/publickey?api-version=2021-05-01&handle=$handle" | without_keys dgst -sha256 -binary | base64 | tr '+/' '-_' | tr -d '=\n')
    keyd POST "/keypair/$id/promote" "{\"spki\":\"$sha\"}" && keyd DELETE "/keypair/$id/previous" && ! cmp -s "$here/old.pub" <(spki ec)
}

accepted "the key is rotated" rotates
accepted "the same file signs with the new key" signs ec
accepted "... and serves for a new request" request ec
tls_server ec
accepted "... and for TLS with the new certificate" says "Ciphers common" shakes ec -tls1_3
stop_server
