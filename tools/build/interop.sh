# shellcheck shell=bash disable=SC2154 # top and out are build.sh's
# Other people's EST servers and clients, out of Debian's packages, against ours (tools/interop).

interop_suite=trixie
interop_peers=(estserver command strongswan estclient bouncycastle device)
# ecj and the JRE compile and run one Java file; the JDK would be 80 MB more.
interop_packages=(libest-utils strongswan-pki libstrongswan-extra-plugins libbcpkix-java openjdk-21-jre-headless ecj)

# debian_mirror: where this machine gets Debian from.
debian_mirror() {
    [ -z "${ESTPROV_DEBIAN_MIRROR:-}" ] || { printf '%s\n' "$ESTPROV_DEBIAN_MIRROR" && return; }
    # The name tells Debian itself from others, and from its security archive; lists that were never fetched have no name.
    # shellcheck disable=SC2016 # apt expands these itself
    apt-get indextargets --format '$(REPO_URI) $(LABEL) $(COMPONENT)' 'Created-By: Packages' |
        awk '$NF == "main" && ($2 == "Debian" && NF == 3 || NF == 2 && $1 ~ /\/debian\/?$/) { print $1; exit }'
}

# fetch_root SUITE ROOT PACKAGE...: the packages of a Debian and what they need, unpacked into the folder. Nothing of this machine's apt is changed; proxies, keys and
# mirror are its own.
fetch_root() {
    local suite=$1 root=$2 apt=$2.apt mirror keys="" options package
    local -a packages=("${@:3}")
    [ ! -s "$root.packages" ] || [ "$(cat "$root.packages")" != "${packages[*]}" ] || return 0
    command -v apt-get >/dev/null || fail "what is needed are Debian packages, and there is no apt-get" "run this on Debian"
    mirror=$(debian_mirror)
    [ -n "$mirror" ] || fail "this machine's apt knows no Debian mirror" "name one: ESTPROV_DEBIAN_MIRROR=URL ./build.sh …"
    say "fetch ${packages[*]} of Debian $suite"
    rm -rf "$root" "$root.packages" "$apt"
    mkdir -p "$apt"/{lists,archives}/partial "$root"/{proc,dev,tmp,etc,run/interop} "$root"/usr/{bin,sbin,lib,lib64}
    : >"$apt/status"
    # Without this keyring apt takes the keys that the machine trusts anyway.
    [ ! -r /usr/share/keyrings/debian-archive-keyring.gpg ] || keys='[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] '
    printf 'deb %s%s %s main\n' "$keys" "$mirror" "$suite" >"$apt/sources.list"
    options=(-qq -o "Dir::State=$apt" -o "Dir::State::status=$apt/status" -o "Dir::Cache=$apt" -o "Dir::Etc::sourcelist=$apt/sources.list"
        -o Dir::Etc::sourceparts=/dev/null -o Dir::Etc::preferencesparts=/dev/null -o APT::Sandbox::User=root -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false)
    # What comes after the next release stands on the next one's.
    if [ "$suite" = experimental ]; then
        printf 'deb %s%s sid main\n' "$keys" "$mirror" >>"$apt/sources.list"
        options+=(-t experimental)
    fi
    apt-get "${options[@]}" update || fail "the package lists of $suite cannot be had from $mirror" "look above; proxies and keys are those of this machine's apt"
    apt-get "${options[@]}" install -y --no-install-recommends --download-only "${packages[@]}" >/dev/null ||
        fail "the packages cannot be had from $mirror" "look above"
    for package in bin sbin lib lib64; do ln -sfn "usr/$package" "$root/$package"; done
    # Unpacked is enough: no maintainer's script has anything to do here.
    for package in "$apt"/archives/*.deb; do
        dpkg-deb --fsys-tarfile "$package" | tar -x -C "$root" --no-same-owner --keep-directory-symlink --exclude='./usr/share/doc*' --exclude='./usr/share/man*' --exclude='./usr/share/locale*'
    done
    printf '127.0.0.1 localhost estendpoint.com\n' >"$root/etc/hosts"
    printf 'hosts: files\n' >"$root/etc/nsswitch.conf"
    rm -rf "$apt"
    printf '%s\n' "${packages[*]}" >"$root.packages"
}

prepare_interop() {
    # shellcheck source=tools/build/demo.sh
    . "$top/tools/build/demo.sh"
    [ "$(id -u)" = 0 ] || command -v sudo >/dev/null || fail "interop needs root, for namespaces and a chroot" "run it as root"
    fetch_root "$interop_suite" "$out/interop/$interop_suite" "${interop_packages[@]}"
    prepare_demo
    say "build the EST client as a command"
    dotnet build "$top/tools/interop/Client/EstProv.InteropClient.csproj" -c Release -v quiet --nologo
}

# run_interop [PEER ...]
run_interop() {
    local peers=("$@") name
    for name in "$@"; do
        [[ " ${interop_peers[*]} " == *" $name "* ]] || fail "there is no peer '$name'" "the peers are ${interop_peers[*]}"
    done
    [ ${#peers[@]} -gt 0 ] || peers=("${interop_peers[@]}")
    prepare_interop
    in_a_world_of_its_own bash "$top/tools/interop/world.sh" "$top" "$out" "$interop_suite" "${peers[@]}"
}

# interop_as_test: its errors end the suite, not the test run.
interop_as_test() { (run_interop "${interop_peers[@]}"); }
