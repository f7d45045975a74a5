# shellcheck shell=bash disable=SC2154 # top and out are build.sh's
# A device that boots: Debian's arm64 root with what ships on it, in qemu under a real systemd, against the simulator (tools/appliance).

appliance_host_packages=(debootstrap qemu-system-arm qemu-user-static e2fsprogs systemd iproute2 util-linux mount binutils)
# What an image has beside ours: systemd, OpenSSL, the token's library; and the tools of the factory.
appliance_base_packages=systemd,systemd-sysv,udev,kmod,iproute2,openssl,softhsm2,opensc

# make_base: Debian's root, kept by the list of its packages.
make_base() {
    local key mirror suite
    # shellcheck source=tools/build/interop.sh
    . "$top/tools/build/interop.sh"
    suite=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
    key=$(printf '%s %s' "$suite" "$appliance_base_packages" | cat - "$top/tools/appliance/base.sh" | sha256sum | cut -c1-12)
    base=$out/appliance/base-$key
    [ ! -d "$base" ] || return 0
    mirror=$(debian_mirror)
    [[ -n $mirror && -n $suite ]] || fail "this machine's apt knows no Debian mirror" "name one: ESTPROV_DEBIAN_MIRROR=URL ./build.sh appliance"
    say "Debian $suite for arm64, by debootstrap (minutes; kept in out/appliance)"
    rm -rf "$out"/appliance/base-*
    as_root unshare --mount bash "$top/tools/appliance/base.sh" "$base" "$suite" "$mirror" "$appliance_base_packages" >"$out/appliance/base.log" 2>&1 ||
        fail "debootstrap has failed: $(tail -n 3 "$out/appliance/base.log")" "$out/appliance/base.log"
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

# make_disks: both roots, and a blank data partition.
make_disks() {
    local work=$out/appliance/run archive firmware=$out/arm64/native/examples/publish
    archive=$out/release/estprov-$(release_version)-linux-arm64.tar.xz
    rm -rf "$work"
    mkdir -p "$work" "$work.data/estprov" "$work.data/secrets" "$work.data/systemd"
    say "root A of $(basename "$archive")"
    as_root bash "$top/tools/appliance/root.sh" "$top" "$base" "$archive" "$firmware" a "$work/root-a.ext4"
    cp --sparse=always "$work/root-a.ext4" "$work/root-b.ext4"
    mke2fs -q -t ext4 -L estprov-data -d "$work.data" -E root_owner=0:0 "$work/data.ext4" 64M
    rm -rf "$work.data"
}

run_appliance() {
    [ $# = 0 ] || fail "appliance takes no arguments" "./build.sh appliance"
    local base
    need_packages "${appliance_host_packages[@]}"
    # shellcheck source=tools/build/demo.sh
    . "$top/tools/build/demo.sh"
    # shellcheck source=tools/build/arm64.sh
    . "$top/tools/build/arm64.sh"
    mkdir -p "$out/appliance"
    in_a_world_of_its_own true 2>/dev/null || fail "this machine allows no namespaces" "run as root, outside a container that forbids unshare"
    run_arm64 build
    say "the firmware, for arm64"
    make_arm64 examples
    make_base
    make_kernel
    say "build the simulator of EST server, DPS and IoT Hub"
    dotnet publish "$top/tools/Simulator/EstProv.Simulator.csproj" -c Release -o "$out/simulator" -v quiet --nologo
    make_disks
    in_a_world_of_its_own bash "$top/tools/appliance/run.sh" "$top" "$out"
}
