# shellcheck shell=bash disable=SC2154 # top and out are build.sh's
# Ordinary programs, unmodified, with keys that keyd keeps, through OpenSSL's provider (tools/programs): this machine's, and those of another Debian in a chroot.

programs_packages=(openssl curl nginx-light mosquitto mosquitto-clients python3-minimal iproute2 util-linux mount gcc make libssl-dev pkg-config)
programs_suite=trixie
# libssl-dev: the provider is built against that OpenSSL too.
programs_suite_packages=(openssl libssl-dev curl nginx-light python3-minimal libpython3-stdlib)

# build_for_suite ROOT: the provider against the OpenSSL of another Debian, by this machine's compiler and libc.
build_for_suite() {
    local root=$1 triplet headers=$out/programs/include/openssl
    triplet=$(gcc -print-multiarch)
    [ -d "$root/usr/include/openssl" ] || fail "there are no headers of OpenSSL in $root" "remove the folder; they are in libssl-dev"
    rm -rf "$out/programs/include" "$out/programs/native"
    mkdir -p "$headers"
    cp -L "$root"/usr/include/openssl/*.h "$root/usr/include/$triplet"/openssl/*.h "$headers/"
    say "build the provider against OpenSSL $(sed -n 's/.*OPENSSL_VERSION_TEXT "OpenSSL \([^ ]*\).*/\1/p' "$headers/opensslv.h") of Debian $programs_suite"
    make -s -C "$top/native" O="$out/programs/native" CPPFLAGS="-I$out/programs/include" LIBCRYPTO="$root/usr/lib/$triplet/libcrypto.so.3" "$out/programs/native/estprov.so"
}

run_programs() {
    # shellcheck source=tools/build/demo.sh
    . "$top/tools/build/demo.sh"
    # shellcheck source=tools/build/interop.sh
    . "$top/tools/build/interop.sh"
    # shellcheck source=tools/build/install.sh
    . "$top/tools/build/install.sh"
    local root=$out/programs/$programs_suite
    need_packages "${programs_packages[@]}"
    in_a_world_of_its_own true 2>/dev/null || fail "this machine allows no namespaces" "run as root, outside a container that forbids unshare"
    fetch_root "$programs_suite" "$root" "${programs_suite_packages[@]}"
    [ "${ESTPROV_STAGE:-}" = "$out/stage" ] || stage
    build_for_suite "$root"
    in_a_world_of_its_own bash "$top/tools/programs/world.sh" "$top" "$out" / "$root"
}

# programs_as_test: its errors end the suite, not the test run.
programs_as_test() { (run_programs); }
