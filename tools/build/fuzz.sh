# shellcheck shell=bash disable=SC2154 # top and out are build.sh's
# Fuzzing of everything that reads what others wrote. What is found goes to out/fuzz/TARGET; the corpora to begin with are in tests/Fuzz/corpora, and every
# test run replays them.

fuzz_targets=(http json uri toml)

# run_fuzz [SECONDS] [TARGET]
run_fuzz() {
    local seconds=${1:-60} only=${2:-} target seed status=0
    local -a targets=("${fuzz_targets[@]}")
    [[ $seconds =~ ^[1-9][0-9]*$ ]] || fail "'$seconds' is no number of seconds" "./build.sh fuzz [SECONDS] [TARGET]"
    if [ -n "$only" ]; then
        [[ " ${fuzz_targets[*]} " == *" $only "* ]] || fail "there is no fuzz target '$only'" "the targets are ${fuzz_targets[*]}"
        targets=("$only")
    fi
    need_dotnet
    say "build, and have the branches counted"
    dotnet build "$top/tools/fuzz/EstProv.Fuzz.csproj" -c Release -v quiet --nologo
    local built=$top/tools/fuzz/bin/Release/net10.0
    rm -rf "$out/fuzz/bin"
    mkdir -p "$out/fuzz"
    cp -r "$built" "$out/fuzz/bin"
    dotnet "$built/EstProv.Fuzz.dll" instrument "$out"/fuzz/bin/EstProv.{LocalApi,Keys,Configuration,Certificates,Identity,Platform}.dll "$out/fuzz/bin/Tomlyn.dll"
    # FUZZ_SEED repeats an earlier run, as far as a target's own threads allow.
    seed=${FUZZ_SEED:-$(date +%s)}
    for target in "${targets[@]}"; do
        say "fuzz $target for $seconds s"
        mkdir -p "$out/fuzz/$target"
        dotnet "$out/fuzz/bin/EstProv.Fuzz.dll" run "$target" "$seconds" "$seed" "$top/tests/Fuzz/corpora/$target" "$out/fuzz/$target" || status=$?
    done
    [ "$status" = 0 ] || fail "something was found, or the fuzzer died; the inputs are in $out/fuzz" "repair it, and put the input into tests/Fuzz/corpora"
}
