# shellcheck shell=bash disable=SC2154 # top and out are build.sh's
# Debian's packages for arm64, by an apt that knows of nothing else: this machine's own dpkg and apt are not touched. Proxies, keys and mirror are its own.

# begin_arm64_apt FOLDER: sets mirror, suite and apt_options, for apt-get and apt-cache.
begin_arm64_apt() {
    local apt=$1 keys=""
    command -v apt-get >/dev/null || fail "arm64's libraries are Debian packages, and there is no apt-get" "run this on Debian"
    # shellcheck source=tools/build/interop.sh
    . "$top/tools/build/interop.sh"
    mirror=$(debian_mirror)
    suite=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
    [[ -n $mirror && -n $suite ]] || fail "this machine's apt knows no Debian mirror" "name one: ESTPROV_DEBIAN_MIRROR=URL ./build.sh $command"
    rm -rf "$apt"
    mkdir -p "$apt"/{lists,archives}/partial
    : >"$apt/status"
    [ ! -r /usr/share/keyrings/debian-archive-keyring.gpg ] || keys='signed-by=/usr/share/keyrings/debian-archive-keyring.gpg '
    printf 'deb [%sarch=arm64] %s %s main\n' "$keys" "$mirror" "$suite" >"$apt/sources.list"
    apt_options=(-qq -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o "Dir::State=$apt" -o "Dir::State::status=$apt/status" -o "Dir::Cache=$apt"
        -o "Dir::Etc::sourcelist=$apt/sources.list" -o Dir::Etc::sourceparts=/dev/null -o Dir::Etc::preferencesparts=/dev/null -o APT::Sandbox::User=root)
    apt-get "${apt_options[@]}" update || fail "arm64's package lists cannot be had from $mirror" "look above; proxies and keys are those of this machine's apt"
}

# unpack_packages FOLDER ROOT: unpacked is enough where no maintainer's script has anything to do.
unpack_packages() {
    local package
    for package in "$1"/*.deb; do
        dpkg-deb --fsys-tarfile "$package" |
            tar -x -C "$2" --no-same-owner --keep-directory-symlink --exclude='./usr/share/doc*' --exclude='./usr/share/man*' --exclude='./usr/share/locale*'
    done
}
