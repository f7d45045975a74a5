# shellcheck shell=bash disable=SC2154 # top and out are build.sh's
# The guides, done as they are written: each on a machine of its own under systemd (tools/guides), its commands typed and held against what the page shows.

# shellcheck source=tools/build/systemd.sh
. "$top/tools/build/systemd.sh"
guides_packages=(systemd softhsm2 opensc gnutls-bin openssl ca-certificates gcc make pkg-config libssl-dev curl iproute2 util-linux mount hostname)

# guides: every page of the tree with a block to be done.
guides() { (cd "$top" && git ls-files -co --exclude-standard '*.md' | xargs grep -lE '^```[a-z]+ guide( |$)' | sort); }

# do_guide PAGE: `typed` in the folder that is told at the end is the session as it was.
do_guide() {
    say "$1"
    boot_machine "$out/guides/$(basename "$1" .md)" tools/guides/machine.sh "$1"
}

run_guides() {
    local page pages=("$@")
    prepare_machine "${guides_packages[@]}"
    [ ${#pages[@]} -gt 0 ] || mapfile -t pages < <(guides)
    for page in "${pages[@]}"; do
        do_guide "$page" || fail "$page is not what happens" "the lines above; the session is in $out/guides"
    done
}

guides_as_test() {
    local page status=0 pages
    prepare_machine "${guides_packages[@]}"
    mapfile -t pages < <(guides)
    for page in "${pages[@]}"; do do_guide "$page" || status=1; done
    return "$status"
}
