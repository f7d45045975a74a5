# The users of the daemons, for each recipe that has files of theirs. Fixed numbers: files/estprov-passwd and files/estprov-group of this layer, by
# useradd-staticids (see the README: a data partition needs them).

inherit useradd

USERADD_PACKAGES = "${PN}"
GROUPADD_PARAM:${PN} = "--system estprov; --system estprov-keyd; --system estprov-certd; --system estprov-identityd"
USERADD_PARAM:${PN} = "\
    --system --no-create-home --home-dir / --shell /sbin/nologin --comment 'EstProv Key Service' --gid estprov-keyd --groups estprov estprov-keyd; \
    --system --no-create-home --home-dir / --shell /sbin/nologin --comment 'EstProv Certificates Service' --gid estprov-certd --groups estprov estprov-certd; \
    --system --no-create-home --home-dir / --shell /sbin/nologin --comment 'EstProv Identity Service' --gid estprov-identityd --groups estprov estprov-identityd"
