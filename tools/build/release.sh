# shellcheck shell=bash disable=SC2154 # top and out are build.sh's
# What is given to an image's build: archives of the same bytes from the same source, with a list of their files and of the software in them.

# shellcheck source=tools/build/sbom.sh
. "$top/tools/build/sbom.sh"

# Where the archives are put, and unpacked to be looked at.
archives=$out/release

release_version() { sed -n 's|.*<Version>\(.*\)</Version>.*|\1|p' "$top/Directory.Build.props"; }

# release_epoch: the time of the last commit, which all files get.
release_epoch() { printf '%s\n' "${SOURCE_DATE_EPOCH:-$(git -C "$top" log -1 --format=%ct)}"; }

# is_as_committed: else the archives are not those of the commit whose time and number they carry, and their SBOM says so.
is_as_committed() { [ -z "$(git -C "$top" status --porcelain)" ]; }

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
    check_paths "$file"
}

# check_paths FILE: nothing of the machine that it was built on: neither the tree nor the builder's home, with NuGet's packages in it.
check_paths() {
    local folder pattern
    for folder in "$top" "$(nuget_folder)" "${HOME%/}"; do
        [ -n "$folder" ] || continue
        # What a pattern might read otherwise is any character. A folder of the same name within another one, such as out/arm64/root, is no trace.
        pattern=${folder//[^[:alnum:]\/_-]/.}
        if LC_ALL=C grep -qaF "$folder" "$1" && LC_ALL=C grep -qaE "(^|[^[:alnum:]._/-])$pattern(/|[^[:alnum:]._-]|\$)" "$1"; then
            fail "$1 names $folder, of the machine that it was built on" "-ffile-prefix-map, PathMap"
        fi
        # As .NET keeps text.
        ! LC_ALL=C grep -qaP "(?<![\w./-]\x00)$(printf '%s/' "$pattern" | sed 's/./&\\x00/g')" "$1" || fail "$1 names $folder in text of .NET's" "[CallerFilePath], or a resource"
    done
}

# check_symbols TOOLS-PREFIX FILE: the same of debug symbols, which are compressed.
check_symbols() {
    "$1objcopy" --decompress-debug-sections "$2" "$2.unpacked"
    check_paths "$2.unpacked"
    rm "$2.unpacked"
}

# release_folder ARCH PUBLISHED TOOLS-PREFIX MACHINE MAKE-ARGUMENT...: what goes into the archive of the daemons, and into that of their symbols. Sets folder and symbols.
release_folder() {
    local arch=$1 published=$2 tools=$3 machine=$4 file
    shift 4
    folder=$archives/estprov-$(release_version)-linux-$arch symbols=$archives/estprov-$(release_version)-linux-$arch-debug
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
    write_sbom "$folder" "linux-$arch" "$published" "$tools"
    write_notices "$folder" "linux-$arch" "$published" "$tools"
    check_notices "$folder"
    write_manifest "$folder"
}

# release_binaries, with the arguments of release_folder: the archives.
release_binaries() {
    local folder symbols file
    release_folder "$@"
    for file in "$symbols"/*; do check_symbols "$3" "$file"; done
    pack "$folder" "$folder.tar.xz"
    pack "$symbols" "$symbols.tar.xz"
    rm -rf "$folder" "$symbols"
}

# release_sources: the C parts, for the image's own compiler.
release_sources() {
    local name folder
    name=estprov-native-$(release_version)
    folder=$archives/$name
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
    mkdir -p "$archives"
    "$@"
    first=$(cd "$archives" && sha256sum ./*.tar.xz)
    "$@"
    [ "$first" = "$(cd "$archives" && sha256sum ./*.tar.xz)" ] || fail "the same input has not given the same archives" "compare them with tar --list --verbose"
    printf '%s\n' "$first"
    is_as_committed || printf 'note: this tree has changes that are not committed; the SBOM says so, and these archives are not for release\n'
}

# run_release: for this machine's kind, x64.
run_release() {
    [ $# = 0 ] || fail "release takes no arguments" "./build.sh release"
    need_packages jq xz-utils binutils git
    # shellcheck source=tools/build/install.sh
    . "$top/tools/build/install.sh"
    publish
    say "archives"
    # The C parts once more, with no names of this machine in their symbols. As the environment, since the Makefile adds to it.
    x64_native=("CFLAGS=-O2 -g -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -ffile-prefix-map=$top=/estprov")
    env "${x64_native[@]}" make -s -C "$top/native" O="$out/x64/native" all
    checked_twice release_x64
}

release_x64() {
    export "${x64_native[@]}"
    release_binaries x64 "$out/publish" "" "X86-64" O="$out/x64/native"
    release_sources
}

# release_as_test: what goes into an image's build, made of what is published for the tests anyway, and looked at as bitbake's checks would. The symbols, and whether the same
# comes out twice, are the matter of ./build.sh release.
release_as_test() {
    # A shell of its own ends at the first error; a function that a condition waits for would not.
    # shellcheck disable=SC2016 # that shell expands it
    bash -euo pipefail -c 'top=$1 && for part in common install release layer; do . "$top/tools/build/$part.sh"; done && archive_as_test' _ "$top"
}

archive_as_test() {
    local folder symbols
    need_packages jq xz-utils binutils git
    archives=$out/test/release
    release_folder x64 "$out/publish" "" "X86-64" O="$out/native"
    pack "$folder" "$folder.tar.xz"
    rm -rf "$folder" "$symbols"
    check_release
    printf '1 passed, 0 failed, 0 skipped\n'
}
