SUMMARY = "A device's identity: keys in a PKCS#11 token, certificates over EST, registration with DPS"
DESCRIPTION = "Three daemons and the operator's command in one native executable, built by ./build.sh arm64: no .NET runtime on the device."
SECTION = "net"
# Ours and the .NET runtime's; Pkcs11Interop; Tomlyn. The archive's SBOM names every package that is linked in.
LICENSE = "MIT & Apache-2.0 & BSD-2-Clause"
LIC_FILES_CHKSUM = "file://usr/share/doc/estprov/LICENSE;md5=ab024054126ce30ac5e39c82f260364c \
    file://${COMMON_LICENSE_DIR}/Apache-2.0;md5=89aea4e17d99a7cacdbeed46a0096b10 \
    file://${COMMON_LICENSE_DIR}/BSD-2-Clause;md5=cb641bc04cda31daea161b1bc15da69f"
CVE_PRODUCT = "estprov"

inherit estprov-release estprov-users systemd features_check

ESTPROV_ARCH:aarch64 = "arm64"
ESTPROV_ARCH:x86-64 = "x64"
ESTPROV_ARCH ?= "arm64"
ESTPROV_ARCHIVE = "estprov-${PV}-linux-${ESTPROV_ARCH}.tar.xz"

COMPATIBLE_HOST = "(aarch64|x86_64).*-linux"
COMPATIBLE_HOST:libc-musl = "null"
REQUIRED_DISTRO_FEATURES = "systemd"

# How keyd reaches the token, and what else needs more than the units allow by themselves: each is a drop-in.
PACKAGECONFIG ??= ""
PACKAGECONFIG[device-node] = ""
PACKAGECONFIG[network-hsm] = ""
PACKAGECONFIG[softhsm] = ""
PACKAGECONFIG[host-addresses] = ""
ESTPROV_TOKEN_DEVICE ?= "/dev/tpmrm0"
ESTPROV_TOKEN_GROUP ?= "tss"
ESTPROV_HSM_ADDRESSES ?= ""

# libssl and libcrypto are opened at run time, where no checker sees them; the names are mapped by openssl's own packaging.
DEPENDS = "openssl"
RDEPENDS:${PN} = "estprov-config openssl-estprov-provider libcrypto libssl"
RRECOMMENDS:${PN} = "ca-certificates"

do_configure[noexec] = "1"
do_compile[noexec] = "1"

do_install() {
    install -d ${D}${bindir} ${D}${libexecdir}/estprov ${D}${systemd_system_unitdir} ${D}${nonarch_libdir}/sysusers.d ${D}${nonarch_libdir}/tmpfiles.d ${D}${docdir}/estprov
    install -m 0755 ${S}/usr/bin/estprov ${D}${bindir}/estprov
    for role in keyd certd identityd; do
        ln -s ${@os.path.relpath(d.getVar('bindir'), d.getVar('libexecdir') + '/estprov')}/estprov ${D}${libexecdir}/estprov/estprov-$role
    done
    install -m 0644 ${S}/usr/lib/systemd/system/* ${D}${systemd_system_unitdir}/
    install -m 0644 ${S}/usr/lib/tmpfiles.d/estprov.conf ${D}${nonarch_libdir}/tmpfiles.d/
    # No sysusers: useradd has the users. No preset: the systemd class writes it from SYSTEMD_AUTO_ENABLE.
    rmdir ${D}${nonarch_libdir}/sysusers.d
    cp -r --no-preserve=ownership ${S}/usr/share/doc/estprov/drop-ins ${D}${docdir}/estprov/

    for option in ${PACKAGECONFIG}; do
        case $option in
            host-addresses) unit=estprov-certd.service name=certd-$option ;;
            *) unit=estprov-keyd.service name=keyd-$option ;;
        esac
        install -d ${D}${systemd_system_unitdir}/$unit.d
        sed -e 's|^DeviceAllow=.*|DeviceAllow=${ESTPROV_TOKEN_DEVICE} rw|' \
            -e 's|^SupplementaryGroups=.*|SupplementaryGroups=${ESTPROV_TOKEN_GROUP}|' \
            -e 's|^IPAddressAllow=.*|IPAddressAllow=${ESTPROV_HSM_ADDRESSES}|' \
            ${S}/usr/share/doc/estprov/drop-ins/$name.conf > ${D}${systemd_system_unitdir}/$unit.d/50-$option.conf
    done
}

python () {
    if 'network-hsm' in (d.getVar('PACKAGECONFIG') or '').split() and not (d.getVar('ESTPROV_HSM_ADDRESSES') or '').strip():
        raise bb.parse.SkipRecipe("PACKAGECONFIG network-hsm needs ESTPROV_HSM_ADDRESSES, the HSM's addresses")
}

# Built and stripped elsewhere; the symbols are in the release's debug archive.
INHIBIT_PACKAGE_STRIP = "1"
INHIBIT_PACKAGE_DEBUG_SPLIT = "1"
INHIBIT_SYSROOT_STRIP = "1"

FILES:${PN} += "${systemd_system_unitdir} ${nonarch_libdir}/tmpfiles.d"
SYSTEMD_SERVICE:${PN} = "estprov-keyd.socket estprov-certd.socket estprov-identityd.socket estprov-keyd.service estprov-certd.service estprov-identityd.service"
SYSTEMD_AUTO_ENABLE ?= "enable"
