#!/usr/bin/env bash
# Debian's root file system for arm64, without anything of ours. Its maintainers' scripts run under qemu; the kernel is told of qemu for as long as that takes.
# usage: base.sh FOLDER SUITE MIRROR PACKAGE,PACKAGE… , as root in a mount namespace of its own
set -euo pipefail

readonly base=$1 suite=$2 mirror=$3 packages=$4
readonly formats=/proc/sys/fs/binfmt_misc entry=estprov-aarch64
readonly new=$base.new
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
options=(--foreign --arch=arm64 --variant=minbase "--include=$packages")
[ ! -r "$keyring" ] || options+=("--keyring=$keyring")

forget() { [ ! -e "$formats/$entry" ] || echo -1 >"$formats/$entry"; }
trap forget EXIT

rm -rf "$new"
debootstrap "${options[@]}" "$suite" "$new" "$mirror"
[ -e "$formats/register" ] || mount -t binfmt_misc binfmt_misc "$formats"
if ! grep -qs '^enabled' "$formats"/{qemu-aarch64,"$entry"}; then
    # F: the program is opened now, so that the new root need not have it. The line is that of qemu's package, under a name of our own.
    sed -n "s|^:qemu-aarch64:|:$entry:|p" /usr/lib/binfmt.d/qemu-aarch64.conf >"$formats/register"
fi
chroot "$new" /debootstrap/debootstrap --second-stage
# What is downloaded or written down there is no part of an image.
rm -rf "$new"/var/cache/apt/* "$new"/var/lib/apt/lists/* "$new"/var/log/* "$new/debootstrap"
mv "$new" "$base"
