SUMMARY = "SoftHSM2 as EstProv's token, for development"
DESCRIPTION = "Keys in files, with no protection of hardware: never on a product."
SECTION = "libs"
LICENSE = "MIT"
LIC_FILES_CHKSUM = "file://${COMMON_LICENSE_DIR}/MIT;md5=0835ade698e0bcf8506ecda2f7b4f302"

inherit allarch

PROVIDES = "virtual/estprov-pkcs11"
RPROVIDES:${PN} = "estprov-pkcs11"
RDEPENDS:${PN} = "softhsm"

SRC_URI = "file://softhsm2.conf file://10-softhsm.conf"
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
