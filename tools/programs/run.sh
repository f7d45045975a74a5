# shellcheck shell=bash disable=SC2154 # tree, out and work are world.sh's
# Running programs, of this system or of a chroot, and what they are given: keys in keyd, a CA, references, openssl.cnf.

root=/ roots=0 version="" here=$work server=""

# enter_root ROOT: whose programs are run from here on, and the keys and files for them.
enter_root() {
    root=$1
    roots=$((roots + 1))
    here=$work/root$roots
    mkdir -p "$here"
    chmod 1777 "$here"
    modules=$work/bin/usr/lib/ossl-modules
    if [ "$root" != / ]; then
        mount --bind "$root" "$root"
        mount --rbind /dev "$root/dev"
        mount -t proc proc "$root/proc"
        mount --rbind /run "$root/run"
        mount -t tmpfs tmpfs "$root/tmp"
        chmod 1777 "$root/tmp"
        [ -e "$root/etc/passwd" ] || : >"$root/etc/passwd"
        mount --bind /etc/passwd "$root/etc/passwd"
        [ -e "$root/etc/group" ] || : >"$root/etc/group"
        mount --bind /etc/group "$root/etc/group"
        modules=$work/modules
        mkdir -p "$modules"
        # Built against this Debian's OpenSSL, where its headers are there.
        if [ -e "$out/programs/native/estprov.so" ]; then cp "$out/programs/native/estprov.so" "$modules/"; else cp "$work/bin/usr/lib/ossl-modules/estprov.so" "$modules/"; fi
    fi
    write_configuration
    # shellcheck disable=SC2034 # the cases have it
    version=$(program openssl version | awk '{ print $2 }')
    prepare_keys
}

# default goes before estprov, and both are activated: native/README.md.
write_configuration() {
    cat >"$here/openssl.cnf" <<EOF
openssl_conf = openssl_init
[openssl_init]
providers = provider_list
[provider_list]
default = default_on
estprov = estprov_on
[default_on]
activate = 1
[estprov_on]
activate = 1
[req]
distinguished_name = name
[name]
[server]
basicConstraints = CA:FALSE
subjectAltName = DNS:localhost
[ca]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign
EOF
    printf '[req]\ndistinguished_name = name\n[name]\n' >"$here/request.cnf"
}

# as USER COMMAND...: a program of the root, by an ordinary user in the group of the sockets, with an environment that names openssl.cnf and the
# provider's folder and nothing else of ours.
as() { (enter "$@"); }
enter() {
    local user=$1
    shift
    exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 "OPENSSL_CONF=${configuration:-$here/openssl.cnf}" "OPENSSL_MODULES=$modules" \
        unshare --root="$root" --wd="$here" --setuid="$(id -u "$user")" --setgid="$(getent group estprov | cut -d: -f3)" "$@"
}
program() { as estprov-program "$@"; }

# without_keys COMMAND...: openssl of this machine with ordinary files only.
without_keys() { OPENSSL_CONF=/dev/null openssl "$@"; }

# keyd METHOD PATH [JSON]: as root.
keyd() {
    curl -sS --fail-with-body --unix-socket /run/estprov/keyd.sock -X "$1" -H 'Content-Type: application/json' ${3:+-d "$3"} "http://localhost$2${2:+?}api-version=2021-05-01"
}

# prepare_keys: new keys for this root, a CA in files, and certificates for the keys.
prepare_keys() {
    local id
    without_keys req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj '/CN=Programs CA' -days 2 -keyout "$here/ca.key" -out "$here/ca.pem" 2>/dev/null
    for id in ec rsa; do
        keyd POST /keypair "{\"keyId\":\"${here##*/}-$id\",\"preferredAlgorithms\":\"$([ $id = ec ] && echo ec-p256 || echo rsa-2048)\"}" >/dev/null
        "$work/bin/usr/bin/estprov" key reference "${here##*/}-$id" >"$here/$id.key"
        certify "$id"
    done
    chmod 0644 "$here"/*
}

# certify ID: a certificate for localhost, for the key that the reference stands for now.
certify() {
    program openssl req -new -key "$1.key" -subj "/CN=$1" -out "$1.csr" -config openssl.cnf &&
        without_keys x509 -req -in "$here/$1.csr" -CA "$here/ca.pem" -CAkey "$here/ca.key" -CAcreateserial -days 1 -extfile "$here/openssl.cnf" -extensions server \
            -out "$here/$1.pem" 2>/dev/null && chmod 0644 "$here/$1.pem"
}

# spki ID: what keyd says the public key of an id is, as PEM.
spki() {
    curl -sS --fail --unix-socket /run/estprov/keyd.sock "http://localhost/publickey?api-version=2021-05-01&id=${here##*/}-$1" | without_keys pkey -pubin -inform DER
}

# start_server PORT COMMAND...: in the background, until it listens.
start_server() {
    local port=$1 tries
    shift
    stop_server
    enter "$@" >"$work/log/server.log" 2>&1 &
    server=$!
    for ((tries = 0; tries < 200; tries++)); do
        if [ -n "$(ss -Hltn "sport = :$port")" ]; then return 0; fi
        kill -0 "$server" 2>/dev/null || return 1
        sleep 0.05
    done
    return 1
}

stop_server() {
    [ -z "$server" ] || { kill "$server" && wait "$server"; } 2>/dev/null || true
    server=""
}

# have PROGRAM PACKAGE: whether the root has it; else its cases are skipped, loudly.
have() {
    if [ -x "$root/usr/bin/$1" ] || [ -x "$root/usr/sbin/$1" ]; then return 0; fi
    not_possible "all of $1" "$1 is not in $root (Debian package $2)"
    return 1
}
