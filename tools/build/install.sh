# shellcheck shell=bash disable=SC2154 # top and out are build.sh's
# What ships, laid out as on a device: recipe, tarball, demo and tests take it from here.

# lay_out DESTDIR [PUBLISHED [MAKE ARGUMENT...]]: from what publish made, in out/publish and out/native without more arguments. LIBDIR is that of the C parts.
lay_out() {
    local dest=$1 published=${2:-$out/publish} libdir=${LIBDIR:-/usr/lib}
    local -a native=("${@:3}")
    [ ${#native[@]} -gt 0 ] || native=(O="$out/native")
    install -d "$dest/usr/bin"
    install -m 0755 "$published/estprov" "$dest/usr/bin/estprov"
    make -s -C "$top/native" "${native[@]}" DESTDIR="$dest" LIBDIR="$libdir" MODULESDIR="$libdir/ossl-modules" install
    lay_out_system "$dest"
}

# lay_out_system DESTDIR: what is the same on every machine: names of the roles, systemd's files, configuration.
lay_out_system() {
    local dest=$1 from=$top/src/EstProv role file
    install -d "$dest"/usr/libexec/estprov "$dest"/usr/lib/{systemd/system,systemd/system-preset,sysusers.d,tmpfiles.d} "$dest/usr/share/doc/estprov/drop-ins"
    for role in keyd certd identityd; do
        ln -sfn ../../bin/estprov "$dest/usr/libexec/estprov/estprov-$role"
        # Drop-ins may hold secrets; an installer that knows the users gives keyd.d to estprov-keyd's group, and so on.
        install -d "$dest/etc/estprov/$role.d"
        install -m 0644 "$from/config/$role.toml" "$dest/etc/estprov/$role.toml"
        for file in service socket; do install -m 0644 "$from/systemd/system/estprov-$role.$file" "$dest/usr/lib/systemd/system/"; done
    done
    install -m 0644 "$from/systemd/estprov.preset" "$dest/usr/lib/systemd/system-preset/50-estprov.preset"
    install -m 0644 "$from/systemd/estprov.sysusers" "$dest/usr/lib/sysusers.d/estprov.conf"
    install -m 0644 "$from/systemd/estprov.tmpfiles" "$dest/usr/lib/tmpfiles.d/estprov.conf"
    install -m 0644 "$from"/systemd/drop-ins/*.conf "$dest/usr/share/doc/estprov/drop-ins/"
    install -m 0644 "$top/LICENSE" "$dest/usr/share/doc/estprov/LICENSE"
    # As packages have it: a third of the size.
    install -D -m 0644 /dev/null "$dest/usr/share/man/man1/estprov.1.gz"
    gzip -9nc "$from/pages/estprov.1" >"$dest/usr/share/man/man1/estprov.1.gz"
    install -D -m 0644 "$from/pages/estprov.bash" "$dest/usr/share/bash-completion/completions/estprov"
}

run_install() {
    [ $# = 1 ] || fail "install takes one folder" "./build.sh install DESTDIR"
    publish
    lay_out "$1"
    say "installed under $1"
    (cd "$1" && find . ! -type d -printf '%s\t%p\n' | sort -k2)
}

# stage: what the demo, the tests and the benchmarks run.
stage() {
    publish
    rm -rf "$out/stage"
    lay_out "$out/stage"
}
