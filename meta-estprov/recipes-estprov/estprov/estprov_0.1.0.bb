SUMMARY = "A device's identity: keys in a PKCS#11 token, certificates over EST, registration with DPS"
DESCRIPTION = "Three daemons and the operator's command in one native executable, built by ./build.sh arm64: no .NET runtime on the device."
SECTION = "net"
# Ours and the .NET runtime's; Pkcs11Interop; Tomlyn; LLVM's libunwind in the runtime. The archive's SBOM names the runtime and every package that is linked in,
# and its folder licenses has their texts and notices.
LICENSE = "MIT & Apache-2.0 & BSD-2-Clause & Apache-2.0-with-LLVM-exception"
LIC_FILES_CHKSUM = "file://usr/share/doc/estprov/LICENSE;md5=ab024054126ce30ac5e39c82f260364c \
    file://licenses/Microsoft.NETCore.App.Runtime.NativeAOT/LICENSE.TXT;md5=9fc642ff452b28d62ab19b7eea50dfb9 \
    file://licenses/Microsoft.NETCore.App.Runtime.NativeAOT/THIRD-PARTY-NOTICES.TXT;md5=c8999a399083ab089923b0e29eb3ed1a \
    file://licenses/Microsoft.Extensions.Configuration.Abstractions/THIRD-PARTY-NOTICES.TXT;md5=28907c1d989c3d725ea4503cbda28921 \
    file://licenses/Pkcs11Interop/LICENSE.txt;md5=d273d63619c9aeaf15cdaf76422c4f87 \
    file://licenses/Pkcs11Interop/NOTICE.txt;md5=73fa0d996ff1ca88578516f6a00eda54 \
    file://licenses/Tomlyn/LICENSE.txt;md5=e59084291de424bdb050977e5d003b01"
CVE_PRODUCT = "estprov"

inherit estprov-release estprov-users systemd features_check bash-completion

ESTPROV_ARCH:aarch64 = "arm64"
ESTPROV_ARCH:x86-64 = "x64"
ESTPROV_ARCH ?= "arm64"
ESTPROV_ARCHIVE = "estprov-${PV}-linux-${ESTPROV_ARCH}.tar.xz"

COMPATIBLE_HOST = "(aarch64|x86_64).*-linux"
COMPATIBLE_HOST:libc-musl = "null"
REQUIRED_DISTRO_FEATURES = "systemd"

# How keyd reaches the token, and what else needs more than the units allow by themselves: each is a drop-in. SoftHSM2's is estprov-pkcs11-softhsm's.
PACKAGECONFIG ??= ""
PACKAGECONFIG[device-node] = ""
PACKAGECONFIG[network-hsm] = ""
PACKAGECONFIG[host-addresses] = ""
ESTPROV_TOKEN_DEVICE ?= "/dev/tpmrm0"
# The group that may open the node, of the vendor's package or of tpm2-tss. keyd does not start with one that is not there. Empty: a rule of udev gives the
# node to estprov-keyd.
ESTPROV_TOKEN_GROUP ?= ""
ESTPROV_HSM_ADDRESSES ?= ""

# libssl and libcrypto are opened at run time, where no checker sees them; the names are mapped by openssl's own packaging.
DEPENDS = "openssl"
RDEPENDS:${PN} = "estprov-config openssl-estprov-provider libcrypto libssl"
RRECOMMENDS:${PN} = "ca-certificates"

do_configure[noexec] = "1"
do_compile[noexec] = "1"

# Every file of the archive goes somewhere: one that this recipe does not know stops the build. ./build.sh lint reads the names that stand before the brackets.
do_install() {
    cd ${S}
    find . ! -type d | sed 's|^\./||' | sort | while read -r file; do
        case $file in
        usr/bin/*)
            install -D -m 0755 $file ${D}${bindir}/${file##*/} ;;
        usr/libexec/estprov/*)
            install -d ${D}${libexecdir}/estprov
            ln -s ${@os.path.relpath(d.getVar('bindir'), d.getVar('libexecdir') + '/estprov')}/estprov ${D}${libexecdir}/estprov/${file##*/} ;;
        usr/lib/systemd/system/*)
            install -D -m 0644 $file ${D}${systemd_system_unitdir}/${file##*/} ;;
        usr/lib/tmpfiles.d/*)
            install -D -m 0644 $file ${D}${nonarch_libdir}/tmpfiles.d/${file##*/} ;;
        usr/share/bash-completion/completions/*)
            install -D -m 0644 $file ${D}${datadir}/bash-completion/completions/${file##*/} ;;
        usr/share/man/man1/*)
            install -D -m 0644 $file ${D}${mandir}/man1/${file##*/} ;;
        usr/share/doc/estprov/drop-ins/*)
            install -D -m 0644 $file ${D}${docdir}/estprov/drop-ins/${file##*/} ;;
        sbom.cdx.json)
            install -D -m 0644 $file ${D}${docdir}/estprov/$file ;;
        # estprov-config has these, and libestprov those.
        etc/estprov/*) ;;
        usr/lib/libestprov.so.*|usr/lib/ossl-modules/*|usr/lib/pkcs11/*|usr/share/p11-kit/modules/*) ;;
        # useradd has the users. The systemd class writes the preset from SYSTEMD_AUTO_ENABLE, and the licences are in the image's manifest.
        usr/lib/sysusers.d/*|usr/lib/systemd/system-preset/*|usr/share/doc/estprov/LICENSE|licenses/*|MANIFEST) ;;
        *)
            bbfatal "the archive has $file, which this recipe does not know" ;;
        esac
    done

    for option in ${PACKAGECONFIG}; do
        case $option in
            host-addresses) unit=estprov-certd.service name=certd-$option ;;
            *) unit=estprov-keyd.service name=keyd-$option ;;
        esac
        install -d ${D}${systemd_system_unitdir}/$unit.d
        sed -e 's|^DeviceAllow=.*|DeviceAllow=${ESTPROV_TOKEN_DEVICE} rw|' \
            -e 's|^SupplementaryGroups=.*|SupplementaryGroups=${ESTPROV_TOKEN_GROUP}|' -e '/^SupplementaryGroups=$/d' \
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
