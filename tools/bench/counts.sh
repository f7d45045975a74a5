# shellcheck shell=bash disable=SC2154 # sourced by tools/demo/device.sh, whose device it looks at
# What one provisioning asks of the servers and of the token.

curl -sS --fail http://127.0.0.1:8440/state >"$world/state.json"
step "round trips of this provisioning, as the servers counted them"
jq -r '.requests | to_entries[] | "\(.value) \(.key)"' "$world/state.json"
step "TLS handshakes, as the servers counted them"
jq -r '.tls | to_entries[] | "\(.key): \(.value.full) full, \(.value.resumed) resumed, \(.value.failed) failed"' "$world/state.json"
step "calls of the token's PKCS#11 module, as OpenSC's spy counted them (sessions are pooled, attributes read once a key)"
sed -n -E 's/^[0-9]+: (C_[A-Za-z]+)$/\1/p' "$world/log/token-calls.log" | sort | uniq -c | sort -rn
printf '\ncounted: %s requests, %s TLS handshakes, %s signatures, %s key pairs generated, way %s\n' \
    "$(jq '[.requests[]] | add' "$world/state.json")" "$(jq '[.tls[] | .full + .resumed] | add' "$world/state.json")" \
    "$(grep -cE '^[0-9]+: C_Sign$' "$world/log/token-calls.log")" "$(grep -cE '^[0-9]+: C_GenerateKeyPair$' "$world/log/token-calls.log")" "$way"
