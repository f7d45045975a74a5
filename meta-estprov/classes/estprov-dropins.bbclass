# Drop-ins of the daemons' configuration, for each recipe that has some: ESTPROV_DROPINS = "keyd.d/50-token.toml certd.d/50-est.toml", with each file in SRC_URI as
# file://keyd.d/50-token.toml. Each is for its daemon only, since it may come to hold a secret, and kept by a package manager where it was changed on the device.
#
# In them @lib_path@ stands for ESTPROV_LIB_PATH, the PKCS#11 module that the recipe brings.

inherit estprov-users

ESTPROV_DROPINS ?= ""
ESTPROV_LIB_PATH ?= ""

do_install:append() {
    for file in ${ESTPROV_DROPINS}; do
        role=$(dirname $file)
        role=${role%.d}
        # Of the same mode and owner in each package that has the folder.
        install -d -m 0750 ${D}${sysconfdir}/estprov/$role.d
        install -m 0640 ${UNPACKDIR}/$file ${D}${sysconfdir}/estprov/$file
        sed -i -e 's|@lib_path@|${ESTPROV_LIB_PATH}|' ${D}${sysconfdir}/estprov/$file
        chown -R root:estprov-$role ${D}${sysconfdir}/estprov/$role.d
    done
}

CONFFILES:${PN}:append = "${@estprov_dropin_conffiles(d)}"

def estprov_dropin_conffiles(d):
    return ''.join(' %s/estprov/%s' % (d.getVar('sysconfdir'), name) for name in d.getVar('ESTPROV_DROPINS').split())
