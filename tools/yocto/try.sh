#!/usr/bin/env bash
# The layer under real bitbake, without network. usage: try.sh BITBAKE OPENEMBEDDED-CORE WORK [parse] [check-layer] [image] [packages]
# BITBAKE and OPENEMBEDDED-CORE are checkouts of one series. As root it goes on as an ordinary user, since bitbake refuses root; WORK is then given to that user.
set -euo pipefail

fail() {
    printf 'error: %s\nhint: %s\n' "$1" "$2" >&2
    exit 1
}
say() { printf '\n-- %s\n' "$*"; }

[ $# -ge 3 ] || fail "three folders are needed" "try.sh BITBAKE OPENEMBEDDED-CORE WORK [parse] [check-layer] [image] [packages]"
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tree=$(cd "$here/../.." && pwd)
bitbake=$(realpath "$1") core=$(realpath "$2")
mkdir -p "$3"
work=$(realpath "$3")
readonly here tree bitbake core work
shift 3
steps=("$@")
[ $# -gt 0 ] || steps=(parse check-layer image packages)
[ -x "$bitbake/bin/bitbake" ] || fail "$bitbake has no bin/bitbake" "a checkout of bitbake, of the branch that goes with the series"
[ -e "$core/meta/conf/layer.conf" ] || fail "$core has no meta/conf/layer.conf" "a checkout of openembedded-core"
for tool in python3 git diff patch tar bzip2 gzip xz file make; do
    command -v "$tool" >/dev/null || fail "$tool is missing" "install it"
done

if [ "$(id -u)" = 0 ]; then
    user=${ESTPROV_YOCTO_USER:-nobody}
    chown -R "$user" "$work"
    # setpriv, since the user may have no shell.
    exec setpriv --reuid "$user" --regid "$(id -g "$user")" --clear-groups --no-new-privs env "HOME=$work/home" "USER=$user" "LOGNAME=$user" "$0" "$bitbake" "$core" "$work" "${steps[@]}"
fi
mkdir -p "$HOME"

series=$(sed -n 's/^LAYERSERIES_CORENAMES *= *"\([a-z]*\).*/\1/p' "$core/meta/conf/layer.conf")
export BUILDDIR=$work/build BBPATH=$work/build PATH=$bitbake/bin:$core/scripts:$PATH PYTHONPATH=$bitbake/lib LC_ALL=C.UTF-8
# bitbake wants the locale en_US.UTF-8; any other of UTF-8 does as well.
if ! locale -a 2>/dev/null | grep -qi '^en_US.utf-\?8$'; then
    mkdir -p "$work/locale"
    ln -sfn /usr/lib/locale/C.utf8 "$work/locale/en_US.UTF-8"
    export LOCPATH=$work/locale BB_ENV_PASSTHROUGH_ADDITIONS=LOCPATH
fi
# bitbake asks for the tools of a whole build; nothing that is built here needs these.
missing=""
for tool in chrpath diffstat gawk cpio wget rpcgen lz4c zstd pzstd; do command -v "$tool" >/dev/null || missing+=" $tool"; done

# configure LAYER...: build/conf anew.
configure() {
    mkdir -p "$work/build/conf"
    {
        # shellcheck disable=SC2016 # bitbake expands it
        printf 'POKY_BBLAYERS_CONF_VERSION = "2"\nBBPATH = "${TOPDIR}"\nBBFILES ?= ""\nBBLAYERS = "'
        printf ' %s' "$@"
        printf '"\n'
    } >"$work/build/conf/bblayers.conf"
    cat >"$work/build/conf/local.conf" <<END
MACHINE ??= "$machine"
DISTRO ??= "nodistro"
INIT_MANAGER = "systemd"
CONF_VERSION = "2"
BB_NO_NETWORK = "1"
CONNECTIVITY_CHECK_URIS = ""
HOSTTOOLS:remove = "$missing"
SANITY_REQUIRED_UTILITIES = ""
# A build machine without a locale of its own, or with another Linux than those that were tried, is no reason to stop.
SANITY_TESTED_DISTROS = ""
ESTPROV_RELEASES = "$work/release"
BB_NUMBER_THREADS ?= "2"
PARALLEL_MAKE ?= "-j 2"
END
}

# The archives of ./build.sh arm64, those of this machine's kind, or, where neither was built, files of the same names that are only good for parsing.
release() {
    local from archive
    rm -rf "$work/release"
    mkdir -p "$work/release"
    from=${ESTPROV_RELEASE:-$tree/out/release}
    if [ -d "$from" ] && ls "$from"/estprov-*.tar.xz >/dev/null 2>&1; then cp "$from"/*.tar.xz "$work/release/"; fi
    for archive in estprov-0.1.0-linux-arm64 estprov-0.1.0-linux-x64 estprov-native-0.1.0; do
        if [ ! -e "$work/release/$archive.tar.xz" ]; then
            printf 'note: %s.tar.xz is not there; an empty one stands in for it\n' "$archive"
            tar -C "$work/release" --files-from /dev/null -cJf "$work/release/$archive.tar.xz"
        fi
    done
}

# build_packages: what our recipes' packages are made of, judged by oe-core's checks and by this folder's list. The rest of oe-core is stubs/.
build_packages() {
    local tool root=${ESTPROV_ARM64_ROOT:-$tree/out/arm64/root} preload answer
    for tool in aarch64-linux-gnu-gcc faked-sysv unshare dpkg-deb pkg-config /usr/sbin/useradd; do
        command -v "$tool" >/dev/null || fail "$tool is missing" "the Debian packages gcc-aarch64-linux-gnu, fakeroot, util-linux, dpkg, pkg-config and passwd have these tools"
    done
    [ -e "$root/usr/lib/aarch64-linux-gnu/libcrypto.so.3" ] || fail "$root has no OpenSSL for arm64" "./build.sh arm64 unpacks it; or name its folder in ESTPROV_ARM64_ROOT"
    [ "$(tar -tJf "$work/release/estprov-0.1.0-linux-arm64.tar.xz" | wc -l)" -gt 0 ] || fail "there is no archive of arm64 to package" "./build.sh arm64, or name its folder in ESTPROV_RELEASE"
    preload=$(find /usr/lib -name libfakeroot-sysv.so -print -quit)
    unshare --map-root-user --mount true || fail "this user may make no namespaces" "sysctl kernel.unprivileged_userns_clone, kernel.apparmor_restrict_unprivileged_userns"

    if ! command -v cpio >/dev/null; then
        mkdir -p "$work/bin"
        cp "$here/stubs/files/cpio" "$work/bin/"
        PATH=$PATH:$work/bin missing=${missing/ cpio/}
    fi
    configure "$core/meta" "$tree/meta-estprov" "$here/stubs"
    # Owners have names, as on the device.
    mkdir -p "$work/names" "$work/vendor"
    cat /etc/passwd "$tree/meta-estprov/files/estprov-passwd" >"$work/names/passwd"
    cat /etc/group "$tree/meta-estprov/files/estprov-group" >"$work/names/group"
    # A vendor's module, as far as packaging goes.
    printf 'unsigned long C_GetFunctionList(void **list);\nunsigned long C_GetFunctionList(void **list) { *list = 0; return 0x54; }\n' |
        aarch64-linux-gnu-gcc -shared -fPIC -s -Wl,--hash-style=gnu -Wl,-soname,libacme-pkcs11.so -x c - -o "$work/vendor/libacme-pkcs11.so"
    # bitbake starts a worker for each run, and the owners have to outlive it.
    answer=$(faked-sysv)
    # shellcheck disable=SC2064 # this one
    trap "kill ${answer#*:}" EXIT
    cat >>"$work/build/conf/local.conf" <<END
ESTPROV_ARM64_ROOT = "$root"
ESTPROV_NAMES = "$work/names"
ESTPROV_VENDOR = "$work/vendor"
ESTPROV_LIBFAKEROOT = "$preload"
ESTPROV_FAKEROOTKEY = "${answer%%:*}"
ESTPROV_HOST_UID = "$(id -u)"
ESTPROV_HOST_GID = "$(id -g)"
require conf/estprov-stubs.conf
END
    rm -rf "$work"/build/tmp* "$work/build/sstate-cache"
    (cd build && bitbake estprov libestprov estprov-config estprov-data vendor-pkcs11 packagegroup-estprov) 2>&1 | tee "$work/packages.log" || fail "the packages are not built" "above"
    grep -q 'systemd is built without OpenSSL' "$work/packages.log" || fail "the layer does not warn of a systemd without OpenSSL" "recipes-core/systemd: the stub is such a one"
    rm -rf "$work/packages"
    mkdir "$work/packages"
    find "$work"/build/tmp*/deploy/deb -name '*.deb' -exec cp -t "$work/packages" {} +
    # Two recipes for one thing are not built at once, and what the first has made is removed.
    printf 'PREFERRED_PROVIDER_virtual/estprov-pkcs11 = "estprov-pkcs11-softhsm"\n' >"$work/build/conf/softhsm.conf"
    (cd build && bitbake -R conf/softhsm.conf estprov-pkcs11-softhsm) 2>&1 | tee -a "$work/packages.log" || fail "the package of SoftHSM2 in a token's place is not built" "above"
    ! grep 'QA Issue' "$work/packages.log" || fail "oe-core's checks have findings" "what it calls a warning counts here, too"
    find "$work"/build/tmp*/deploy/deb -name '*softhsm*.deb' -exec cp -t "$work/packages" {} +
    "$here/contents.sh" "$work/packages" >"$work/packages.txt"
    diff -u "$here/packages.txt" "$work/packages.txt" || fail "the packages are others than $here/packages.txt says" "where they are right, copy $work/packages.txt there"
    say "packages"
    grep -c '^package ' "$work/packages.txt"
}

# plan_image: the example image with a vendor's module, down to the last task that it needs. None of them is run.
plan_image() {
    configure "$core/meta" "$tree/meta-estprov"
    mkdir -p "$work/vendor"
    [ -e "$work/vendor/libacme-pkcs11.so" ] || : >"$work/vendor/libacme-pkcs11.so"
    cat >>"$work/build/conf/local.conf" <<END
VIRTUAL-RUNTIME_estprov-pkcs11 = "vendor-pkcs11"
ESTPROV_VENDOR_MODULE:pn-vendor-pkcs11 = "libacme-pkcs11.so"
FILESEXTRAPATHS:prepend:pn-vendor-pkcs11 = "$work/vendor:"
PACKAGECONFIG:append:pn-systemd = " openssl"
END
    rm -f "$work"/build/task-depends.dot
    (cd build && bitbake -g estprov-image) 2>&1 | tee "$work/image.log" || fail "the image cannot be made" "above"
    ! grep -E '^(WARNING|ERROR)' "$work/image.log" || fail "bitbake has findings" "above; a warning counts here, too"
    for task in estprov libestprov estprov-config estprov-data vendor-pkcs11 packagegroup-estprov; do
        grep -q "^\"estprov-image.do_rootfs\" -> \"$task.do_package_write_" "$work/build/task-depends.dot" || fail "$task is not in the image" "its IMAGE_INSTALL and the packagegroup"
    done
    grep -q '^"estprov-image.do_image_complete" -> "estprov-image.do_image_wic"' "$work/build/task-depends.dot" || fail "no image comes of it" "IMAGE_FSTYPES"
    say "image"
    grep -c ' \[label=' "$work/build/task-depends.dot"
}

machine=qemuarm64
release
cd "$work"
say "series $series, $(python3 --version)"
for step in "${steps[@]}"; do
    case $step in
    parse)
        say "parse"
        configure "$core/meta" "$tree/meta-estprov"
        (cd build && bitbake -p) || fail "the layer does not parse" "above"
        # What the layer says by itself of what it leaves out.
        (cd build && bitbake-layers show-recipes -b 'estprov*' 'libestprov' 'vendor-*' 'packagegroup-estprov' 2>&1 | tail -n 20)
        ;;
    check-layer)
        say "yocto-check-layer"
        configure "$core/meta"
        (cd build && yocto-check-layer --no-auto-dependency "$tree/meta-estprov") || fail "yocto-check-layer is not content" "above"
        ;;
    image)
        say "image"
        plan_image
        ;;
    packages)
        say "packages"
        build_packages
        ;;
    *) fail "there is no step '$step'" "parse, check-layer, image, packages" ;;
    esac
done
say "series $series: ${steps[*]} done"
