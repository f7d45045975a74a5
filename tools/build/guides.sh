# shellcheck shell=bash disable=SC2154 # top and out are build.sh's
# The guides, done as they are written: each on a machine of its own under systemd (tools/guides), its commands typed and held against what the page shows.

guides_packages=(systemd softhsm2 opensc gnutls-bin openssl ca-certificates gcc make pkg-config libssl-dev curl iproute2 util-linux mount hostname)

# guides: every page of the tree with a block to be done.
guides() { (cd "$top" && git ls-files -co --exclude-standard '*.md' | xargs grep -lE '^```[a-z]+ guide( |$)' | sort); }

prepare_guides() {
    need_dotnet
    need_packages "${guides_packages[@]}"
    # shellcheck source=tools/build/install.sh
    . "$top/tools/build/install.sh"
    [ "${ESTPROV_STAGE:-}" = "$out/stage" ] || stage
    say "build the simulator of EST server, DPS and IoT Hub"
    dotnet publish "$top/tools/Simulator/EstProv.Simulator.csproj" -c Release -o "$out/simulator" -v quiet --nologo
}

# do_guide PAGE: `typed` in the folder that is told at the end is the session as it was.
do_guide() {
    local page=$1 back
    back=$out/guides/$(basename "$1" .md)
    rm -rf "$back"
    mkdir -p "$back"
    say "$page"
    as_root env "PATH=$PATH" "DOTNET_ROOT=${DOTNET_ROOT:-}" unshare --mount bash "$top/tools/systemd/boot_alone.sh" "$top" "$out" "$back" \
        tools/guides/machine.sh "$page" >"$back/boot.log" 2>&1 || true
    cat "$back/output" 2>/dev/null || cat "$back/boot.log"
    grep -q ', 0 failed,' "$back/counts" 2>/dev/null
}

run_guides() {
    local page pages=("$@")
    prepare_guides
    [ ${#pages[@]} -gt 0 ] || mapfile -t pages < <(guides)
    for page in "${pages[@]}"; do
        do_guide "$page" || fail "$page is not what happens" "the lines above; the session is in $out/guides"
    done
}

guides_as_test() {
    local page status=0 pages
    prepare_guides
    mapfile -t pages < <(guides)
    for page in "${pages[@]}"; do do_guide "$page" || status=1; done
    return "$status"
}
