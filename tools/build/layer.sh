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
        case $recipe in
        *.bbappend) ;;
        *) grep -q '^SUMMARY = "' "$recipe" || fault "$recipe" "has no SUMMARY" "say in a line what it is" ;;
        esac
        case $recipe in
        */packagegroup-* | *.bbappend) ;;
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
        # It goes with a file and a package: estprov-pkcs11-softhsm.
        [ "$name" != keyd-softhsm ] || continue
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
    check_token_recipes
    check_kas
    check_wks
    check_data_units
    [ "$layer_faults" = 0 ] || fail "the Yocto layer has $layer_faults faults" "the lines above"
}

# check_token_recipes: SoftHSM2's recipe has the drop-in that our own systems install by hand, and each recipe of a module tells keyd its path.
check_token_recipes() {
    local layer=$top/meta-estprov recipe
    while IFS= read -r recipe; do
        grep -q '^ESTPROV_DROPINS = "keyd.d/' "$recipe" || fault "$recipe" "has no drop-in for keyd" "lib_path"
        grep -q '@lib_path@' "$(dirname "$recipe")"/files/keyd.d/*.toml || fault "$recipe" "has a drop-in that names no module" 'lib_path = "@lib_path@"'
    done < <(grep -rl '^PROVIDES = "virtual/estprov-pkcs11"' "$layer")
    grep -qF "$(grep '^Environment=' "$top/src/EstProv/systemd/drop-ins/keyd-softhsm.conf")" "$layer"/dynamic-layers/openembedded-layer/recipes-estprov/estprov-pkcs11-softhsm/files/10-softhsm.conf ||
        fault estprov-pkcs11-softhsm "has another environment than drop-ins/keyd-softhsm.conf" "files/10-softhsm.conf"
}

# check_data_units: systemd's own judgement of estprov-data's units, with all that its PACKAGECONFIG adds to the daemons' units.
check_data_units() {
    local files=$top/meta-estprov/recipes-estprov/estprov-data/files root=$out/layer-units units said file role
    rm -rf "$root"
    units=$root/usr/lib/systemd/system
    install -d "$units" "$root/usr/libexec/estprov"
    cp -rL /lib/systemd/system/. "$units/" 2>/dev/null || true
    cp "$top"/src/EstProv/systemd/system/* "$files"/*.mount "$units/"
    sed 's|@libexecdir@|/usr/libexec|' "$files/estprov-machine-id.service" >"$units/estprov-machine-id.service"
    for file in keyd certd identityd; do install -m 0755 /bin/true "$root/usr/libexec/estprov/estprov-$file"; done
    install -m 0755 "$files/machine-id.sh" "$root/usr/libexec/estprov/machine-id"
    for file in "$files"/*.conf; do
        for role in keyd certd identityd; do install -D -m 0644 "$file" "$units/estprov-$role.service.d/$(basename "$file")"; done
    done
    said=$(systemd-analyze --root="$root" --recursive-errors=no verify "$units"/estprov-*.service "$units"/{data,var-secrets,var-lib-estprov,var-lib-systemd}.mount 2>&1 |
        grep -E 'estprov|data\.mount|var-(secrets|lib-systemd)') || true
    [ -z "$said" ] || fault estprov-data "has units that systemd finds fault with: $said" "systemd.unit(5)"
    # All binds below /var/lib come after what oe-core lays over it.
    for file in "$files"/var-lib-*.mount; do grep -q '^After=var-volatile-lib.service$' "$file" || fault "$file" "may come before volatile-binds" "After=var-volatile-lib.service"; done
    rm -rf "$root"
}

# check_kas: what kas would stop at, as far as the file tells: it is YAML, has the keys that a build needs, series and layers that go together, and the settings
# of local.conf.sample. kas itself is not run.
check_kas() {
    local layer=$top/meta-estprov file=$top/meta-estprov/kas/estprov.yml flat key value repo series line
    local -A of=()
    flat=$(/usr/bin/python3 - "$file" <<'END'
import sys, yaml

def walk(prefix, value):
    if isinstance(value, dict):
        for key, inner in value.items():
            walk(f"{prefix}.{key}" if prefix else str(key), inner)
    else:
        for line in str(value).splitlines() or [""]:
            print(f"{prefix}={line}")

walk("", yaml.safe_load(open(sys.argv[1], encoding="utf-8")))
END
    ) || { fault "$file" "is no YAML" "the lines above" && return; }
    while IFS='=' read -r key value; do
        of[$key]=$value
        case $key in
        header.version | machine | distro | target | repos.*.url | repos.*.branch | repos.*.layers.* | local_conf_header.*) ;;
        *) fault "$file" "has the key $key" "kas ignores or refuses it, or check_kas has to learn it" ;;
        esac
    done <<<"$flat"
    [[ ${of[header.version]:-} =~ ^[0-9]+$ ]] || fault "$file" "has no header.version" "a number, of kas's format"
    for key in machine distro target; do [ -n "${of[$key]:-}" ] || fault "$file" "has no $key" "kas wants it"; done
    [ -n "$(find "$layer" -name "${of[target]:-}.bb")" ] || fault "$file" "builds '${of[target]:-}', which is no recipe of this layer" target
    series=${of[repos.openembedded-core.branch]:-}
    grep -q "^LAYERSERIES_COMPAT_estprov = .*\b$series\b" "$layer/conf/layer.conf" || fault "$file" "has openembedded-core's branch '$series'" "one that LAYERSERIES_COMPAT_estprov names"
    case $series:${of[repos.bitbake.branch]:-} in
    scarthgap:2.8 | wrynose:2.18) ;;
    *) fault "$file" "has bitbake's branch '${of[repos.bitbake.branch]:-}' with $series" "2.8 goes with scarthgap, 2.18 with wrynose" ;;
    esac
    [ "${of[repos.meta-openembedded.branch]:-}" = "$series" ] || fault "$file" "has meta-openembedded's branch '${of[repos.meta-openembedded.branch]:-}' with $series" "the same"
    for key in "${!of[@]}"; do
        [[ $key == repos.*.layers.* ]] || continue
        repo=${key#repos.} repo=${repo%%.layers.*}
        if [ -n "${of[repos.$repo.branch]:-}" ]; then
            [[ ${of[repos.$repo.url]:-} == https://* ]] || fault "$file" "has no URL of https for $repo" url
        else
            [ -e "$top/${key##*.layers.}/conf/layer.conf" ] || fault "$file" "names the layer ${key##*.layers.}, which is not in this tree" layers
        fi
    done
    while IFS= read -r line; do
        line=${line#local_conf_header.*=}
        [[ $line =~ ^([A-Za-z0-9_:/.-]+)\ (=|\?=|\+=)\ \".*\"$ ]] || { fault "$file" "has the line '$line' for local.conf" 'NAME = "value"' && continue; }
        grep -qF "$line" "$layer/conf/templates/default/local.conf.sample" || fault "$file" "sets '$line'" "local.conf.sample shows it, too, or with another value"
    done < <(grep '^local_conf_header\.' <<<"$flat")
}

# check_wks: each line's options, sizes that the image recipe sets, and the names by which kernel, boot loader and units find the partitions. wic is not run.
check_wks() {
    local layer=$top/meta-estprov file=$top/meta-estprov/files/wic/estprov-ab.wks.in image=$top/meta-estprov/recipes-estprov/images/estprov-image.bb line word name labels=" " i
    local -a words
    [ "$(grep -cE '^(part|bootloader) ' "$file")" = "$(grep -cvE '^#|^$' "$file")" ] || fault "$file" "has lines that are neither part nor bootloader" wic
    while IFS= read -r name; do
        grep -qE "^$name \?\??= " "$image" "$layer/conf/layer.conf" || fault "$file" "uses $name, which nobody sets" "estprov-image.bb or layer.conf"
    done < <(grep -oE '\$\{[A-Za-z_]+\}' "$file" | grep -oE '[A-Za-z_]+' | sort -u)
    while IFS= read -r line; do
        read -ra words <<<"$line"
        for ((i = 1; i < ${#words[@]}; i++)); do
            word=${words[i]}
            case $word in
            / | /boot | --active | --use-uuid | --sourceparams=\"*\") ;;
            --source | --fstype | --align) i=$((i + 1)) ;;
            --fixed-size)
                i=$((i + 1))
                # shellcheck disable=SC2016 # bitbake expands it
                [[ ${words[i]:-} =~ ^([0-9]+M|'${ESTPROV_'(ROOT|DATA)'_SIZE}')$ ]] || fault "$file" "has the size '${words[i]:-}'" "a number and M, or a variable"
                ;;
            --label | --part-name)
                i=$((i + 1))
                [[ ${words[i]:-} =~ ^[a-z-]{1,16}$ ]] || fault "$file" "has the name '${words[i]:-}'" "ext4 has room for 16 characters"
                [ "$word" != --part-name ] || labels+="${words[i]} "
                ;;
            *) fault "$file" "has the option $word" "wic knows it not, it names a disk of one machine, or check_wks has to learn it" ;;
            esac
        done
        [[ $line == *"--fixed-size "* && $line == *"--label "* ]] || fault "$file" "has a partition without size or label: $line" "an updater goes by them"
        [[ $line == *"--fstype ext4 "* || $line == *"loader=systemd-boot"* ]] || fault "$file" "has a partition without file system: $line" --fstype
        [[ $line != "part /boot "* || $line == *--use-uuid* ]] || fault "$file" "has a boot partition without --use-uuid" "/etc/fstab would name a disk of one machine"
        [[ $line != *" --label "*" --part-name "* ]] || [[ $line =~ --label\ ([a-z-]+)\ --part-name\ ([a-z-]+) && ${BASH_REMATCH[1]} = "${BASH_REMATCH[2]}" ]] ||
            fault "$file" "has two names for one partition: $line" "--label and --part-name"
    done < <(grep '^part ' "$file" | sed -E 's/--(fstype)=/--\1 /g')
    grep -q '^bootloader --ptable gpt .*--append="ro ' "$file" || fault "$file" "has no GPT, or roots that are written to" 'bootloader --ptable gpt --append="ro …"'
    # The kernel's root=, the mount unit, the plugin's packages.
    for name in root-a root-b "$(sed -n 's|^What=/dev/disk/by-label/||p' "$layer"/recipes-estprov/estprov-data/files/data.mount)"; do
        [[ $labels == *" $name "* ]] || fault "$file" "has no partition $name" "data.mount, estprov-boot-entry, wic's root="
    done
    grep -q 'root=PARTLABEL=root-b ' "$layer"/recipes-estprov/estprov-boot-entry/*.bb || fault estprov-boot-entry "starts another root than root-b" "root=PARTLABEL="
    grep -q '^WKS_FILE_DEPENDS:append = " systemd-boot estprov-boot-entry"' "$image" || fault "$image" "does not wait for systemd-boot and root B's entry" WKS_FILE_DEPENDS
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

# check_license_sums FOLDER: estprov's LIC_FILES_CHKSUM has each text of licenses/ with its checksum: bitbake stops where one has changed.
check_license_sums() {
    local recipe file sum
    for recipe in "$top"/meta-estprov/recipes-estprov/estprov/estprov_*.bb; do
        while IFS= read -r file; do
            sum=$(md5sum <"$1/licenses/$file" | cut -d' ' -f1)
            grep -qF "file://licenses/$file;md5=$sum" "$recipe" || fault "$recipe" "has not licenses/$file;md5=$sum" "read what has changed, then LIC_FILES_CHKSUM"
        done < <(cd "$1/licenses" && find . -type f ! -name INDEX -printf '%P\n')
        while IFS= read -r file; do [ -e "$1/licenses/$file" ] || fault "$recipe" "has licenses/$file, which the archive has not" LIC_FILES_CHKSUM; done < <(
            sed -n 's|.*file://licenses/\([^;]*\);md5=.*|\1|p' "$recipe")
    done
}

# check_release: what bitbake's checks of packages would say of the archives that are there; that there is none is a fault.
check_release() {
    local archive folder=$archives/check file machine checked=""
    for archive in "$archives"/estprov-*-linux-{arm64,x64}.tar.xz; do
        [ -e "$archive" ] || continue
        rm -rf "$folder"
        mkdir -p "$folder"
        tar -C "$folder" --strip-components=1 -xJf "$archive"
        machine=X86-64
        [[ $archive != *arm64* ]] || machine=AArch64
        while IFS= read -r file; do check_elf readelf "$file" "$machine"; done < <(find "$folder/usr" -type f \( -path '*/bin/estprov' -o -name '*.so' -o -name '*.so.*' \))
        (cd "$folder" && while read -r _ hash _ file; do [ "$hash" = "->" ] || [ "$(sha256sum <"$file" | cut -d' ' -f1)" = "$hash" ] || exit 1; done < <(grep -v ^link MANIFEST)) ||
            fail "$archive has other files than its MANIFEST says" "./build.sh arm64, ./build.sh release"
        check_notices "$folder"
        layer_faults=0
        check_taken "$(basename "$archive")" < <(cd "$folder" && find . ! -type d -printf '%P\n')
        check_license_sums "$folder"
        [ "$layer_faults" = 0 ] || fail "$archive has files that no recipe packages" "the lines above"
        printf '%s: ELF files, licences, manifest and recipe are right\n' "$(basename "$archive")"
        rm -rf "$folder"
        checked=1
    done
    [ -n "$checked" ] || fail "there is no archive in $archives" "./build.sh arm64, ./build.sh release"
}
