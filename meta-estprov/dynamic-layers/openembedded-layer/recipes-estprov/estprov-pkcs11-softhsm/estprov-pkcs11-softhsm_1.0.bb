SUMMARY = "SoftHSM2 as EstProv's token, for development"
DESCRIPTION = "Keys in files, with no protection of hardware: never on a product. The token is made on the device, with the label `device`."
SECTION = "libs"
LICENSE = "MIT"
LIC_FILES_CHKSUM = "file://${COMMON_LICENSE_DIR}/MIT;md5=0835ade698e0bcf8506ecda2f7b4f302"

# Not allarch: the drop-in names a folder of the machine's.
inherit estprov-dropins

PROVIDES = "virtual/estprov-pkcs11"
RPROVIDES:${PN} = "estprov-pkcs11"
RDEPENDS:${PN} = "softhsm"

ESTPROV_LIB_PATH = "${libdir}/softhsm/libsofthsm2.so"
ESTPROV_DROPINS = "keyd.d/10-softhsm.toml"
SRC_URI = "file://softhsm2.conf file://10-softhsm.conf file://keyd.d/10-softhsm.toml"
S = "${UNPACKDIR}"

do_configure[noexec] = "1"
do_compile[noexec] = "1"

do_install() {
    install -d ${D}${sysconfdir}/estprov ${D}${systemd_system_unitdir}/estprov-keyd.service.d
    install -m 0644 ${S}/softhsm2.conf ${D}${sysconfdir}/estprov/softhsm2.conf
    install -m 0644 ${S}/10-softhsm.conf ${D}${systemd_system_unitdir}/estprov-keyd.service.d/
}

FILES:${PN} += "${systemd_system_unitdir}"
CONFFILES:${PN} = "${sysconfdir}/estprov/softhsm2.conf"
