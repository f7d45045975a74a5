SUMMARY = "EstProv: daemons, configuration, provider, C library, and the token's module"
# It names a library whose package is renamed by its version: before packagegroup, which would make it allarch.
PACKAGE_ARCH = "${TUNE_PKGARCH}"

inherit packagegroup

RDEPENDS:${PN} = "estprov estprov-config openssl-estprov-provider libestprov ${VIRTUAL-RUNTIME_estprov-pkcs11}"

python estprov_look_for_module() {
    if not (d.getVar('VIRTUAL-RUNTIME_estprov-pkcs11') or '').strip():
        bb.warn('VIRTUAL-RUNTIME_estprov-pkcs11 is empty: where the image gets no PKCS#11 module by another name, keyd has no token')
}
do_package[prefuncs] += "estprov_look_for_module"
