# shellcheck shell=bash disable=SC2154 # top and out are build.sh's
# The Yocto layer without bitbake: what its users and yocto-check-layer look for, and what two places of the tree have to agree on.

# check_layer
check_layer() {
    local layer=$top/meta-estprov recipe file name
    layer_faults=0
    for file in README.md SECURITY.md conf/layer.conf conf/templates/default/{local.conf,bblayers.conf}.sample conf/templates/default/conf-{notes,summary}.txt; do
        [ -s "$layer/$file" ] || fault "$file" "is missing" "yocto-check-layer and oe-init-build-env want it"
    done
    for name in maintainer patch @; do grep -qi "$name" "$layer/README.md" || fault README.md "has no '$name'" "yocto-check-layer wants it"; done
    for name in scarthgap wrynose; do
        grep -q "^LAYERSERIES_COMPAT_estprov = .*$name" "$layer/conf/layer.conf" || fault conf/layer.conf "does not name $name" "LAYERSERIES_COMPAT_estprov"
    done
    grep -q '^UNPACKDIR ??= ' "$layer/conf/layer.conf" || fault conf/layer.conf "has no UNPACKDIR of its own" "scarthgap knows none"

    while IFS= read -r recipe; do
        grep -q '^SUMMARY = "' "$recipe" || fault "$recipe" "has no SUMMARY" "say in a line what it is"
        case $recipe in
        */packagegroup-*) ;;
        *)
            grep -qE '^LICENSE = "' "$recipe" || fault "$recipe" "has no LICENSE" "an SPDX expression"
            grep -qE '^LICENSE = "CLOSED"|^inherit core-image|^LIC_FILES_CHKSUM = ' "$recipe" || fault "$recipe" "has no LIC_FILES_CHKSUM" "the licence's file and its checksum"
            ;;
        esac
        # Older recipes' way of writing overrides; what is unpacked where; what hides faults; folders by their names.
        ! grep -nE '^(FILES|RDEPENDS|RRECOMMENDS|PROVIDES|CONFFILES|SYSTEMD_SERVICE|INSANE_SKIP)_|_(append|prepend|remove) *=' "$recipe" || fault "$recipe" "has overrides with underscores" "since honister they are written with colons"
        ! grep -nE '\$\{WORKDIR\}' "$recipe" | grep -v 'WORKDIR}/build"' || fault "$recipe" "uses WORKDIR for sources" "UNPACKDIR"
        ! grep -n 'INSANE_SKIP' "$recipe" || fault "$recipe" "skips a check" "mend what it finds"
        ! grep -nE '\$\{D\}/(usr|etc|lib|var)/|"/(usr|lib)/' "$recipe" || fault "$recipe" "has folders by name" "bindir, sysconfdir, systemd_system_unitdir, …"
        # shellcheck disable=SC2016 # bitbake expands it
        ! grep -nE '[$][{]@[^}]*[{]' "$recipe" || fault "$recipe" "has braces within an expression" "kirkstone ends it at the first that closes"
        # Files of SRC_URI are beside the recipe.
        while IFS= read -r name; do
            [ -e "$(dirname "$recipe")/files/$name" ] || fault "$recipe" "names file://$name, which is not there" "files/$name"
        done < <(sed -n '/^SRC_URI/,/"$/p' "$recipe" | grep -oE 'file://[A-Za-z0-9._/-]+' | sed 's|^file://||')
        ! grep -q 'packagegroup$' "$recipe" || [ "$(grep -nE '^(PACKAGE_ARCH =|inherit packagegroup)' "$recipe" | head -n 1 | cut -d: -f2 | cut -d' ' -f1)" = PACKAGE_ARCH ] ||
            fault "$recipe" "sets PACKAGE_ARCH behind inherit packagegroup" "a group that names a renamed library is not allarch"
    done < <(find "$layer" -name '*.bb' -o -name '*.bbappend')

    # The same in two places.
    for name in keyd certd identityd; do
        cmp -s "$top/src/EstProv/config/$name.toml" "$layer/recipes-estprov/estprov-config/files/$name.toml" ||
            fault "estprov-config/files/$name.toml" "differs from src/EstProv/config/$name.toml" "copy it"
        for file in socket service; do
            grep -q "^SYSTEMD_SERVICE.*estprov-$name\.$file" "$layer"/recipes-estprov/estprov/estprov_*.bb || fault estprov "does not enable estprov-$name.$file" SYSTEMD_SERVICE
        done
        [ "$(cat "$layer"/files/estprov-{passwd,group} | grep -c "^estprov-$name:")" = 2 ] || fault files "has no fixed number for estprov-$name" "estprov-passwd, estprov-group"
        grep -q "^u estprov-$name " "$top/src/EstProv/systemd/estprov.sysusers" || fault estprov.sysusers "has no user estprov-$name" "as in estprov-users.bbclass"
        grep -q "'EstProv .*--gid estprov-$name " "$layer/classes/estprov-users.bbclass" || fault estprov-users.bbclass "has no user estprov-$name" "as in estprov.sysusers"
    done
    for file in "$top"/src/EstProv/systemd/drop-ins/keyd-*.conf "$top"/src/EstProv/systemd/drop-ins/certd-*.conf; do
        name=$(basename "$file" .conf)
        grep -q "^PACKAGECONFIG\[${name#*d-}\]" "$layer"/recipes-estprov/estprov/estprov_*.bb || fault estprov "has no PACKAGECONFIG for the drop-in $name" "its do_install puts it in by that name"
    done
    for recipe in "$layer"/recipes-estprov/{estprov/estprov,libestprov/libestprov}_*.bb; do
        [[ $recipe == *_$(sed -n 's|.*<Version>\(.*\)</Version>.*|\1|p' "$top/Directory.Build.props").bb ]] || fault "$recipe" "has another version than Directory.Build.props" "rename it"
        grep -q "LICENSE;md5=$(md5sum <"$top/LICENSE" | cut -d' ' -f1)" "$recipe" || fault "$recipe" "has another checksum of LICENSE" "md5sum LICENSE"
    done
    # shellcheck source=tools/build/install.sh
    . "$top/tools/build/install.sh"
    rm -rf "$out/layer"
    lay_out_system "$out/layer"
    check_taken "src/EstProv, laid out," < <(cd "$out/layer" && find . ! -type d -printf '%P\n')
    rm -rf "$out/layer"
    for file in ossl-modules/estprov.so pkcs11/libestprov-pkcs11.so p11-kit/modules/estprov.module; do
        grep -q "^FILES:.*/${file}[ \"]" "$layer"/recipes-estprov/libestprov/libestprov_*.bb || fault libestprov "packages no $file" FILES
    done
    [ "$layer_faults" = 0 ] || fail "the Yocto layer has $layer_faults faults" "the lines above"
}

# fault FILE WHAT HINT
fault() {
    printf '%s %s (%s)\n' "${1#"$top"/}" "$2" "$3" >&2
    layer_faults=$((layer_faults + 1))
}

# check_taken WHERE: each file of the standard input is one that estprov's do_install takes, or leaves to another recipe. Its patterns are read from the recipe.
check_taken() {
    local recipe file pattern found
    local -a patterns
    recipe=$(echo "$top"/meta-estprov/recipes-estprov/estprov/estprov_*.bb)
    # shellcheck disable=SC2016 # the recipe expands it
    mapfile -t patterns < <(sed -n '/case $file in/,/esac/s/^ *\([A-Za-z][^ ]*\))\( ;;\)\?$/\1/p' "$recipe" | tr '|' '\n')
    [ ${#patterns[@]} -gt 5 ] || fault "$recipe" "has no list of the archive's files" "case \$file in"
    while IFS= read -r file; do
        found=
        for pattern in "${patterns[@]}"; do
            # shellcheck disable=SC2254 # a pattern it is
            case $file in $pattern) found=1 ;; esac
        done
        [ -n "$found" ] || fault "$recipe" "does not know $file, which $1 has" "do_install"
    done
}

# check_release: what bitbake's checks of packages would say of the archives that are there.
check_release() {
    local archive folder=$out/release/check file machine
    for archive in "$out"/release/estprov-*-linux-{arm64,x64}.tar.xz; do
        [ -e "$archive" ] || continue
        rm -rf "$folder"
        mkdir -p "$folder"
        tar -C "$folder" --strip-components=1 -xJf "$archive"
        machine=X86-64
        [[ $archive != *arm64* ]] || machine=AArch64
        while IFS= read -r file; do check_elf readelf "$file" "$machine"; done < <(find "$folder/usr" -type f \( -path '*/bin/estprov' -o -name '*.so' -o -name '*.so.*' \))
        (cd "$folder" && while read -r _ hash _ file; do [ "$hash" = "->" ] || [ "$(sha256sum <"$file" | cut -d' ' -f1)" = "$hash" ] || exit 1; done < <(grep -v ^link MANIFEST)) ||
            fail "$archive has other files than its MANIFEST says" "./build.sh arm64, ./build.sh release"
        layer_faults=0
        check_taken "$(basename "$archive")" < <(cd "$folder" && find . ! -type d -printf '%P\n')
        [ "$layer_faults" = 0 ] || fail "$archive has files that no recipe packages" "the lines above"
        printf '%s: ELF files, manifest and recipe are right\n' "$(basename "$archive")"
        rm -rf "$folder"
    done
}
