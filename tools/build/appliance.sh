# shellcheck shell=bash disable=SC2154 # top and out are build.sh's
# A device that boots: Debian's arm64 root with what ships on it, in qemu under a real systemd, against the simulator (tools/appliance).

appliance_host_packages=(qemu-system-arm qemu-user-static e2fsprogs systemd iproute2 util-linux mount curl jq)
# What an image has beside ours: systemd, OpenSSL, a shell and its tools, the token's library; and the factory's tools for the token.
appliance_base_packages=(base-files base-passwd libc-bin dash bash coreutils grep sed mawk findutils util-linux mount e2fsprogs systemd udev openssl softhsm2 opensc)

# make_base: Debian's root without anything of ours, kept by the list of its packages. Packages are unpacked and not installed: maintainers' scripts for arm64 are minutes
# of emulation, and an image made by Yocto has had none either. What of their work a device needs is done here.
make_base() {
    local key mirror suite new apt=$out/appliance/apt file
    local -a apt_options
    key=$(declare -p appliance_base_packages | cat - <(declare -f make_base) | sha256sum | cut -c1-12)
    base=$out/appliance/base-$key new=$out/appliance/base.new
    [ ! -d "$base" ] || return 0
    # shellcheck source=tools/build/debian.sh
    . "$top/tools/build/debian.sh"
    say "Debian's root for arm64 (kept in out/appliance)"
    rm -rf "$out"/appliance/base-* "$new"
    begin_arm64_apt "$apt"
    apt-get "${apt_options[@]}" install -y --no-install-recommends --download-only "${appliance_base_packages[@]}" >/dev/null || fail "the packages cannot be had from $mirror" "look above"
    mkdir -p "$new"/usr/{bin,sbin,lib} "$new"/{proc,sys,dev,run,tmp,var/tmp}
    for file in bin sbin lib; do ln -s "usr/$file" "$new/$file"; done
    unpack_packages "$apt/archives" "$new"
    cp "$new/usr/share/base-passwd/passwd.master" "$new/etc/passwd"
    cp "$new/usr/share/base-passwd/group.master" "$new/etc/group"
    printf 'passwd: files\ngroup: files\nhosts: files\n' >"$new/etc/nsswitch.conf"
    ln -s mawk "$new/usr/bin/awk"
    rm -rf "$apt"
    mv "$new" "$base"
}

# make_kernel: Debian's kernel and an initrd, kept until they are removed.
make_kernel() {
    local apt=$out/appliance/apt name mirror suite
    local -a apt_options
    [ ! -d "$out/appliance/kernel" ] || return 0
    # shellcheck source=tools/build/debian.sh
    . "$top/tools/build/debian.sh"
    say "Debian's kernel for arm64, and an initrd"
    begin_arm64_apt "$apt"
    name=$(apt-cache "${apt_options[@]}" depends linux-image-arm64 | sed -n 's/^ *Depends: \(linux-image-[0-9].*\)/\1/p')
    [ -n "$name" ] || fail "Debian $suite has no linux-image-arm64" "look above"
    (cd "$apt/archives" && apt-get "${apt_options[@]}" download "$name" busybox-static) || fail "the kernel cannot be had from $mirror" "look above"
    bash "$top/tools/appliance/kernel.sh" "$apt/archives" "$out/appliance/kernel"
    rm -rf "$apt"
}

# make_firmware: the example that publishes, linked as firmware is: with the C library that ships, and the device's OpenSSL.
make_firmware() {
    local root=$out/arm64/root/usr
    say "the firmware, for arm64"
    aarch64-linux-gnu-gcc -std=c99 -D_GNU_SOURCE -O2 -Wall -Wextra -Werror -I"$top/native/include" -I"$root/include" -I"$root/include/aarch64-linux-gnu" "$top/native/examples/publish.c" \
        -L"$out/arm64/native" -l:libestprov.so.1 -L"$root/lib/aarch64-linux-gnu" -Wl,-rpath-link,"$root/lib/aarch64-linux-gnu" -lssl -lcrypto -s -o "$out/appliance/firmware"
}

# make_disks: both roots, and a blank data partition.
make_disks() {
    local work=$out/appliance/run archive firmware=$out/appliance/firmware
    archive=$out/release/estprov-$(release_version)-linux-arm64.tar.xz
    rm -rf "$work"
    mkdir -p "$work/data"
    say "root A: $(basename "$archive"); root B: $(basename "${1:-$archive}")"
    as_root bash "$top/tools/appliance/root.sh" "$top" "$base" "$archive" "$firmware" a "$work/root-a.ext4"
    as_root bash "$top/tools/appliance/root.sh" "$top" "$base" "${1:-$archive}" "$firmware" b "$work/root-b.ext4"
    mke2fs -q -t ext4 -L estprov-data -d "$work/data" -E root_owner=0:0 "$work/data.ext4" 64M
    rm -rf "$work/data"
    tell_installed "$archive" | tee "$work/installed"
}

# tell_installed ARCHIVE: what of it is on the device, in bytes, and the C library that it needs at least. Fails over the budget.
tell_installed() {
    local unpacked=$out/appliance/unpacked bytes
    # shellcheck source=tools/bench/budgets.sh
    . "$top/tools/bench/budgets.sh"
    rm -rf "$unpacked"
    mkdir -p "$unpacked"
    tar -C "$unpacked" --strip-components=1 --exclude=sbom.cdx.json --exclude=MANIFEST --exclude=licenses -xf "$1"
    find "$unpacked" -type f -size +9k -printf '%s %P\n' | sort -rn
    bytes=$(bytes_below "$unpacked")
    printf 'all installed files %d bytes, %s MB of 1,048,576 bytes (budget %s)\n' "$bytes" "$(megabytes "$bytes")" "$installed_budget"
    # Files of text are no ELF, and no matter.
    { find "$unpacked" -type f -exec aarch64-linux-gnu-readelf -V {} + 2>/dev/null || true; } | grep -oE 'GLIBC_2\.[0-9]+' | sort -uV | tail -n 1 | sed 's/.*/highest symbol & (at most GLIBC_2.35)/'
    rm -rf "$unpacked"
    hold_installed "$bytes"
}

# run_appliance [--before ARCHIVE]
run_appliance() {
    local base before=""
    if [ "${1:-}" = --before ] && [ $# = 2 ]; then
        before=$2
        [ -f "$before" ] || fail "there is no archive $before" "./build.sh arm64 build in the tree of the release before makes out/release/estprov-*-linux-arm64.tar.xz"
    elif [ $# != 0 ]; then
        fail "appliance takes no other arguments than --before ARCHIVE" "the archive of the release before, for root B"
    fi
    need_packages "${appliance_host_packages[@]}"
    # shellcheck source=tools/build/demo.sh
    . "$top/tools/build/demo.sh"
    # shellcheck source=tools/build/arm64.sh
    . "$top/tools/build/arm64.sh"
    mkdir -p "$out/appliance"
    in_a_world_of_its_own true 2>/dev/null || fail "this machine allows no namespaces" "run as root, outside a container that forbids unshare"
    run_arm64 build
    make_firmware
    make_base
    make_kernel
    say "build the simulator of EST server, DPS and IoT Hub"
    dotnet publish "$top/tools/Simulator/EstProv.Simulator.csproj" -c Release -o "$out/simulator" -v quiet --nologo
    make_disks "$before"
    in_a_world_of_its_own bash "$top/tools/appliance/run.sh" "$top" "$out"
}
