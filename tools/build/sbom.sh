# shellcheck shell=bash disable=SC2154 # top and out are build.sh's
# What is in the executable, and under which licences: an SBOM and the texts that have to go with it. Both follow the list of assemblies that the compiler was given, and the
# symbols that the linker has left; NuGet's own list has no runtime in it.

# Third-party code in .NET's static libraries: name, licence, a symbol that only it has, and its heading in .NET's notices. What the linker has left out is not named.
vendored=(
    'llvm-libunwind|Apache-2.0 WITH LLVM-exception|_ZN9libunwind|The LLVM Compiler Infrastructure'
    'zlib-ng|Zlib|(zng_)?inflateInit2?_$|zlib-ng'
    'brotli|MIT|Brotli[DE][en]coderCreateInstance$|Brotli'
)

nuget_folder() { printf '%s\n' "${NUGET_PACKAGES:-$HOME/.nuget/packages}"; }

# nuspec FOLDER ELEMENT: of a package.
nuspec() { sed -n "s|.*<$2\( [^>]*\)\?>\(.*\)</$2>.*|\2|p" "$1"/*.nuspec | head -n 1; }

# linked_packages RID: the folder of each NuGet package that the executable was last compiled from.
linked_packages() {
    local given=$top/src/EstProv/obj/Release/net10.0/$1/native/estprov.ilc.rsp packages other folders
    packages=$(nuget_folder)
    [ -f "$given" ] || fail "there is no $given" "publish for $1 first"
    other=$(sed -n 's|^-r:"\?\([^"]*\)"\?$|\1|p' "$given" | grep -vF "$packages/" | grep -v '/EstProv\.[A-Za-z]*\.dll$') || true
    [ -z "$other" ] || fail "assemblies are linked in that no package has: $other" "name their software in the SBOM"
    folders=$(sed -n "s|^-r:\"\?$packages/\([^/]*/[^/]*\)/.*|$packages/\1|p" "$given" | LC_ALL=C sort -u)
    grep -qi '/microsoft\.netcore\.app\.runtime\.nativeaot\.' <<<"$folders" || fail "the .NET runtime is not among the packages that are linked in" "$given"
    # The runtime first: what others have as well is kept under its name.
    grep -i '/microsoft\.netcore\.app\.runtime\.nativeaot\.' <<<"$folders"
    grep -vi '/microsoft\.netcore\.app\.runtime\.nativeaot\.' <<<"$folders"
}

# package_license FOLDER: as an SPDX expression.
package_license() {
    local license
    license=$(sed -n 's|.*<license type="expression">\(.*\)</license>.*|\1|p' "$1"/*.nuspec)
    [ -n "$license" ] || case $(nuspec "$1" id) in
        # Its package has the licence as a file only.
        Pkcs11Interop) license=Apache-2.0 ;;
        *) fail "the licence of $(nuspec "$1" id) is not known" "read it, and add it to package_license and to LICENSE of the recipe" ;;
    esac
    printf '%s\n' "$license"
}

# package_component FOLDER TYPE [SCOPE]: of an SBOM.
package_component() {
    local folder=$1 name version hash license
    name=$(nuspec "$folder" id) version=$(nuspec "$folder" version)
    hash=$(base64 -d <"$(echo "$folder"/*.nupkg.sha512)" | od -An -v -tx1 | tr -d ' \n')
    license=$(package_license "$folder")
    [[ -n $name && -n $version && ${#hash} = 128 ]] || fail "$folder has no name, version or hash" "dotnet restore"
    # CVEs of .NET name the product, not its packages.
    jq -n --arg name "$name" --arg version "$version" --arg license "$license" --arg hash "$hash" --arg type "$2" --arg scope "${3:-required}" \
        '"pkg:nuget/\($name)@\($version)" as $purl |
         {type: $type, "bom-ref": $purl, name: $name, version: $version, scope: $scope, purl: $purl, licenses: [{expression: $license}], hashes: [{alg: "SHA-512", content: $hash}]}
         + (if $type == "framework" then {cpe: "cpe:2.3:a:microsoft:.net:\($version):*:*:*:*:*:*:*"} else {} end)'
}

# linked_vendored PUBLISHED TOOLS-PREFIX: the rows of the table above whose symbols are in the executable.
linked_vendored() {
    local symbols row name license symbol heading
    symbols=$("$2nm" "$1/estprov.dbg" | awk '{ print $NF }')
    for row in "${vendored[@]}"; do
        IFS='|' read -r name license symbol heading <<<"$row"
        if grep -qE "^$symbol" <<<"$symbols"; then printf '%s\n' "$row"; fi
    done
    # Every executable unwinds with it: where it is not found, nothing would be.
    grep -q '^_ZN9libunwind' <<<"$symbols" || fail "$1/estprov.dbg has no symbols of LLVM's libunwind" "has .NET another unwinder? mend the table in tools/build/sbom.sh"
}

# write_sbom FOLDER RID PUBLISHED TOOLS-PREFIX: CycloneDX 1.5 of the runtime, of every package that is linked in, of third-party code within them, and of the compiler.
write_sbom() {
    local list=$1/sbom.list packages package runtime="" compiler rows name license tree=unchanged
    packages=$(linked_packages "$2")
    while IFS= read -r package; do
        if [[ $package == */microsoft.netcore.app.runtime.nativeaot.* ]]; then
            runtime=pkg:nuget/$(nuspec "$package" id)@$(nuspec "$package" version)
            package_component "$package" framework
        else
            package_component "$package" library
        fi
    done <<<"$packages" >"$list"
    rows=$(linked_vendored "$3" "$4")
    while IFS='|' read -r name license _; do
        # The runtime's package does not tell their versions: its own stands for them.
        jq -n --arg name "$name" --arg license "$license" --arg runtime "$runtime" \
            '{type: "library", "bom-ref": "\($runtime)#\($name)", name: $name, scope: "required", licenses: [{expression: $license}],
              description: "The copy in \($runtime), of the version that is in it"}'
    done <<<"$rows" >>"$list"
    # It makes the code, and none of it is in the executable.
    compiler=$(jq -r '.libraries | keys[] | select(startswith("Microsoft.DotNet.ILCompiler/"))' "$top/src/EstProv/obj/project.assets.json" | tr '[:upper:]' '[:lower:]')
    [ -n "$compiler" ] || fail "NuGet has resolved no compiler" "dotnet restore"
    package_component "$(nuget_folder)/$compiler" application excluded >>"$list"
    is_as_committed || tree=changed
    jq -n --slurpfile components "$list" --arg runtime "$runtime" --arg version "$(release_version)" --arg rid "$2" --arg tree "$tree" \
        --arg commit "$(git -C "$top" rev-parse HEAD)" --arg time "$(date -u -d "@$(release_epoch)" +%Y-%m-%dT%H:%M:%SZ)" \
        '{bomFormat: "CycloneDX", specVersion: "1.5", version: 1,
          metadata: {timestamp: $time, component: {type: "application", "bom-ref": "estprov", name: "estprov", version: $version, licenses: [{license: {id: "MIT"}}],
              properties: [{name: "estprov:runtime-identifier", value: $rid}, {name: "estprov:commit", value: $commit}, {name: "estprov:tree", value: $tree}]}},
          components: $components,
          dependencies: [{ref: "estprov", dependsOn: [$components[] | select(.scope == "required" and .purl) | ."bom-ref"]},
              {ref: $runtime, dependsOn: [$components[] | select(."bom-ref" | startswith("\($runtime)#")) | ."bom-ref"]}]}' >"$1/sbom.cdx.json"
    rm "$list"
}

# write_notices FOLDER RID PUBLISHED TOOLS-PREFIX: licences/, with the text of each licence and notice that has to go with the executable, each text once, and which of them
# belong to what. The text is the package's own; else that of its project; else what its licence's name says, with the package's copyright.
write_notices() {
    local folder=$1/licenses packages package name license file texts hash copyright heading rows
    local -A kept=() of_project=()
    packages=$(linked_packages "$2")
    mkdir -p "$folder"
    while IFS= read -r package; do
        while IFS= read -r file; do of_project[$(project_of "$package")]=$file; done < <(license_files "$package" | grep -i '/licen[sc]e[^/]*$')
    done <<<"$packages"
    while IFS= read -r package; do
        # The runtime's package has another name for each kind of machine; its texts are the same.
        name=$(nuspec "$package" id) name=${name%".$2"} license=$(package_license "$package") texts=""
        local -a files=()
        mapfile -t files < <(license_files "$package")
        if ! license_files "$package" | grep -qi '/\(licen[sc]e\|copying\)[^/]*$'; then
            file=${of_project[$(project_of "$package")]:-}
            if [ -z "$file" ]; then
                file=$top/tools/build/licenses/$license.txt copyright=$(nuspec "$package" copyright)
                [ -f "$file" ] || fail "$name has no text of its licence $license" "put the text that SPDX has for it into tools/build/licenses"
                [ -n "$copyright" ] || fail "$name does not say whose it is" "its licence has to go with its copyright"
                sed "s|@COPYRIGHT@|$copyright|" "$file" >"$folder/text"
                file=$folder/text
            fi
            files+=("$file")
        fi
        for file in "${files[@]}"; do
            hash=$(sha256sum <"$file")
            if [ -z "${kept[$hash]:-}" ]; then
                kept[$hash]=$name/$(basename "$file")
                [ "$file" != "$folder/text" ] || kept[$hash]=$name/LICENSE.txt
                install -D -m 0644 "$file" "$folder/${kept[$hash]}"
            fi
            texts+=" ${kept[$hash]}"
        done
        rm -f "$folder/text"
        printf '%s %s (%s):%s\n' "$name" "$(nuspec "$package" version)" "$license" "$texts"
        [[ $package != */microsoft.netcore.app.runtime.nativeaot.* ]] || printf '%s\n' "$package" >"$folder/runtime"
    done <<<"$packages" >"$folder/list"
    rows=$(linked_vendored "$3" "$4")
    package=$(cat "$folder/runtime")
    while IFS='|' read -r name license _ heading; do
        file=$package/THIRD-PARTY-NOTICES.TXT
        grep -qxF "License notice for $heading" "$file" || fail ".NET's notices have nothing of $name" "$file"
        printf '%s in the .NET runtime (%s): %s\n' "$name" "$license" "${kept[$(sha256sum <"$file")]}"
    done <<<"$rows" >>"$folder/list"
    { printf 'estprov %s (MIT): ../usr/share/doc/estprov/LICENSE\n' "$(release_version)" && cat "$folder/list"; } >"$folder/INDEX"
    rm "$folder/list" "$folder/runtime"
}

# license_files PACKAGE: those in its top folder.
license_files() { find "$1" -maxdepth 1 -type f -iregex '.*/\(licen[sc]e\|copying\|notice\|third-party-notices\)[^/]*' -size +0 | LC_ALL=C sort; }

# project_of PACKAGE: where its source is kept.
project_of() { sed -n 's|.*<repository .*url="\([^"]*\)".*|\1|p' "$1"/*.nuspec; }

# check_notices FOLDER: of an unpacked archive: its SBOM names the runtime, and each part that it names as linked in has its texts.
check_notices() {
    local name file
    jq -e 'any(.components[]; (.name | startswith("Microsoft.NETCore.App.Runtime.NativeAOT.")) and .scope == "required" and (.version | length > 0)) and
        all(.components[]; (.licenses | length) > 0)' "$1/sbom.cdx.json" >/dev/null || fail "the SBOM does not name the .NET runtime, or some part has no licence" "tools/build/sbom.sh"
    while IFS= read -r name; do
        grep -qE "^$name(\.linux-[a-z0-9]+)? " "$1/licenses/INDEX" || fail "licenses/INDEX does not name $name, which is linked in" "tools/build/sbom.sh"
    done < <(jq -r '.components[] | select(.scope == "required") | .name | sub("\\.linux-(x64|arm64)$"; "")' "$1/sbom.cdx.json")
    # Each line ends with at least one text.
    ! grep -vE '^[^:]+: ?[^ ].*$' "$1/licenses/INDEX" || fail "licenses/INDEX names no text for these" "tools/build/sbom.sh"
    while IFS= read -r file; do [ -s "$1/licenses/$file" ] || fail "licenses/$file is not there" "licenses/INDEX names it"; done < <(sed 's/^[^:]*: *//' "$1/licenses/INDEX" | tr ' ' '\n' | sort -u)
    # Apache-2.0, section 4 d.
    grep -q '^Pkcs11Interop .* Pkcs11Interop/NOTICE' "$1/licenses/INDEX" || fail "Pkcs11Interop's notice is missing" "Apache-2.0 wants it to go with what is given away"
}
