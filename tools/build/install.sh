# shellcheck shell=bash disable=SC2154 # top and out are build.sh's
# What ships, laid out as on a device: recipe, demo and tests take it from here.

# lay_out DESTDIR: from what publish made.
lay_out() {
    local dest=$1 libdir=${LIBDIR:-/usr/lib} role
    install -d "$dest/usr/bin" "$dest/usr/libexec/estprov"
    install -m 0755 "$out/publish/estprov" "$dest/usr/bin/estprov"
    for role in keyd certd identityd; do
        ln -sfn ../../bin/estprov "$dest/usr/libexec/estprov/estprov-$role"
    done
    make -s -C "$top/native" O="$out/native" DESTDIR="$dest" LIBDIR="$libdir" MODULESDIR="$libdir/ossl-modules" install

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
