# shellcheck shell=bash disable=SC2154 # top and out are build.sh's
# What is given to an image's build: archives of the same bytes from the same source, with a list of their files and of the software in them.

release_version() { sed -n 's|.*<Version>\(.*\)</Version>.*|\1|p' "$top/Directory.Build.props"; }

# release_epoch: the time of the last commit, which all files get.
release_epoch() { printf '%s\n' "${SOURCE_DATE_EPOCH:-$(git -C "$top" log -1 --format=%ct)}"; }

# pack FOLDER ARCHIVE: sorted, without this machine's names and times; the compressor has one thread and no choice.
pack() {
    tar -C "$(dirname "$1")" --sort=name --format=gnu --owner=0 --group=0 --numeric-owner --mtime="@$(release_epoch)" -cf - "$(basename "$1")" |
        xz -6 -T1 --check=crc64 >"$2.new"
    mv "$2.new" "$2"
}

# write_manifest FOLDER: mode, SHA-256, size and name of each file; links with what they name.
write_manifest() {
    (
        cd "$1" || exit 1
        LC_ALL=C
        find . ! -type d ! -name MANIFEST -print | sort | while IFS= read -r file; do
            if [ -L "$file" ]; then
                printf 'link %s -> %s\n' "$file" "$(readlink "$file")"
            else
                printf '%s %s %s %s\n' "$(stat -c %a "$file")" "$(sha256sum <"$file" | cut -d' ' -f1)" "$(stat -c %s "$file")" "$file"
            fi
        done
    ) >"$1/MANIFEST"
}

# strip_apart TOOLS-PREFIX FILE SYMBOLS: the debug symbols of a file into one of their own, which the file names.
strip_apart() {
    "$1objcopy" --only-keep-debug "$2" "$3"
    "$1objcopy" --strip-unneeded --add-gnu-debuglink="$3" "$2"
    chmod 0644 "$3"
}

# check_elf READELF FILE: what a package's own checks would find, before it gets there (see native and meta-estprov).
check_elf() {
    local readelf=$1 file=$2 machine=$3 needed name newest
    [[ $("$readelf" -h "$file") == *"$machine"* ]] || fail "$file is not for $machine" "readelf -h"
    [[ $("$readelf" -d "$file") == *GNU_HASH* ]] || fail "$file has no GNU hash table" "link with --hash-style=gnu or both"
    ! "$readelf" -d "$file" | grep -qE 'RPATH|RUNPATH|TEXTREL' || fail "$file has a path or text relocations in it" "readelf -d"
    needed=$("$readelf" -d "$file" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
    for name in $needed; do
        case $name in
        libc.so.6 | libm.so.6 | libcrypto.so.3 | ld-linux-aarch64.so.1 | ld-linux-x86-64.so.2) ;;
        *) fail "$file needs $name" "an image may not have it; link without it" ;;
        esac
    done
    newest=$("$readelf" -V "$file" | grep -oE 'GLIBC_2\.[0-9]+' | sort -uV | tail -n 1)
    [ -z "$newest" ] || [ "$(printf '%s\nGLIBC_2.35\n' "$newest" | sort -V | tail -n 1)" = GLIBC_2.35 ] ||
        fail "$file needs $newest" "kirkstone's glibc is 2.35"
    ! grep -qaF "$top" "$file" || fail "$file names the folder that it was built in" "-ffile-prefix-map, PathMap"
}

# write_sbom FOLDER RID: CycloneDX 1.5 of what NuGet resolved for the executable: the .NET runtime and every package linked in.
write_sbom() {
    local assets=$top/src/EstProv/obj/project.assets.json packages=${NUGET_PACKAGES:-$HOME/.nuget/packages}
    local version name license hash lower folder list=$out/release/components
    version=$(release_version)
    : >"$list"
    # Analysers and the linker's tasks only take part in the build. The compiler's package holds the runtime that is linked in.
    jq -r --arg target "net10.0/$2" '.targets[$target] | to_entries[] | select(.value.type == "package") | .key' "$assets" |
        grep -vE '^(Meziantou\.Analyzer|Microsoft\.NET\.ILLink\.Tasks|Microsoft\.DotNet\.ILCompiler)/' | LC_ALL=C sort | while IFS=/ read -r name version; do
        lower=$(tr '[:upper:]' '[:lower:]' <<<"$name")
        folder=$packages/$lower/$version
        [ -d "$folder" ] || fail "the package $name $version is not in $packages" "dotnet restore"
        hash=$(base64 -d <"$folder/$lower.$version.nupkg.sha512" | od -An -v -tx1 | tr -d ' \n')
        license=$(sed -n 's|.*<license type="expression">\(.*\)</license>.*|\1|p' "$folder/$lower.nuspec")
        # A licence that its package has as a file only.
        [ -n "$license" ] || license=$(known_license "$name")
        jq -n --arg name "$name" --arg version "$version" --arg license "$license" --arg hash "$hash" \
            '{type: "library", name: $name, version: $version, purl: "pkg:nuget/\($name)@\($version)",
              licenses: [{expression: $license}], hashes: [{alg: "SHA-512", content: $hash}]}' >>"$list"
    done
    grep -q '"runtime\.linux-' "$list" || fail "the .NET runtime is not among the packages" "is RuntimeIdentifier $2 restored?"
    jq -n --slurpfile components "$list" --arg version "$(release_version)" --arg time "$(date -u -d "@$(release_epoch)" +%Y-%m-%dT%H:%M:%SZ)" --arg rid "$2" \
        '{bomFormat: "CycloneDX", specVersion: "1.5", version: 1,
          metadata: {timestamp: $time, component: {type: "application", name: "estprov", version: $version, licenses: [{license: {id: "MIT"}}],
              properties: [{name: "estprov:runtime-identifier", value: $rid}]}},
          components: $components}' >"$1/sbom.cdx.json"
    rm "$list"
}

# known_license PACKAGE: of packages whose nuspec names a file.
known_license() {
    case $1 in
    Pkcs11Interop) echo Apache-2.0 ;;
    *) fail "the licence of $1 is not known" "read it, and add it to known_license and to LICENSE of the recipe" ;;
    esac
}

# release_binaries ARCH PUBLISHED TOOLS-PREFIX MACHINE MAKE-ARGUMENT...: the archive of the daemons, and that of their symbols.
release_binaries() {
    local arch=$1 published=$2 tools=$3 machine=$4 name file folder symbols
    shift 4
    name=estprov-$(release_version)-linux-$arch
    folder=$out/release/$name symbols=$out/release/$name-debug
    rm -rf "$folder" "$symbols"
    mkdir -p "$symbols"
    lay_out "$folder" "$published" "$@"
    for file in "$folder"/usr/lib/ossl-modules/*.so "$folder"/usr/lib/pkcs11/*.so "$folder"/usr/lib/libestprov.so.*; do
        [ ! -f "$file" ] || [ -L "$file" ] || strip_apart "$tools" "$file" "$symbols/$(basename "$file").debug"
    done
    # ILC has stripped the executable and left its symbols beside it.
    install -m 0644 "$published/estprov.dbg" "$symbols/estprov.dbg"
    for file in "$folder/usr/bin/estprov" "$folder"/usr/lib/ossl-modules/*.so "$folder"/usr/lib/pkcs11/*.so "$folder"/usr/lib/libestprov.so.*; do
        [ ! -f "$file" ] || check_elf "${tools}readelf" "$file" "$machine"
    done
    write_sbom "$folder" "linux-$arch"
    write_manifest "$folder"
    pack "$folder" "$folder.tar.xz"
    pack "$symbols" "$symbols.tar.xz"
    rm -rf "$folder" "$symbols"
}

# release_sources: the C parts, for the image's own compiler.
release_sources() {
    local name folder
    name=estprov-native-$(release_version)
    folder=$out/release/$name
    rm -rf "$folder"
    mkdir -p "$folder"
    (cd "$top" && git ls-files -z native | xargs -0 cp --parents -t "$folder")
    cp "$top/LICENSE" "$folder/LICENSE"
    find "$folder" -type f -exec chmod 0644 {} + -o -type d -exec chmod 0755 {} +
    pack "$folder" "$folder.tar.xz"
    rm -rf "$folder"
}

# checked_twice COMMAND...: the archives that it makes are the same the second time.
checked_twice() {
    local first
    "$@"
    first=$(cd "$out/release" && sha256sum ./*.tar.xz)
    "$@"
    [ "$first" = "$(cd "$out/release" && sha256sum ./*.tar.xz)" ] || fail "the same input has not given the same archives" "compare them with tar --list --verbose"
    printf '%s\n' "$first"
}

# run_release: for this machine's kind, x64.
run_release() {
    [ $# = 0 ] || fail "release takes no arguments" "./build.sh release"
    need_packages jq xz-utils binutils git
    # shellcheck source=tools/build/install.sh
    . "$top/tools/build/install.sh"
    publish
    say "archives"
    mkdir -p "$out/release"
    checked_twice release_x64
}

release_x64() {
    release_binaries x64 "$out/publish" "" "X86-64" O="$out/native"
    release_sources
}
