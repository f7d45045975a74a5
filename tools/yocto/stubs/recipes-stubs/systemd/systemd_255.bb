SUMMARY = "A package of this name, for the layer's bbappend, which has to warn of it: it is as oe-core's is by default, without OpenSSL"

inherit stub

PACKAGECONFIG ??= ""
PACKAGES = "${PN}"
ALLOW_EMPTY:${PN} = "1"
