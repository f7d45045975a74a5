# shellcheck shell=bash disable=SC2154 # tree, work, here and version are world.sh's
# Python's ssl, as client and as server.

with "python3" "$version"

if have python3 python3-minimal; then
    cp "$tree/tools/programs/mutual.py" "$here/"
    chmod 0644 "$here/mutual.py"
    for id in ec rsa; do
        accepted "ssl: server and client ($id)" says "CN=$id TLSv1.3 and TLSv1.2" program python3 mutual.py $id.pem $id.key ca.pem
    done
    # Of OpenSSL's queue it shows the last entry only.
    refused "a user whom keyd does not admit" "SSLError: [SSL] PEM lib" as estprov-stranger python3 mutual.py ec.pem ec.key ca.pem
fi
