#!/usr/bin/env bash
# The one door to this tree. Every command installs what it needs, says what it does, and can be repeated.
set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly top
# shellcheck source=tools/build/common.sh
. "$top/tools/build/common.sh"

usage() {
    cat <<'EOF'
usage: ./build.sh COMMAND

  demo [--way W] [--keep]   build, then provision a device end to end in a network and mount namespace of its own,
                            four ways: single-url, url-per-certificate, local-mint, preloaded-est-id
  test [NAME ...]           build with all warnings as errors, then every test (or the named folders of tests/)
  interop [PEER ...]        against other people's EST software out of Debian's packages: libest, strongSwan, BouncyCastle
  programs                  openssl, curl, nginx, Python, unmodified, with keys that keyd keeps: this Debian's and trixie's
  openssl4                  the provider and its tests against OpenSSL 4, which Debian has in its experimental suite
  bench [PART]              publish, then print speed, memory, size and round trips beside the budgets: device, identity,
                            keys, native (tools/bench)
  fuzz [SECONDS] [TARGET]   fuzz the readers of http, json, uri, toml, and the native ones: answer, watch, pkcs11_module,
                            provider_uri, provider_pem, provider_reply (60 s each), guided by coverage
  crash [ARGUMENT ...]      cut the power at every call that writes, and see whether the device goes on (tools/crash)
  fleet [SEED]              a million devices over three years in virtual time, and one with all its parts; the bounds of
                            the renewal policy
  guides [PAGE ...]         do the guides as they are written, each on a machine of its own (tools/guides)
  systemd                   under a real systemd in namespaces: the units, users and credential that ship (tools/systemd)
  arm64 [build] [--twice]   cross-compile, make the archives that an image's build takes (out/release), and test them;
                            with build that is all, with --twice once more in another folder, and the same must come out
  appliance [--before A]    an arm64 device boots, provisions itself, loses power and changes its root (tools/appliance)
  release                   the same archives for x86-64
  lint                      formatting, shellcheck, systemd units, the Yocto layer
  install DESTDIR           publish and lay out what ships under DESTDIR (LIBDIR=/usr/lib by default)
  clean                     remove what was built
EOF
}

command=${1:-}
[ $# -gt 0 ] && shift
case $command in
demo | test | interop | programs | openssl4 | bench | fuzz | crash | fleet | guides | systemd | arm64 | appliance | release | lint | install)
    # shellcheck source=/dev/null
    . "$top/tools/build/$command.sh"
    "run_$command" "$@"
    ;;
clean)
    rm -rf "$top/out"
    find "$top/src" "$top/tests" "$top/tools" -type d \( -name bin -o -name obj \) -prune -exec rm -rf {} +
    ;;
-h | --help | help)
    usage
    ;;
*)
    usage >&2
    [ -z "$command" ] || fail "unknown command '$command'" "one of the commands above"
    exit 64
    ;;
esac
