#!/usr/bin/env bash
# boot.sh in namespaces and a cgroup of its own, which end with it. usage: boot_alone.sh TREE OUT FOLDER [PROGRAM [ARGUMENT]], as root in a mount namespace of its own
set -euo pipefail

hierarchy=$(mktemp -d)
readonly hierarchy
mount -t cgroup2 cgroup2 "$hierarchy"
readonly mine=$hierarchy/estprov-$$
mkdir "$mine"
leave() {
    find "$mine" -depth -type d -exec rmdir {} + 2>/dev/null || true
    umount -l "$hierarchy"
    rmdir "$hierarchy"
}
trap leave EXIT
# Power off ends the first process of the namespace by a signal, which is no failure: what device.sh left behind tells.
(
    echo "$BASHPID" >"$mine/cgroup.procs"
    exec timeout --foreground --signal KILL 240 unshare --mount --pid --fork --kill-child --cgroup --ipc --uts --net bash "$(dirname "${BASH_SOURCE[0]}")/boot.sh" "$@"
) || true
