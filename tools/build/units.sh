# shellcheck shell=bash disable=SC2154 # top and out are build.sh's
# systemd's own judgement of the units: whether they are right, and how exposed each service is.

# check_units: in a root folder of their own, beside this machine's units.
check_units() {
    local root=$out/units unit part
    rm -rf "$root"
    # What verify looks for besides the units: the programs.
    install -d "$root"/usr/lib/systemd "$root"/usr/libexec/estprov "$root/etc/systemd/system"
    cp -rL /lib/systemd/system "$root/usr/lib/systemd/system" 2>/dev/null || true
    for part in keyd certd identityd; do install -m 0755 /bin/true "$root/usr/libexec/estprov/estprov-$part"; done
    cp "$top"/src/EstProv/systemd/system/* "$root/usr/lib/systemd/system/"
    local -a units=()
    for unit in "$top"/src/EstProv/systemd/system/*; do units+=("$(basename "$unit")"); done
    # Only what it says of ours: this machine's units name programs that the folder has not.
    local said
    said=$(systemd-analyze --root="$root" --recursive-errors=no verify "${units[@]}" 2>&1 | grep -F estprov) || true
    [ -z "$said" ] || fail "systemd finds fault with the units: $said" "systemd.unit(5)"
    check_drop_ins
    exposure_at_most 4 keyd
    exposure_at_most 12 certd
    exposure_at_most 12 identityd
    exposure_at_most 6 keyd keyd-device-node
    exposure_at_most 12 keyd keyd-network-hsm
    exposure_at_most 4 keyd keyd-softhsm
    # A tenth more than certd by itself: the sockets of AF_NETLINK, by which the machine's addresses are asked for. Nothing in the drop-in can make up for it: what else counts
    # against certd is that it reaches EST servers (its network, IP sockets, addresses that only the configuration knows), that it asks who calls (users, local sockets), its
    # root folder, and a device list that systemd makes by itself, for ProtectClock= and for encrypted credentials.
    exposure_at_most 13 certd certd-host-addresses
    local user
    for user in estprov-keyd estprov-certd estprov-identityd; do
        grep -q "^User=$user$" "$root/usr/lib/systemd/system/$user.service" || fail "$user.service runs as another user than $user" "clients check who answers"
        # A drop-in, or a line that somebody finds good, would hide from the daemons who asks.
        ! grep -rq '^PrivateUsers=' "$root/usr/lib/systemd/system/$user.service" "$top/src/EstProv/systemd/drop-ins" ||
            fail "PrivateUsers= is set" "it maps the uids of who connects, and rights go by uid"
    done
}

# check_drop_ins: that systemd knows each line of the drop-ins of both trees, at the unit that their names tell; those of estprov-data are looked at with its units (layer.sh).
check_drop_ins() {
    local root=$out/units file name said
    local -a placed=()
    while IFS= read -r file; do
        name=$(basename "$file")
        case $name in
        certd-*) name=estprov-certd.service.d/$name ;;
        identityd-*) name=estprov-identityd.service.d/$name ;;
        *) name=estprov-keyd.service.d/$name ;;
        esac
        install -D -m 0644 "$file" "$root/etc/systemd/system/$name"
        placed+=("$name")
    done < <(grep -rlE --include='*.conf' '^\[(Unit|Service)\]' "$top/src/EstProv/systemd/drop-ins" "$top/meta-estprov" | grep -v /estprov-data/)
    # What they start besides the daemons.
    install -D -m 0755 /bin/true "$root/bin/mkdir"
    [ ${#placed[@]} -gt 3 ] || fail "there are no drop-ins" "src/EstProv/systemd/drop-ins"
    said=$(systemd-analyze --root="$root" --recursive-errors=no verify estprov-{keyd,certd,identityd}.service 2>&1 | grep -F estprov) || true
    [ -z "$said" ] || fail "systemd finds fault with the units and their drop-ins: $said" "systemd.unit(5)"
    # Each is on its own where exposure is judged.
    rm -rf "$root"/etc/systemd/system/*.d
}

# exposure_at_most TENTHS DAEMON [DROP-IN]
exposure_at_most() {
    local root=$out/units unit=estprov-$2.service folder
    folder=$root/etc/systemd/system/$unit.d
    rm -rf "$folder"
    if [ $# = 3 ]; then install -D -m 0644 "$top/src/EstProv/systemd/drop-ins/$3.conf" "$folder/$3.conf"; fi
    # An unknown assignment is a warning there, and would count as not set.
    systemd-analyze security --root="$root" --offline=true --no-pager --threshold="$1" "$unit" >"$root/security" 2>&1 ||
        { grep '✗' "$root/security" >&2 && fail "$unit${3:+ with $3} is exposed more than $1 tenths: $(tail -n 1 "$root/security")" "systemd-analyze security; the lines above are what counts"; }
    printf '%-28s %-22s %s\n' "$unit" "${3:-}" "$(sed -n 's/.*Overall exposure level for [^:]*: \([0-9.]*\).*/\1/p' "$root/security")"
}
