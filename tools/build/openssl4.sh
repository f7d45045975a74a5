# shellcheck shell=bash disable=SC2154 # top and out are build.sh's
# The provider and its tests against OpenSSL 4, which Debian has in its experimental suite: built by this machine's compiler, run in a chroot with that OpenSSL.

openssl4_packages=(gcc make libssl-dev pkg-config util-linux mount)

run_openssl4() {
    # shellcheck source=tools/build/interop.sh
    . "$top/tools/build/interop.sh"
    local root=$out/openssl4/root built=$out/openssl4/native include=$out/openssl4/include triplet libraries
    need_packages "${openssl4_packages[@]}"
    fetch_root experimental "$root" openssl libssl-dev
    triplet=$(gcc -print-multiarch)
    libraries=$root/usr/lib/$triplet
    [ -e "$libraries/libcrypto.so.4" ] || fail "Debian's experimental suite has no OpenSSL 4 now" "out/openssl4/root has what it has; try again another day"
    rm -rf "$built" "$include"
    mkdir -p "$include/openssl"
    cp -L "$root"/usr/include/openssl/*.h "$root/usr/include/$triplet"/openssl/*.h "$include/openssl/"
    say "build the provider and its tests against OpenSSL $(sed -n 's/.*OPENSSL_VERSION_TEXT "OpenSSL \([^ ]*\).*/\1/p' "$include/openssl/opensslv.h")"
    make -s -C "$top/native" O="$built" CPPFLAGS="-I$include" LIBCRYPTO="$libraries/libcrypto.so.4" \
        LIBSSL="$libraries/libssl.so.4 $libraries/libcrypto.so.4 -Wl,--allow-shlib-undefined" "$built/check/provider_tests"
    cp /etc/passwd /etc/group "$root/etc/"
    mkdir -p "$root/tests"
    cp "$built/check/estprov.so" "$built/check/provider_tests" "$root/tests/"
    say "its tests, with that OpenSSL"
    # shellcheck disable=SC2016 # the inner shell's
    as_root unshare --mount --pid --fork sh -c 'mount --bind /dev "$1/dev" && mount -t proc proc "$1/proc" && mount -t tmpfs tmpfs "$1/tmp" && exec chroot "$1" /tests/provider_tests /tests' sh "$root"
}
