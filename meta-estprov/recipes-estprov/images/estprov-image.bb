SUMMARY = "Example: a small image with EstProv, a read-only root and a data partition"
LICENSE = "MIT"

inherit core-image

IMAGE_FEATURES += "read-only-rootfs"
IMAGE_INSTALL += "packagegroup-estprov estprov-data"

# A and B of the root, and the data. The layout is an example: it was checked for its form, and not written to a disk.
IMAGE_FSTYPES += "ext4 wic"
WKS_FILE ?= "${ESTPROV_LAYERDIR}/files/wic/estprov-ab.wks.in"
# The plugin changed its name after styhead.
ESTPROV_WIC_EFI ?= "${@bb.utils.contains_any('LAYERSERIES_CORENAMES', 'kirkstone scarthgap', 'bootimg-efi', 'bootimg_efi', d)}"
ESTPROV_ROOT_SIZE ?= "512M"
ESTPROV_DATA_SIZE ?= "64M"
