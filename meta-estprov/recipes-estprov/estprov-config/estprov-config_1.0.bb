SUMMARY = "The configuration of EstProv's daemons"
DESCRIPTION = "keyd.toml, certd.toml and identityd.toml with placeholders. A bbappend replaces them, or adds drop-ins. So does a recipe of another name \
    that RPROVIDES estprov-config, where the distro has PREFERRED_RPROVIDER_estprov-config name it."
SECTION = "net"
LICENSE = "MIT"
LIC_FILES_CHKSUM = "file://${COMMON_LICENSE_DIR}/MIT;md5=0835ade698e0bcf8506ecda2f7b4f302"

# A bbappend's drop-ins: ESTPROV_DROPINS.
inherit allarch estprov-dropins

SRC_URI = "file://keyd.toml file://certd.toml file://identityd.toml"
S = "${UNPACKDIR}"

do_configure[noexec] = "1"
do_compile[noexec] = "1"

do_install() {
    install -d ${D}${sysconfdir}/estprov
    for role in keyd certd identityd; do
        # A file may come to hold a secret: it is for its daemon only.
        install -d -m 0750 ${D}${sysconfdir}/estprov/$role.d
        install -m 0640 ${S}/$role.toml ${D}${sysconfdir}/estprov/$role.toml
        chown root:estprov-$role ${D}${sysconfdir}/estprov/$role.d ${D}${sysconfdir}/estprov/$role.toml
    done
}

CONFFILES:${PN} = "${sysconfdir}/estprov/keyd.toml ${sysconfdir}/estprov/certd.toml ${sysconfdir}/estprov/identityd.toml"
