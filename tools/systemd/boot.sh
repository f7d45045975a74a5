#!/usr/bin/env bash
# systemd as the first process of a machine in namespaces: this machine's files with a memory file system over them, what ships laid out on it, and device.sh
# (or another PROGRAM of the tree) as the one program that is started. Nothing of this machine is changed.
# usage: boot.sh TREE OUT FOLDER [PROGRAM [ARGUMENT]] (FOLDER for what comes back; build.sh makes the namespaces and the cgroup)
set -euo pipefail

readonly tree=$1 out=$2 back=$3 program=${4:-tools/systemd/device.sh} argument=${5:-}
world=$(mktemp -d)
readonly world
mount -t tmpfs tmpfs "$world"
mkdir "$world"/{upper,work,root,tree,out}
readonly root=$world/root
# What lies on other mounts than / is not in the overlay.
mount -t overlay overlay -o "lowerdir=/,upperdir=$world/upper,workdir=$world/work" "$root"
rm -rf "$root"/etc/systemd/system/* "$root/etc/machine-id" "$root"/var/lib/estprov "$root"/etc/estprov "$root/var/log/journal"
cp -a --no-preserve=ownership "$out/stage/." "$root/"
# Debian has libraries and providers of its own machine in a folder of its own; an image is built with LIBDIR.
modules=$(openssl version -m | sed -n 's/^MODULESDIR: "\(.*\)"/\1/p')
[ "$modules" = /usr/lib/ossl-modules ] || ln -sfn /usr/lib/ossl-modules/estprov.so "$root$modules/estprov.so"
echo uninitialized >"$root/etc/machine-id"

# As few units as systemd can do with.
for unit in systemd-{udevd,udev-trigger,timesyncd,logind,networkd,resolved,remount-fs,modules-load,sysctl,firstboot}.service \
    dev-hugepages.mount dev-mqueue.mount sys-kernel-debug.mount sys-kernel-tracing.mount sys-fs-fuse-connections.mount \
    proc-sys-fs-binfmt_misc.automount getty.target; do
    ln -sfn /dev/null "$root/etc/systemd/system/$unit"
done
cat >"$root/etc/systemd/system/device.service" <<END
[Unit]
Description=The test's device
After=basic.target
[Service]
Type=exec
ExecStart=/bin/bash "$tree/$program" "$out" "$back" "$argument"
Environment="DOTNET_ROOT=${DOTNET_ROOT:-}" "PATH=$PATH"
ExecStopPost=/bin/systemctl poweroff --force --force
StandardOutput=append:$back/output
StandardError=append:$back/output
END
cat >"$root/etc/systemd/system/default.target" <<END
[Unit]
Description=A device
Requires=basic.target
Wants=device.service
After=basic.target
END

mkdir -p "$root"/{proc,sys,dev,run,tmp}
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
mountpoint -q "$root/sys/fs/cgroup" || mount -t tmpfs tmpfs "$root/sys/fs/cgroup" 2>/dev/null || true
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs -o mode=0755 tmpfs "$root/dev"
# Nodes of its own: systemd sets the mode of its console, and this machine's nodes are the machine's.
while read -r node major minor; do mknod -m 0666 "$root/dev/$node" c "$major" "$minor"; done <<END
null 1 3
zero 1 5
full 1 7
random 1 8
urandom 1 9
tty 5 0
console 1 3
END
mkdir "$root"/dev/{pts,shm}
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
mount -t tmpfs tmpfs "$root/dev/shm"
mount -t tmpfs -o mode=0755 tmpfs "$root/run"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
# The tree and what was built may lie where the machine has put a memory file system of its own.
mkdir -p "$root$tree" "$root$out" "$root$back" "$root/.before"
mount --bind "$tree" "$root$tree"
mount --bind "$out" "$root$out"
mount --bind "$back" "$root$back"
cd "$root"
pivot_root . .before
# The daemons' credentials are mounted by a child of systemd, and get to it by propagation.
mount --make-rshared /
exec env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --system --log-target=null
