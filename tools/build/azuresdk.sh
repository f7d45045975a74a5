# shellcheck shell=bash disable=SC2154 # top and out are build.sh's
# Azure's device SDK for Node, which the tests in tests/AzureSdk run against the simulator. A test dependency only; nothing of it ships.

# prepare_azure_sdk: npm's packages as tests/AzureSdk/sdk pins them, in out/azure-sdk. Where they cannot be had the tests say so, and are skipped.
prepare_azure_sdk() {
    local from=$top/tests/AzureSdk/sdk to=$out/azure-sdk
    export ESTPROV_AZURE_SDK=$to/node_modules
    if ! command -v node >/dev/null || ! command -v npm >/dev/null; then need_packages nodejs npm; fi
    ! cmp -s "$from/package-lock.json" "$to/installed" || return 0
    say "install Azure's device SDK from npm"
    rm -rf "$to"
    mkdir -p "$to"
    cp "$from/package.json" "$from/package-lock.json" "$to/"
    # No script of a package runs: none of those here needs any.
    if npm ci --prefix "$to" --ignore-scripts --no-audit --no-fund --loglevel=error; then
        cp "$to/package-lock.json" "$to/installed"
    else
        printf 'error: the SDK cannot be had from npm\nhint: look above; registry, proxies and keys are those of this machine'\''s npm\n' >&2
        rm -rf "$to"
    fi
}
