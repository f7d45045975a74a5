#!/bin/sh
# systemd deletes credential.secret as soon as it is asked for it under another machine id than the one it was made for, and what was encrypted with it is lost:
# the token's PIN, and with it the device. So the id is looked at before anybody asks. usage: machine-id FILE-OF-THE-ID FOLDER-OF-THE-SECRET
set -eu
current=$(cat "$1")
known=$2/estprov-machine-id
[ ! -e "$known" ] || [ "$current" != "$(cat "$known")" ] || exit 0

# As long as there is no secret, nothing is bound to an id.
if [ ! -e "$2/credential.secret" ] || [ ! -s "$known" ]; then
    printf '%s\n' "$current" >"$known.new"
    sync
    mv "$known.new" "$known"
    sync
    exit 0
fi
echo "error: the machine id is not the one that $2/credential.secret was made for, and systemd would delete that file" >&2
echo "hint: give this device its id at each boot: systemd.machine_id=$(cat "$known") on the kernel's command line" >&2
exit 1
