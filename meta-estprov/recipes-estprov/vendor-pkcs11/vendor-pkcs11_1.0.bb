SUMMARY = "Template: the PKCS#11 module of a token's vendor"
DESCRIPTION = "Copy it into your layer under the vendor's name, with files/, put the library there, and set ESTPROV_VENDOR_MODULE to its name."
SECTION = "libs"
# A vendor's binary: name its licence here, and add LICENSE_FLAGS = "commercial" where it asks for that.
LICENSE = "CLOSED"

# keyd finds the module by a drop-in.
inherit estprov-dropins

PROVIDES = "virtual/estprov-pkcs11"
RPROVIDES:${PN} = "estprov-pkcs11"
# What the library was built for. One for each machine: SRC_URI:append:aarch64 and so on.
COMPATIBLE_HOST = "aarch64.*-linux"
COMPATIBLE_HOST:libc-musl = "null"

ESTPROV_VENDOR_MODULE ?= ""
ESTPROV_LIB_PATH = "${libdir}/pkcs11/${ESTPROV_VENDOR_MODULE}"
ESTPROV_DROPINS = "keyd.d/10-vendor.toml"
SRC_URI = "file://${ESTPROV_VENDOR_MODULE} file://keyd.d/10-vendor.toml"
S = "${UNPACKDIR}"

python () {
    if not d.getVar('ESTPROV_VENDOR_MODULE'):
        raise bb.parse.SkipRecipe("ESTPROV_VENDOR_MODULE names no library: copy this template into your layer, with the library in files/, and set it there")
}

do_configure[noexec] = "1"
do_compile[noexec] = "1"

# Not in libdir: an unversioned .so there would be packaged for developers only.
do_install() {
    install -d ${D}${libdir}/pkcs11
    install -m 0755 ${S}/${ESTPROV_VENDOR_MODULE} ${D}${libdir}/pkcs11/
}

FILES:${PN} = "${libdir}/pkcs11 ${sysconfdir}/estprov"
INHIBIT_PACKAGE_STRIP = "1"
INHIBIT_PACKAGE_DEBUG_SPLIT = "1"
INHIBIT_SYSROOT_STRIP = "1"
