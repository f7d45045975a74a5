SUMMARY = "Example: systemd-boot's entry for root B"
DESCRIPTION = "wic writes the entry of root A. Both start the kernel that is on the boot partition; an updater that writes kernels, too, brings entries of its own."
LICENSE = "MIT"
LIC_FILES_CHKSUM = "file://${COMMON_LICENSE_DIR}/MIT;md5=0835ade698e0bcf8506ecda2f7b4f302"

inherit deploy nopackages

PACKAGE_ARCH = "${MACHINE_ARCH}"
INHIBIT_DEFAULT_DEPS = "1"
S = "${UNPACKDIR}"

do_configure[noexec] = "1"
do_compile[noexec] = "1"
do_install[noexec] = "1"

do_deploy() {
    printf 'title root B\nlinux /%s\noptions root=PARTLABEL=root-b ro rootwait %s\n' '${KERNEL_IMAGETYPE}' '${ESTPROV_KERNEL_ARGUMENTS}' > ${DEPLOYDIR}/estprov-root-b.conf
}
addtask deploy before do_build after do_install
