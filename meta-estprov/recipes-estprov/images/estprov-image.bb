SUMMARY = "Example: a small image with EstProv, a read-only root and a data partition"
LICENSE = "MIT"

inherit core-image

IMAGE_FEATURES += "read-only-rootfs"
IMAGE_INSTALL += "packagegroup-estprov estprov-data"

python () {
    if not (d.getVar('VIRTUAL-RUNTIME_estprov-pkcs11') or '').strip():
        raise bb.parse.SkipRecipe('it would have no token: set VIRTUAL-RUNTIME_estprov-pkcs11 to the package with the PKCS#11 module, or to estprov-pkcs11-softhsm for development (with meta-oe)')
}

# A and B of the root, and the data. The layout is an example: ./build.sh lint looks at its form, and no disk was made of it.
IMAGE_FSTYPES += "ext4 wic"
WKS_FILE ?= "${ESTPROV_LAYERDIR}/files/wic/estprov-ab.wks.in"
# scarthgap names the boot loader for x86 only. The second boot entry is a file of its own, since wic writes one.
WKS_FILE_DEPENDS:append = " systemd-boot estprov-boot-entry"
IMAGE_EFI_BOOT_FILES = "estprov-root-b.conf;loader/entries/root-b.conf"
# The plugin changed its name after styhead.
ESTPROV_WIC_EFI ?= "${@bb.utils.contains_any('LAYERSERIES_CORENAMES', 'kirkstone scarthgap', 'bootimg-efi', 'bootimg_efi', d)}"
ESTPROV_ROOT_SIZE ?= "512M"
ESTPROV_DATA_SIZE ?= "64M"
