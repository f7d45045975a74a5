# shellcheck shell=bash disable=SC2154 # work, here and version are world.sh's
# nginx as a server, with references as ssl_certificate_key, that asks its clients for certificates.

with "nginx" "$version"

cat >"$here/nginx.conf" <<EOF
daemon off;
pid $here/nginx.pid;
error_log stderr;
worker_processes 2;
events { worker_connections 64; }
http {
    access_log off;
    client_body_temp_path $here/nginx-body;
    proxy_temp_path $here/nginx-proxy;
    fastcgi_temp_path $here/nginx-fastcgi;
    uwsgi_temp_path $here/nginx-uwsgi;
    scgi_temp_path $here/nginx-scgi;
    server {
        listen 127.0.0.1:4434 ssl;
        ssl_certificate $here/ec.pem;
        ssl_certificate_key $here/ec.key;
        ssl_certificate $here/rsa.pem;
        ssl_certificate_key $here/rsa.key;
        ssl_protocols TLSv1.2 TLSv1.3;
        ssl_client_certificate $here/ca.pem;
        ssl_verify_client on;
        location / { return 200 "\$ssl_client_s_dn over \$ssl_protocol\n"; }
    }
}
EOF
chmod 0644 "$here/nginx.conf"

# served ID OPTION...: with the server's certificate of that type.
served() {
    printf 'GET / HTTP/1.0\r\n\r\n' | program openssl s_client -connect localhost:4434 -cert "$1.pem" -key "$1.key" -CAfile ca.pem -verify_return_error -quiet -ign_eof "${@:2}"
}

eight_at_once() {
    (
        clients=()
        for _ in 1 2 3 4 5 6 7 8; do
            served ec -tls1_3 >/dev/null &
            clients+=($!)
        done
        for client in "${clients[@]}"; do wait "$client"; done
    )
}

if have nginx nginx-light; then
    start_server 4434 estprov-program nginx -e stderr -c "$here/nginx.conf" || fail_mode
    accepted "TLS 1.3 (ec)" says "CN=ec over TLSv1.3" served ec -tls1_3 -sigalgs ECDSA+SHA256
    accepted "TLS 1.3 (rsa)" says "CN=rsa over TLSv1.3" served rsa -tls1_3 -sigalgs rsa_pss_rsae_sha256
    accepted "TLS 1.2 (ec)" says "CN=ec over TLSv1.2" served ec -tls1_2 -cipher aECDSA
    accepted "TLS 1.2 (rsa)" says "CN=rsa over TLSv1.2" served rsa -tls1_2 -cipher aRSA
    # Its workers are forked after the keys were read.
    accepted "eight clients at once" eight_at_once
    stop_server
fi
