SUMMARY = "Example: EstProv's state on a data partition"
DESCRIPTION = "Mounts the partition with the label estprov-data, and lets the daemons start only with it."
SECTION = "base"
LICENSE = "MIT"
LIC_FILES_CHKSUM = "file://${COMMON_LICENSE_DIR}/MIT;md5=0835ade698e0bcf8506ecda2f7b4f302"

inherit allarch systemd features_check

REQUIRED_DISTRO_FEATURES = "systemd"

# pin-on-data: keyd's credential is on the data partition, and it is an error when it is not there.
# host-secret-on-data: so is the key that it is encrypted with, where there is no TPM. The machine id has to be the same at each boot: see the README.
PACKAGECONFIG ??= ""
PACKAGECONFIG[pin-on-data] = ""
PACKAGECONFIG[host-secret-on-data] = ""

SRC_URI = "file://data.mount file://var-lib-estprov.mount file://var-secrets.mount file://10-data.conf file://15-secrets.conf file://20-pin.conf \
    file://var-lib-systemd.mount file://30-host-secret.conf file://estprov-machine-id.service file://machine-id.sh"
S = "${UNPACKDIR}"

do_configure[noexec] = "1"
do_compile[noexec] = "1"

# A read-only root has to have the mount points.
do_install() {
    install -d ${D}/data ${D}${localstatedir}/lib/estprov ${D}${localstatedir}/secrets ${D}${systemd_system_unitdir}
    install -m 0644 ${S}/data.mount ${S}/var-lib-estprov.mount ${S}/var-secrets.mount ${D}${systemd_system_unitdir}/
    for role in keyd certd identityd; do
        install -D -m 0644 ${S}/10-data.conf ${D}${systemd_system_unitdir}/estprov-$role.service.d/10-data.conf
    done
    install -m 0644 ${S}/15-secrets.conf ${D}${systemd_system_unitdir}/estprov-certd.service.d/15-secrets.conf
    if ${@bb.utils.contains('PACKAGECONFIG', 'pin-on-data', 'true', 'false', d)}; then
        install -m 0644 ${S}/20-pin.conf ${D}${systemd_system_unitdir}/estprov-keyd.service.d/20-pin.conf
    fi
    if ${@bb.utils.contains('PACKAGECONFIG', 'host-secret-on-data', 'true', 'false', d)}; then
        install -m 0644 ${S}/var-lib-systemd.mount ${D}${systemd_system_unitdir}/
        sed -e 's|@libexecdir@|${libexecdir}|' ${S}/estprov-machine-id.service > ${D}${systemd_system_unitdir}/estprov-machine-id.service
        install -D -m 0755 ${S}/machine-id.sh ${D}${libexecdir}/estprov/machine-id
        # The units that have credentials.
        for role in keyd certd; do
            install -m 0644 ${S}/30-host-secret.conf ${D}${systemd_system_unitdir}/estprov-$role.service.d/30-host-secret.conf
        done
    fi
}

SYSTEMD_SERVICE:${PN} = "data.mount var-lib-estprov.mount var-secrets.mount ${@bb.utils.contains('PACKAGECONFIG', 'host-secret-on-data', 'var-lib-systemd.mount', '', d)}"
FILES:${PN} += "/data ${localstatedir}/lib/estprov ${localstatedir}/secrets ${systemd_system_unitdir}"
