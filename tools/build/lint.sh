# shellcheck shell=bash disable=SC2154 # top and out are build.sh's

# list_scripts: by name, and what a shell is named for in the first line.
list_scripts() {
    {
        git ls-files '*.sh'
        git ls-files ':!*.sh' | xargs -d '\n' awk 'FNR == 1 { if (/^#! *\/(usr\/)?bin\/(env )?(ba|da)?sh( |$)/) print FILENAME; nextfile }'
    } | sort -u
}

run_lint() {
    need_dotnet
    need_packages shellcheck clang-format git systemd
    say "shellcheck"
    (cd "$top" && list_scripts | xargs shellcheck -x)
    say "formatting of C# and C"
    dotnet format whitespace "$top/EstProv.sln" --verify-no-changes --no-restore -v quiet
    (cd "$top" && git ls-files '*.c' '*.h' | xargs -r clang-format --dry-run -Werror --style=file)
    say "clang-tidy and cppcheck"
    need_packages clang-tidy cppcheck libssl-dev make
    mkdir -p "$out/native"
    make -s -C "$top/native" O="$out/native" analyze
    say "words that do not belong"
    if (cd "$top" && git grep -nE '\b(TODO|FIXME|XXX|HACK)\b' -- src native tools tests meta-estprov build.sh ':!tools/build/lint.sh' ':!.editorconfig'); then
        fail "unfinished work is marked in the tree" "finish it, or say in prose what is not offered"
    fi
    say "log messages take references"
    # A value type as a parameter has all of the logging compiled once more for it: 10 KB on the device.
    if (cd "$top" && git grep -nE 'static partial void .*ILogger logger.*[ (](bool|int|uint|long|ulong|double|DateTimeOffset|TimeSpan|[A-Za-z]+State) [a-z]+[,)]' -- src); then
        fail "a log message takes a value type" "declare the parameter as object: it is boxed, and its format stays"
    fi
    say "tests that pages name"
    local name
    # shellcheck disable=SC2016 # those are Markdown's
    grep -oE '`([A-Z][A-Za-z0-9]*_[A-Za-z0-9_]+|(keyd|certd|identityd)-[a-z-]+)`' "$top/src/EstProv/FAILURES.md" | tr -d '`' | grep '[a-z]' | sort -u | while read -r name; do
        if (cd "$top" && ! git grep -qE "(void|Task) $name\(" -- tests) && [ ! -f "$top/tests/Configuration/Cases/$name.txt" ]; then
            fail "src/EstProv/FAILURES.md names a test that does not exist: $name" "was it renamed? name the one that shows the same"
        fi
    done
    say "systemd units"
    # shellcheck source=tools/build/units.sh
    . "$top/tools/build/units.sh"
    check_units
    say "Yocto layer"
    need_packages python3-yaml
    # shellcheck source=tools/build/layer.sh
    . "$top/tools/build/layer.sh"
    # shellcheck source=tools/build/release.sh
    . "$top/tools/build/release.sh"
    check_layer
    # Where none was made there is none to look at; ./build.sh test makes one.
    if compgen -G "$archives/estprov-*-linux-*.tar.xz" >/dev/null; then check_release; fi
}
