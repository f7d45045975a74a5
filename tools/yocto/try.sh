#!/usr/bin/env bash
# The layer under real bitbake, without network. usage: try.sh BITBAKE OPENEMBEDDED-CORE WORK [parse] [check-layer]
# BITBAKE and OPENEMBEDDED-CORE are checkouts of one series. As root it goes on as an ordinary user, since bitbake refuses root; WORK is then given to that user.
set -euo pipefail

fail() {
    printf 'error: %s\nhint: %s\n' "$1" "$2" >&2
    exit 1
}
say() { printf '\n-- %s\n' "$*"; }

[ $# -ge 3 ] || fail "three folders are needed" "try.sh BITBAKE OPENEMBEDDED-CORE WORK [parse] [check-layer]"
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tree=$(cd "$here/../.." && pwd)
bitbake=$(realpath "$1") core=$(realpath "$2")
mkdir -p "$3"
work=$(realpath "$3")
readonly here tree bitbake core work
shift 3
steps=("$@")
[ $# -gt 0 ] || steps=(parse check-layer)
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
    *) fail "there is no step '$step'" "parse, check-layer" ;;
    esac
done
say "series $series: ${steps[*]} done"
