SUMMARY = "OpenSSL out of Debian's packages for arm64"

inherit stub

# Unpacked by ./build.sh arm64.
LIBRARIES = "${ESTPROV_ARM64_ROOT}/usr/lib/aarch64-linux-gnu"

do_install() {
    install -d ${D}${includedir} ${D}${libdir}/pkgconfig
    cp -r --no-preserve=ownership ${ESTPROV_ARM64_ROOT}/usr/include/openssl ${D}${includedir}/
    cp -r --no-preserve=ownership ${ESTPROV_ARM64_ROOT}/usr/include/aarch64-linux-gnu/openssl ${D}${includedir}/
    for name in crypto ssl; do
        install -m 0755 ${LIBRARIES}/lib$name.so.3 ${D}${libdir}/
        ln -s lib$name.so.3 ${D}${libdir}/lib$name.so
        sed -e 's|^prefix=.*|prefix=${prefix}|' -e 's|^\(libdir\)=.*|\1=${libdir}|' -e 's|^\(includedir\)=.*|\1=${includedir}|' \
            ${LIBRARIES}/pkgconfig/lib$name.pc > ${D}${libdir}/pkgconfig/lib$name.pc
    done
}

PACKAGES =+ "libcrypto libssl"
FILES:libcrypto = "${libdir}/libcrypto.so.3"
FILES:libssl = "${libdir}/libssl.so.3"
RDEPENDS:libssl = "libcrypto"
ALLOW_EMPTY:${PN} = "1"
