SUMMARY = "EstProv: daemons, configuration, provider, C library, and the token's module"
# It names a library whose package is renamed by its version: before packagegroup, which would make it allarch.
PACKAGE_ARCH = "${TUNE_PKGARCH}"

inherit packagegroup

RDEPENDS:${PN} = "estprov estprov-config openssl-estprov-provider libestprov ${VIRTUAL-RUNTIME_estprov-pkcs11}"
