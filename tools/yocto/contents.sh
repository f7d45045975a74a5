#!/usr/bin/env bash
# What is in the .deb packages of our recipes below a folder: of each its dependencies, users, configuration files and units, then mode, owner and name of each file.
# The package's own top folder is left out, which oe-core gives the mode 0777 and dpkg does not apply to the root that is there.
# Not of -dbg, -src and -lic, which follow the compiler. usage: contents.sh FOLDER...
set -euo pipefail

ours='estprov*|libestprov*|openssl-estprov-provider*|packagegroup-estprov*|vendor-pkcs11*'
export LC_ALL=C
find "$@" -name '*.deb' -printf '%f %p\n' | sort | while read -r name file; do
    package=${name%%_*}
    # shellcheck disable=SC2254 # patterns
    case $package in
    *-dbg | *-src | *-lic) continue ;;
    esac
    [[ $package =~ ^(${ours//\*/.*})$ ]] || continue
    printf '\npackage %s\n' "$package"
    for field in Architecture Depends Recommends Provides; do
        value=$(dpkg-deb --field "$file" "$field")
        [ -z "$value" ] || printf '%s: %s\n' "$field" "$value" | sed 's/ ([^)]*)//g'
    done
    dpkg-deb --ctrl-tarfile "$file" | tar -xO ./conffiles 2>/dev/null | sed 's|^|conffile: |' || true
    dpkg-deb --ctrl-tarfile "$file" | tar -xO ./preinst 2>/dev/null | sed -nE 's/^[[:space:]]*(GROUP|USER)ADD_PARAM="(.+)"$/preinst: \1 \2/p' | sed 's/; */\npreinst: and /g' || true
    dpkg-deb --ctrl-tarfile "$file" | tar -xO ./postinst 2>/dev/null | grep -oE 'systemctl (preset|enable) [a-z].*' | sort -u | sed 's|^|postinst: |' || true
    dpkg-deb --fsys-tarfile "$file" | tar -tv | awk '{ sub(/^\.\//, "/", $6); sub(/^\.$/, "/", $6); print $1, $2, $6, $7, $8 }' | sed 's/ *$//' | grep -v ' /$' | sort -k3 || true
done
