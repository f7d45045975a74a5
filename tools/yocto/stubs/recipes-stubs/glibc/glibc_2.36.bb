SUMMARY = "The C library that Debian's cross compiler links with"

inherit stub

PROVIDES = "virtual/libc virtual/libintl virtual/libiconv"

do_install() {
    install -d ${D}${base_libdir}
    for file in libc.so.6 libm.so.6 libdl.so.2 libpthread.so.0 ld-linux-aarch64.so.1; do
        install -m 0755 /usr/aarch64-linux-gnu/lib/$file ${D}${base_libdir}/$file
    done
}

PACKAGES = "${PN}"
FILES:${PN} = "${base_libdir}"
