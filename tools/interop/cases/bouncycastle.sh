# shellcheck shell=bash disable=SC2154,SC2034 # tree, root and work are world.sh's
# BouncyCastle's EST client (bouncycastle/EstTour.java) against the simulator.

readonly jars=/usr/share/java/bcpkix.jar:/usr/share/java/bcprov.jar:/usr/share/java/bcutil.jar
java_command=$(cd "$root" && find usr/lib/jvm -path '*/bin/java' -type f -print -quit)

java_runs() { within "/$java_command" -XX:TieredStopAtLevel=1 "$@"; }

# bc OPERATION OPTION...
bc() {
    local operation=$1
    shift
    java_runs -cp "$jars:$work/java" EstTour "$operation" --server "localhost:$simulator_port" --trust "$work/simulator/est-ca.cer" "$@"
}

# bc_enrols OPERATION OPTION...
bc_enrols() {
    local operation=$1
    shift
    bc "$operation" --subject CN=device-1 --out "$work/bc.pem" --key-out "$work/bc.key" "$@" && matches "$work/bc.pem" "$work/bc.key" "$work/bc-ca.pem"
}

with bouncycastle "simulator, certificate"
environment=()
install -D -m 0644 "$tree/tools/interop/bouncycastle/EstTour.java" "$work/java/EstTour.java"
accepted "the client compiles" java_runs -jar /usr/share/java/eclipse-jdt-core-compiler-batch.jar -source 17 -target 17 -cp "$jars" -d "$work/java" "$work/java/EstTour.java"
printf 'secret\n' >"$work/factory-password"
printf 'wrong\n' >"$work/wrong-password"
start_simulator --basic "factory:$work/factory-password" --options "$tree/tools/interop/simulator.json" || fail_mode
new_request device '/CN=device-1'
simulator_signs device
accepted "cacerts" says "2 CA certificates" bc cacerts --out "$work/bc-ca.pem"
accepted "csrattrs" says 1.3.132.0.34 bc csrattrs
accepted "csrattrs of a label that has none" says none bc csrattrs --label est-id
accepted "simpleenroll" bc_enrols enroll --cert "$work/device.pem" --key "$work/device.key"
cp "$work/bc.pem" "$work/bc-old.pem"
cp "$work/bc.key" "$work/bc-old.key"
accepted "simplereenroll with what was issued" bc_enrols reenroll --cert "$work/bc-old.pem" --key "$work/bc-old.key"
accepted "cacerts of a label" says "2 CA certificates" bc cacerts --label est-id --out "$work/bc-ca.pem"
accepted "simpleenroll at a label" bc_enrols enroll --label est-id --cert "$work/device.pem" --key "$work/device.key"
refused "simpleenroll with nothing" "HTTP Status Code: 401" bc_enrols enroll
with bouncycastle "simulator, password (Basic)"
bc cacerts --out "$work/bc-ca.pem" >/dev/null
accepted "simpleenroll" bc_enrols enroll --user factory --password-file "$work/factory-password"
refused "simpleenroll with a wrong password" "HTTP Status Code: 401" bc_enrols enroll --user factory --password-file "$work/wrong-password"
control faults '{"kind":"pending","service":"est","polls":1,"retryAfter":1,"count":1}' >/dev/null
accepted "simpleenroll, 202 and then issued" says pending bc_enrols enroll --user factory --password-file "$work/factory-password"
with bouncycastle "simulator, password (Digest)"
start_simulator --basic "factory:$work/factory-password" --password-scheme digest || fail_mode
bc cacerts --out "$work/bc-ca.pem" >/dev/null
accepted "simpleenroll, MD5" bc_enrols enroll --user factory --password-file "$work/factory-password"
refused "simpleenroll with a wrong password" "HTTP Status Code: 401" bc_enrols enroll --user factory --password-file "$work/wrong-password"
not_possible "simpleenroll, SHA-256" "its client wants quotes around algorithm, which RFC 7616 section 3.3 forbids"
stop_simulator
