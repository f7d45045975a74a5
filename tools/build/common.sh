# shellcheck shell=bash disable=SC2154 # top and out are build.sh's
# What the commands of build.sh share.

export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 DOTNET_CLI_WORKLOAD_UPDATE_NOTIFY_DISABLE=true DOTNET_GENERATE_ASPNET_CERTIFICATE=false
export MSBUILDDISABLENODEREUSE=1

out=$top/out
readonly out

say() { printf '\033[1m== %s\033[0m\n' "$*" | if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then cat; else sed 's/\x1b\[[0-9;]*m//g'; fi; }

# fail WHAT [HINT]: the two lines of every error, and the end.
fail() {
    printf 'error: %s\n' "$1" >&2
    [ -z "${2:-}" ] || printf 'hint: %s\n' "$2" >&2
    exit 1
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        command -v sudo >/dev/null || fail "'$*' needs root" "run as root, or install sudo"
        sudo "$@"
    fi
}

# need_packages PACKAGE ...: Debian packages that are missing are installed.
need_packages() {
    local missing=() package
    for package in "$@"; do
        dpkg-query -W -f='${db:Status-Abbrev}' "$package" 2>/dev/null | grep -q '^ii' || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    say "install ${missing[*]}"
    command -v apt-get >/dev/null || fail "these Debian packages are missing: ${missing[*]}" "install them by the means of your system"
    as_root apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

need_dotnet() {
    command -v dotnet >/dev/null || fail "there is no dotnet on the PATH" "install the .NET SDK that global.json names"
    (cd "$top" && dotnet --version >/dev/null 2>&1) || fail "no installed .NET SDK fits global.json" "install version 10.0.4xx"
}

# publish: the executable with native AOT into out/publish, the provider into out/native.
publish() {
    need_dotnet
    need_packages gcc make clang zlib1g-dev libssl-dev libssl3
    say "publish the executable (native AOT)"
    dotnet publish "$top/src/EstProv/EstProv.csproj" -c Release -r linux-x64 -o "$out/publish" -v quiet --nologo
    say "build the C parts"
    make -s -C "$top/native" O="$out/native" all
}
