# shellcheck shell=bash disable=SC2154 # top and out are build.sh's
# A million devices, and one: what the renewal policy does to an EST server over three years, and what three years leave behind on a device.

run_fleet() {
    local seed=${1:-1} status=0
    [[ $# -le 1 && $seed =~ ^[0-9]{1,9}$ ]] || fail "fleet takes a seed" "./build.sh fleet [SEED]; 1 when it is left out"
    need_dotnet
    need_packages softhsm2 opensc libssl-dev pkg-config gcc make
    say "build"
    dotnet build "$top/tools/fleet/EstProv.Fleet.csproj" -c Release -v quiet --nologo
    dotnet build "$top/tests/Certificates/EstProv.Certificates.Tests.csproj" -c Release -v quiet --nologo
    say "a fleet over three years, by the product's own policy"
    dotnet "$top/tools/fleet/bin/Release/net10.0/EstProv.Fleet.dll" "$out/fleet" "$seed" || status=$?
    say "one device over three years, with token, TLS and EST server"
    ESTPROV_SOAK_DAYS=1095 dotnet run --project "$top/tests/Certificates" -c Release --no-build -- --filter FullyQualifiedName~SoakTests || status=$?
    [ "$status" = 0 ] || fail "a bound is broken" "see above"
}
