SUMMARY = "Example: EstProv's state on a data partition"
DESCRIPTION = "Mounts the partition with the label estprov-data, and lets the daemons start only with it."
SECTION = "base"
LICENSE = "MIT"
LIC_FILES_CHKSUM = "file://${COMMON_LICENSE_DIR}/MIT;md5=0835ade698e0bcf8506ecda2f7b4f302"

inherit allarch systemd features_check

REQUIRED_DISTRO_FEATURES = "systemd"

# pin-on-data: keyd's credential is on the data partition, and it is an error when it is not there.
PACKAGECONFIG ??= ""
PACKAGECONFIG[pin-on-data] = ""

SRC_URI = "file://data.mount file://var-lib-estprov.mount file://10-data.conf file://20-pin.conf"
S = "${UNPACKDIR}"

do_configure[noexec] = "1"
do_compile[noexec] = "1"

do_install() {
    install -d ${D}/data ${D}${systemd_system_unitdir}
    install -m 0644 ${S}/data.mount ${S}/var-lib-estprov.mount ${D}${systemd_system_unitdir}/
    for role in keyd certd identityd; do
        install -D -m 0644 ${S}/10-data.conf ${D}${systemd_system_unitdir}/estprov-$role.service.d/10-data.conf
    done
    if ${@bb.utils.contains('PACKAGECONFIG', 'pin-on-data', 'true', 'false', d)}; then
        install -m 0644 ${S}/20-pin.conf ${D}${systemd_system_unitdir}/estprov-keyd.service.d/20-pin.conf
    fi
}

SYSTEMD_SERVICE:${PN} = "data.mount var-lib-estprov.mount"
FILES:${PN} += "/data ${systemd_system_unitdir}"
