#!/usr/bin/env bash
# Debian's kernel as a boot loader wants it: vmlinuz, and an initrd that loads what stands between the kernel and its root. Debian's kernel has that as modules; an
# image's own kernel has it built in.
# usage: kernel.sh PACKAGES FOLDER
set -euo pipefail

packages=$(realpath "$1") folder=$(realpath -m "$2")
readonly packages folder
readonly wanted=(virtio_pci virtio_blk virtio_net virtio_rng ext4 crc32c_generic)
readonly work=$folder.new
rm -rf "$work" "$folder"
mkdir -p "$work"/unpacked "$work"/initrd/{bin,modules,proc,sys,dev,root}
for package in "$packages"/*.deb; do dpkg-deb --fsys-tarfile "$package" | tar -x -C "$work/unpacked"; done
mv "$work"/unpacked/boot/vmlinuz-* "$work/vmlinuz"
cp "$work/unpacked/bin/busybox" "$work/initrd/bin/busybox"

# add MODULE: behind those that it needs. There is no modules.dep before depmod has run, and no depmod here.
added=" "
add() {
    local name=$1 file need
    [[ $added != *" $name "* ]] || return 0
    added+="$name "
    file=$(find "$work/unpacked/lib/modules" -name "${name//_/[_-]}.ko" -print -quit)
    if [ -z "$file" ]; then
        grep -qE "/${name//_/[_-]}\.ko$" "$work"/unpacked/lib/modules/*/modules.builtin || { printf 'error: the kernel has no %s\nhint: look into %s\n' "$name" "$packages" >&2 && exit 1; }
        return 0
    fi
    for need in $(tr '\0' '\n' <"$file" | sed -n 's/^depends=//p' | tr , ' '); do add "$need"; done
    cp "$file" "$work/initrd/modules/"
    basename "$file" >>"$work/initrd/modules/order"
}
for module in "${wanted[@]}"; do add "$module"; done

cat >"$work/initrd/init" <<'END'
#!/bin/busybox sh
busybox mount -t proc proc /proc
busybox mount -t sysfs sysfs /sys
busybox mount -t devtmpfs devtmpfs /dev
while read -r module; do busybox insmod "/modules/$module"; done </modules/order
for word in $(busybox cat /proc/cmdline); do
    case $word in root=*) root=${word#root=} ;; esac
done
count=0
until busybox mount -t ext4 -o ro "$root" /root; do
    count=$((count + 1))
    [ $count -lt 50 ] || { echo "no root on $root" && busybox poweroff -f; }
    busybox usleep 100000
done
busybox mount --move /dev /root/dev
busybox umount /sys /proc
exec busybox switch_root /root /lib/systemd/systemd
END
chmod 0755 "$work/initrd/init"
# cpio need not be here: the device's busybox has it.
(cd "$work/initrd" && find . | LC_ALL=C sort | qemu-aarch64-static "$work/initrd/bin/busybox" cpio -o -H newc 2>/dev/null | gzip -9) >"$work/initrd.gz"
rm -rf "$work/unpacked" "$work/initrd"
mv "$work" "$folder"
