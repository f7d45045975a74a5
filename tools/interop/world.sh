#!/usr/bin/env bash
# Runs the cases in network, mount and process namespaces of their own (build.sh interop makes them): ports are fixed, runs do not meet, and
# whatever was started ends with this shell.
# usage: world.sh TREE OUT SUITE PEER...
set -euo pipefail

readonly tree=$1 out=$2 root=$2/interop/$3
shift 3

ip link set lo up
mount -t tmpfs -o mode=0755 tmpfs /run
readonly work=/run/interop
mkdir -p "$work/log"
mount --bind "$root" "$root"
mount -o remount,bind,ro "$root"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/tmp"
mount --bind "$work" "$root/run/interop"
cd "$work"

here=$tree/tools/interop
# shellcheck source=tools/interop/report.sh
. "$here/report.sh"
# shellcheck source=tools/interop/pki.sh
. "$here/pki.sh"
# shellcheck source=tools/interop/servers.sh
. "$here/servers.sh"
for name in "$@"; do
    # shellcheck source=/dev/null
    . "$here/cases/$name.sh"
done
stop_servers
printf '\n%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
[ "$failed" = 0 ]
