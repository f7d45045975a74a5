SUMMARY = "Template: the PKCS#11 module of a token's vendor"
DESCRIPTION = "Copy it into your layer under the vendor's name, put the library into files/, and set ESTPROV_VENDOR_MODULE to its name."
SECTION = "libs"
# A vendor's binary: name its licence here, and add LICENSE_FLAGS = "commercial" where it asks for that.
LICENSE = "CLOSED"

PROVIDES = "virtual/estprov-pkcs11"
RPROVIDES:${PN} = "estprov-pkcs11"

ESTPROV_VENDOR_MODULE ?= ""
SRC_URI = "file://${ESTPROV_VENDOR_MODULE}"
S = "${UNPACKDIR}"

python () {
    if d.getVar('PN') == 'vendor-pkcs11' and not d.getVar('ESTPROV_VENDOR_MODULE'):
        raise bb.parse.SkipRecipe("this is a template: copy it, or set ESTPROV_VENDOR_MODULE and add its folder to FILESEXTRAPATHS")
}

do_configure[noexec] = "1"
do_compile[noexec] = "1"

# Not in libdir: an unversioned .so there would be packaged for developers only.
do_install() {
    install -d ${D}${libdir}/pkcs11
    install -m 0755 ${S}/${ESTPROV_VENDOR_MODULE} ${D}${libdir}/pkcs11/
}

FILES:${PN} = "${libdir}/pkcs11"
INHIBIT_PACKAGE_STRIP = "1"
INHIBIT_PACKAGE_DEBUG_SPLIT = "1"
INHIBIT_SYSROOT_STRIP = "1"
COMPATIBLE_HOST:libc-musl = "null"
