SUMMARY = "Packages that are only named, and a root's first users"

inherit stub

PROVIDES = "base-files base-passwd shadow shadow-sysroot bash-completion ca-certificates"

do_install() {
    install -d ${D}${datadir}/base-passwd
    printf 'root::0:0:root:/root:/bin/sh\n' > ${D}${datadir}/base-passwd/passwd.master
    printf 'root:x:0:\n' > ${D}${datadir}/base-passwd/group.master
}

# As oe-core's base-passwd: each sysroot gets files of its own.
SYSROOT_PREPROCESS_FUNCS += "first_users"
first_users() {
    install -d ${SYSROOT_DESTDIR}${bindir}
    cat > ${SYSROOT_DESTDIR}${bindir}/postinst-base-passwd <<EOF
#!/bin/sh -e
root=\$(realpath "\$(dirname "\$0")/../..")
install -d \$root${sysconfdir}
for name in passwd group; do
    install -m 0644 \$root${datadir}/base-passwd/\$name.master \$root${sysconfdir}/\$name
done
EOF
    chmod 0755 ${SYSROOT_DESTDIR}${bindir}/postinst-base-passwd
}

PACKAGES = "base-files base-passwd shadow bash-completion ca-certificates ptest-runner"
FILES:base-passwd = "${datadir}/base-passwd"
ALLOW_EMPTY:base-files = "1"
ALLOW_EMPTY:shadow = "1"
ALLOW_EMPTY:bash-completion = "1"
ALLOW_EMPTY:ca-certificates = "1"
ALLOW_EMPTY:ptest-runner = "1"
