# shellcheck shell=bash disable=SC2154 # tree, out, root and work are world.sh's
# Starting and stopping servers, and running programs of the chroot.

readonly est_port=8085 simulator_port=8443 control_port=8440
server="" simulator=""

# within COMMAND...: a program of the chroot, with $environment and nothing else.
environment=()
within() { (enter "$@"); }

# enter COMMAND...: the same in place of this shell, so that a background job's number is the command's own.
enter() { exec env -i PATH=/usr/sbin:/usr/bin LC_ALL=C "${environment[@]}" chroot "$root" "$@"; }

# listening PORT: waits for it, at most five seconds.
listening() {
    local tries
    for ((tries = 0; tries < 100; tries++)); do
        if [ -n "$(ss -Hltn "sport = :$1")" ]; then return 0; fi
        sleep 0.05
    done
    return 1
}

# start_estserver [OPTION...]: libest's server, issuing by what issue_by wrote.
start_estserver() {
    stop_estserver
    environment=("EST_TRUSTED_CERTS=$work/root.pem" "EST_CACERTS_RESP=$work/root.pem" "EST_OPENSSL_CACONFIG=$work/ca.cnf" "${estserver_environment[@]}")
    enter estserver -p "$est_port" -c "$work/server.pem" -k "$work/server.key" -r estrealm -v "$@" >"$work/log/server.log" 2>&1 &
    server=$!
    listening "$est_port" || { cat "$work/log/server.log" >&2 && return 1; }
}
estserver_environment=()

stop_estserver() {
    [ -z "$server" ] || { kill "$server" && wait "$server"; } 2>/dev/null || true
    server=""
}

# issue_by EXTENSIONS [END]: how estserver's CA issues; END as YYMMDDHHMMSSZ.
issue_by() {
    mkdir -p "$work/issued"
    [ -e "$work/index.txt" ] || : >"$work/index.txt"
    [ -s "$work/serial" ] || echo 1000 >"$work/serial"
    cat >"$work/ca.cnf" <<EOF
[ca]
default_ca = interop
[interop]
new_certs_dir = $work/issued
database = $work/index.txt
serial = $work/serial
certificate = $work/root.pem
private_key = $work/root.key
default_days = 30
default_md = sha256
unique_subject = no
email_in_dn = no
policy = names
x509_extensions = extensions
copy_extensions = copy
${2:+default_enddate = $2}
[names]
commonName = supplied
[extensions]
$1
EOF
}

# start_simulator [OPTION...]: ours as EST server, trusting client certificates of the PKI's own bootstrap CA.
start_simulator() {
    stop_simulator
    rm -rf "$work/simulator"
    dotnet "$out/simulator/estprov-simulator.dll" --data "$work/simulator" --est-host localhost --est-port "$simulator_port" --control-port "$control_port" "$@" \
        >"$work/log/server.log" 2>&1 &
    simulator=$!
    listening "$control_port" || { cat "$work/log/server.log" >&2 && return 1; }
}

stop_simulator() {
    [ -z "$simulator" ] || { kill "$simulator" && wait "$simulator"; } 2>/dev/null || true
    simulator=""
}

# simulator_signs NAME: NAME.pem from NAME.csr, by the operator's CA of bootstrap certificates.
simulator_signs() {
    quietly dotnet "$out/simulator/estprov-simulator.dll" sign-bootstrap --data "$work/simulator" --csr "$work/$1.csr" --out "$work/$1.pem"
}

# control ROUTE [BODY]
control() { curl -sS --fail "http://127.0.0.1:$control_port/$1" ${2:+-d "$2"}; }

stop_servers() {
    stop_estserver
    stop_simulator
}
