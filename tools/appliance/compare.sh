#!/usr/bin/env bash
# Whether a root made by root.sh has what our recipes' packages have (tools/yocto/packages.txt): each path with its mode, owner and link, and nothing beside them in our
# own places. usage: compare.sh ROOT PACKAGES.TXT, as root
set -euo pipefail

readonly root=$1 list=$2
faults=0

# Options of that build which this root is made without, and presets, which oe-core's class writes there and the archive brings here.
passed_over='/50-(device-node|host-addresses)\.conf$|\.preset$'
# What root.sh has from elsewhere: the run's own configuration.
own='/50-appliance\.toml$'

expected=$(awk '/^package / { ours = $2 ~ /^(estprov|estprov-config|estprov-data|estprov-pkcs11-softhsm)$/ } ours && /^[-dl][-rwx]+ / { print }' "$list" |
    awk -v passed="$passed_over" '$3 !~ passed' | sort -u)
[ -n "$expected" ] || { printf 'error: %s has none of the packages\nhint: tools/yocto/try.sh writes it\n' "$list" >&2 && exit 1; }

# The names that this root has for its numbers.
declare -A users groups
while IFS=: read -r name _ number _; do users[$number]=$name; done <"$root/etc/passwd"
while IFS=: read -r name _ number _; do groups[$number]=$name; done <"$root/etc/group"

# describe PATH: as packages.txt has it.
describe() {
    local mode user group name=$1
    read -r mode user group < <(stat -c '%A %u %g' "$root$1")
    [[ $mode != d* ]] || name=${name%/}/
    printf '%s %s/%s %s' "$mode" "${users[$user]:-$user}" "${groups[$group]:-$group}" "$name"
    [[ $mode != l* ]] || printf ' -> %s' "$(readlink "$root$1")"
}

while IFS= read -r line; do
    path=$(cut -d' ' -f3 <<<"$line")
    if [ ! -e "$root$path" ] && [ ! -L "$root$path" ]; then
        found="no $path"
    else
        found=$(describe "${path%/}")
    fi
    [ "$found" = "$line" ] || { printf 'the packages have %s; the root has %s\n' "$line" "$found" >&2 && faults=$((faults + 1)); }
done <<<"$expected"

while IFS= read -r path; do
    [[ ! $path =~ $own ]] || continue
    grep -qE "^[^ ]+ [^ ]+ $path/?( |$)" <<<"$expected" || { printf 'the root has %s, which is in no package\n' "$path" >&2 && faults=$((faults + 1)); }
done < <(cd "$root" && find etc/estprov usr/libexec/estprov usr/lib/tmpfiles.d/estprov* usr/lib/systemd/system \
    \( -path 'usr/lib/systemd/system/*' ! -path '*/estprov-*' ! -name 'data.mount' ! -name 'var-*.mount' -prune \) -o ! -type d -printf '/%p\n')

[ "$faults" = 0 ] || { printf 'error: the appliance and the packages differ in %s places\nhint: root.sh has to do what the recipes do; packages.txt is what they did last\n' "$faults" >&2 && exit 1; }
