# shellcheck shell=bash disable=SC2154 # top and out are build.sh's
# Fuzzing of everything that reads what others wrote. What is found goes to out/fuzz/TARGET; the corpora to begin with are in tests/Fuzz/corpora, and every
# test run replays them.

fuzz_targets=(http json uri toml)
native_fuzz_targets=(answer watch pkcs11_module provider_uri provider_pem provider_reply)

# run_fuzz [SECONDS] [TARGET]
run_fuzz() {
    local seconds=${1:-60} only=${2:-} target seed status=0
    local -a targets=("${fuzz_targets[@]}")
    [[ $seconds =~ ^[1-9][0-9]*$ ]] || fail "'$seconds' is no number of seconds" "./build.sh fuzz [SECONDS] [TARGET]"
    if [ -n "$only" ]; then
        [[ " ${fuzz_targets[*]} ${native_fuzz_targets[*]} " == *" $only "* ]] ||
            fail "there is no fuzz target '$only'" "the targets are ${fuzz_targets[*]} ${native_fuzz_targets[*]}"
        targets=("$only")
    fi
    fuzz_native "$seconds" "$only" || status=$?
    if [[ -n $only && " ${native_fuzz_targets[*]} " == *" $only "* ]]; then
        [ "$status" = 0 ] || fail "something was found; the input is in $out/fuzz/$only" "repair it, and put the input into native/fuzz/corpora"
        return
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
    [ "$status" = 0 ] || fail "something was found, or the fuzzer died; the inputs are in $out/fuzz" "repair it, and put the input into the corpora (native/fuzz, tests/Fuzz)"
}

# fuzz_native SECONDS [TARGET]: what C reads from daemons, and what the provider reads from files and arguments. With libFuzzer where clang
# has it, else by native/fuzz/drive.c.
fuzz_native() {
    local seconds=$1 only=$2 target fuzzer=drive folder status=0
    need_packages gcc make libssl-dev pkg-config
    if printf 'int LLVMFuzzerTestOneInput(const char *d, unsigned long n) { return d != 0 && n > 99; }' |
        clang -fsanitize=fuzzer,address -x c - -o /dev/null 2>/dev/null; then fuzzer=libfuzzer; fi
    say "build the native fuzzers ($fuzzer)"
    make -s -C "$top/native" O="$out/native" FUZZER=$fuzzer fuzzers
    for target in "${native_fuzz_targets[@]}"; do
        [[ -z $only || $only == "$target" ]] || continue
        say "fuzz $target for $seconds s"
        folder=$out/fuzz/$target
        mkdir -p "$folder"
        if [ $fuzzer = libfuzzer ]; then
            "$out/native/fuzz-$fuzzer/$target" -max_total_time="$seconds" -max_len=8192 -timeout=20 -print_final_stats=1 -artifact_prefix="$folder/" \
                "$folder" "$top/native/fuzz/corpora/$target" || status=$?
        else
            "$out/native/fuzz-$fuzzer/$target" "$top/native/fuzz/corpora/$target" "$seconds" "$folder" || status=$?
        fi
    done
    return "$status"
}
