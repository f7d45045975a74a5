SUMMARY = "The build machine's own tools under the names of oe-core's"

inherit stub native

PROVIDES += "virtual/fakeroot-native pseudo-native shadow-native rpm-native dwarfsrcfiles-native dpkg-native systemd-systemctl-native pkgconfig-native pkgconf-native \
    virtual/aarch64-oe-linux-gcc virtual/aarch64-oe-linux-binutils gcc-cross-aarch64 binutils-cross-aarch64"

SRC_URI = "file://cross-tool file://dwarfsrcfiles file://pkg-config file://pseudo file://rpmdeps file://shadow"

do_install() {
    install -d ${D}${bindir}/aarch64-oe-linux ${D}${libdir}/rpm
    for tool in ar as cpp gcc gcc-ar gcc-nm gcc-ranlib ld nm objcopy objdump ranlib readelf strings strip; do
        install -m 0755 ${S}/cross-tool ${D}${bindir}/aarch64-oe-linux/aarch64-oe-linux-$tool
    done
    install -m 0755 ${S}/dwarfsrcfiles ${S}/pseudo ${S}/pkg-config ${D}${bindir}/
    install -m 0755 ${S}/rpmdeps ${D}${libdir}/rpm/rpmdeps
    for tool in groupadd useradd; do
        install -m 0755 ${S}/shadow ${D}${bindir}/$tool
    done
}
