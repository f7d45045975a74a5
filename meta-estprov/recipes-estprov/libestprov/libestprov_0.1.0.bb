SUMMARY = "EstProv for C: the library that firmware calls, the OpenSSL provider, and the PKCS#11 module"
DESCRIPTION = "libestprov talks to the daemons' sockets. The provider lets any OpenSSL program use a key that stays in the token."
SECTION = "libs"
LICENSE = "MIT"
LIC_FILES_CHKSUM = "file://LICENSE;md5=ab024054126ce30ac5e39c82f260364c"
CVE_PRODUCT = "estprov"

inherit estprov-release pkgconfig ptest

ESTPROV_ARCHIVE = "estprov-native-${PV}.tar.xz"
SRC_URI += "file://run-ptest"

DEPENDS = "openssl"

PACKAGE_BEFORE_PN = "openssl-estprov-provider libestprov-pkcs11"

B = "${WORKDIR}/build"
# A compiler that is newer than the code may warn of more.
EXTRA_OEMAKE = "-C ${S}/native O=${B} WERROR= VERSION=${PV} PREFIX=${prefix} LIBDIR=${libdir} INCLUDEDIR=${includedir} MODULESDIR=${libdir}/ossl-modules"

do_configure[noexec] = "1"

do_compile() {
    oe_runmake all
}

do_install() {
    oe_runmake install DESTDIR=${D}
    oe_runmake install-dev DESTDIR=${D}
}

do_compile_ptest() {
    oe_runmake ${B}/check/provider_tests ${B}/shim_tests ${B}/pkcs11_tests
}

do_install_ptest() {
    install -m 0755 ${B}/check/provider_tests ${B}/check/estprov.so ${B}/shim_tests ${B}/pkcs11_tests ${D}${PTEST_PATH}/
    sed -i -e 's|@libdir@|${libdir}|' ${D}${PTEST_PATH}/run-ptest
}

# The provider is opened by name, and is nobody's link target.
FILES:openssl-estprov-provider = "${libdir}/ossl-modules/estprov.so"
# For programs without OpenSSL; opened by its path, or by p11-kit.
FILES:libestprov-pkcs11 = "${libdir}/pkcs11/libestprov-pkcs11.so ${datadir}/p11-kit/modules/estprov.module"
FILES:${PN}-dev += "${libdir}/cmake"
# The modules are opened by their paths.
RDEPENDS:${PN}-ptest += "openssl-estprov-provider libestprov-pkcs11"

BBCLASSEXTEND = "nativesdk"
