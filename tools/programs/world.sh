#!/usr/bin/env bash
# Ordinary programs with a key that keyd keeps, in network, mount and process namespaces of their own (build.sh programs makes them): users
# and ports are the real ones, and nothing of this machine is changed.
# usage: world.sh TREE OUT ROOT...     ROOT: '/', or a folder with another Debian, whose programs are run in a chroot
set -euo pipefail

readonly tree=$1 out=$2
shift 2
readonly work=/run/programs
export work

ip link set lo up
etc=$(mktemp -d)
mount -t tmpfs -o mode=0755 tmpfs "$etc"
cp -a /etc/. "$etc/"
mount --move "$etc" /etc
rmdir "$etc"
mount -t tmpfs -o mode=0755 tmpfs /run
mkdir -p "$work"/{bin,log,keyd} /etc/estprov/keyd.d
chmod 1777 "$work" "$work/log"

id=7100
for user in estprov estprov-keyd estprov-program estprov-stranger; do
    id=$((id + 1))
    sed -i "/^$user:/d" /etc/passwd /etc/group
    echo "$user:x:$id:" >>/etc/group
    [ "$user" = estprov ] || echo "$user:x:$id:$id:EstProv:/nonexistent:/usr/sbin/nologin" >>/etc/passwd
done
install -d -o root -g estprov -m 1775 /run/estprov
install -d -o estprov-keyd -m 0700 "$work/keyd"
cp -a "$out/stage/." "$work/bin/"

cat >/etc/estprov/keyd.toml <<EOF
homedir_path = "$work/keyd"
[[principal]]
uid = 0
keys = ["*"]
rights = ["use", "generate", "delete"]
[[principal]]
user = "estprov-program"
keys = ["*"]
rights = ["use"]
EOF
setpriv --reuid estprov-keyd --regid estprov-keyd --groups estprov --no-new-privs "$work/bin/usr/libexec/estprov/estprov-keyd" 2>"$work/log/keyd.log" &
for _ in $(seq 200); do
    [ ! -S /run/estprov/keyd.sock ] || break
    sleep 0.05
done
[ -S /run/estprov/keyd.sock ] || {
    cat "$work/log/keyd.log" >&2
    printf 'error: keyd does not start\nhint: its log is above\n' >&2
    exit 1
}

# shellcheck source=tools/interop/report.sh
. "$tree/tools/interop/report.sh"
# shellcheck source=tools/programs/run.sh
. "$tree/tools/programs/run.sh"
for root in "$@"; do
    enter_root "$root"
    for name in openssl tls curl nginx mosquitto python; do
        # shellcheck source=/dev/null
        . "$tree/tools/programs/cases/$name.sh"
    done
    # Last: it gives the keys new material.
    # shellcheck source=tools/programs/cases/rotation.sh
    . "$tree/tools/programs/cases/rotation.sh"
done
stop_server
jobs -pr | xargs -r kill
printf '\n%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
[ "$failed" = 0 ]
