SUMMARY = "A package of this name"

inherit stub

PACKAGES = "${PN}"
ALLOW_EMPTY:${PN} = "1"
