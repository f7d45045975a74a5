#!/usr/bin/env bash
# The root file system of a device: Debian's, and on it the release's archive and the files of meta-estprov's recipes, each where the recipe puts it.
# usage: root.sh TREE BASE ARCHIVE FIRMWARE LABEL IMAGE, as root
set -euo pipefail

readonly tree=$1 base=$2 archive=$3 firmware=$4 label=$5 image=$6
readonly layer=$tree/meta-estprov mine=$tree/tools/appliance/root
readonly recipes=$layer/recipes-estprov softhsm=$layer/dynamic-layers/openembedded-layer/recipes-estprov/estprov-pkcs11-softhsm/files
root=$image.root
trap 'rm -rf "$root"' EXIT
rm -rf "$root"
cp -a "$base" "$root"
units=$root/usr/lib/systemd/system

# Recipe estprov, and libestprov's files as the release has them: users with the layer's fixed numbers, so no sysusers.
tar -C "$root" --strip-components=1 --exclude=MANIFEST --exclude=sbom.cdx.json --exclude=licenses --keep-directory-symlink -xf "$archive"
rm "$root/usr/lib/sysusers.d/estprov.conf"
systemd-sysusers --root="$root"
cat "$layer/files/estprov-passwd" >>"$root/etc/passwd"
sed 's/^estprov:.*/&estprov-keyd,estprov-certd,estprov-identityd,firmware/' "$layer/files/estprov-group" >>"$root/etc/group"
# Debian's libcrypto looks into a folder of its machine's name.
ln -s ../../ossl-modules/estprov.so "$root/usr/lib/aarch64-linux-gnu/ossl-modules/estprov.so"

# Recipe estprov-pkcs11-softhsm.
install -D -m 0644 "$softhsm/10-softhsm.conf" "$units/estprov-keyd.service.d/10-softhsm.conf"
install -m 0644 "$softhsm/softhsm2.conf" "$root/etc/estprov/softhsm2.conf"
sed 's|@lib_path@|/usr/lib/softhsm/libsofthsm2.so|' "$softhsm/keyd.d/10-softhsm.toml" >"$root/etc/estprov/keyd.d/10-softhsm.toml"

# Recipe estprov-config, with drop-ins as a bbappend would add; the owners of all drop-ins at last.
for role in keyd certd identityd; do
    install -m 0640 "$recipes/estprov-config/files/$role.toml" "$root/etc/estprov/$role.toml"
    install -m 0640 "$mine/$role.toml" "$root/etc/estprov/$role.d/50-appliance.toml"
    chmod 0750 "$root/etc/estprov/$role.d"
    chmod 0640 "$root/etc/estprov/$role.d"/*
    chown -R ":$(sed -n "s/^estprov-$role:x:\([0-9]*\):.*/\1/p" "$layer/files/estprov-group")" "$root/etc/estprov/$role.d" "$root/etc/estprov/$role.toml"
done

# Recipe estprov-data, with pin-on-data and host-secret-on-data.
data=$recipes/estprov-data/files
install -d "$root/data" "$root/var/lib/estprov" "$root/var/secrets"
install -m 0644 "$data"/*.mount "$units/"
for role in keyd certd identityd; do install -D -m 0644 "$data/10-data.conf" "$units/estprov-$role.service.d/10-data.conf"; done
install -m 0644 "$data/15-secrets.conf" "$units/estprov-certd.service.d/"
install -m 0644 "$data/20-pin.conf" "$units/estprov-keyd.service.d/"
for role in keyd certd; do install -m 0644 "$data/30-host-secret.conf" "$units/estprov-$role.service.d/"; done
sed 's|@libexecdir@|/usr/libexec|' "$data/estprov-machine-id.service" >"$units/estprov-machine-id.service"
install -m 0755 "$data/machine-id.sh" "$root/usr/libexec/estprov/machine-id"

# What an image brings by itself: names, network, memory file systems where a read-only root is written to, and the firmware.
printf 'appliance\n' >"$root/etc/hostname"
: >"$root/etc/machine-id"
rm -f "$root/etc/resolv.conf"
printf '127.0.0.1 localhost appliance\n10.0.2.2 estendpoint.com global.azure-devices-provisioning.net demo-hub.azure-devices.net\n' >"$root/etc/hosts"
printf 'tmpfs %s tmpfs mode=%s,nosuid,nodev 0 0\n' /tmp 1777 /var/tmp 1777 /var/log 0755 >"$root/etc/fstab"
printf 'firmware:x:7110:7110:Firmware:/:/sbin/nologin\n' >>"$root/etc/passwd"
printf 'firmware:x:7110:\n' >>"$root/etc/group"
printf 'IMAGE_VERSION=%s\n' "$label" >>"$root/usr/lib/os-release"
install -D -m 0755 "$firmware" "$root/usr/bin/firmware"
install -m 0644 "$mine"/*.{socket,service} "$units/"
install -D -m 0644 "$mine/10-ethernet.network" "$root/etc/systemd/network/10-ethernet.network"
rm -rf "$root"/etc/systemd/system/*
systemctl --root="$root" --quiet preset estprov-{keyd,certd,identityd}.{socket,service}
systemctl --root="$root" --quiet enable data.mount var-lib-estprov.mount var-secrets.mount var-lib-systemd.mount var-volatile-lib.service appliance-control.socket systemd-networkd.service
systemctl --root="$root" --quiet set-default multi-user.target
systemctl --root="$root" --quiet mask getty.target serial-getty@ttyAMA0.service systemd-networkd-wait-online.service proc-sys-fs-binfmt_misc.automount {apt-daily,apt-daily-upgrade,dpkg-db-backup,e2scrub_all,fstrim}.timer

# The same paths, modes and owners as in the packages that bitbake makes. Of another release's archive they need not be.
[ "$label" != a ] || bash "$tree/tools/appliance/compare.sh" "$root" "$tree/tools/yocto/packages.txt"

rm -f "$image"
mke2fs -q -t ext4 -L "root-$label" -d "$root" -E root_owner=0:0 "$image" 640M
