# shellcheck shell=bash disable=SC2154 # top and out are build.sh's
# The device's binaries, made on x86-64: executable by ILC and clang, C parts by Debian's cross compiler. Then the key, EST and provisioning suites with them, under
# qemu, on an arm64 SoftHSM2 that is unpacked into out/ and never installed.

arm64_host_packages=(clang lld gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user-static jq xz-utils git make softhsm2 opensc gnutls-bin openssl)
# What the device has: libc and OpenSSL to run with, OpenSSL's headers to build with.
arm64_packages=(libc6 libssl3 libssl-dev libstdc++6 libsofthsm2)

# fetch_arm64: those packages, unpacked into out/arm64/root.
fetch_arm64() {
    local root=$out/arm64/root apt=$out/arm64/apt mirror suite
    local -a apt_options
    [ ! -s "$root.packages" ] || [ "$(cat "$root.packages")" != "${arm64_packages[*]}" ] || return 0
    # shellcheck source=tools/build/debian.sh
    . "$top/tools/build/debian.sh"
    say "fetch ${arm64_packages[*]} for arm64"
    begin_arm64_apt "$apt"
    rm -rf "$root" "$root.packages"
    mkdir -p "$root"/usr/lib
    apt-get "${apt_options[@]}" install -y --no-install-recommends --download-only "${arm64_packages[@]}" >/dev/null || fail "the packages cannot be had from $mirror" "look above"
    ln -sfn usr/lib "$root/lib"
    unpack_packages "$apt/archives" "$root"
    rm -rf "$apt"
    printf '%s\n' "${arm64_packages[*]}" >"$root.packages"
}

# publish_arm64: into out/arm64/publish; the C parts into out/arm64/native.
publish_arm64() {
    need_dotnet
    say "publish the executable for arm64"
    # Clang takes the --target= that the SDK gives; the compiler's own linker script and objects are those of Debian's cross compiler.
    dotnet publish "$top/src/EstProv/EstProv.csproj" -c Release -r linux-arm64 -o "$out/arm64/publish" -v quiet --nologo \
        -p:LinkerFlavor=lld -p:ObjCopyName=aarch64-linux-gnu-objcopy
    say "build the C parts for arm64"
    # Debian's linker for arm64 fills each file up to the next 64 KB before what is written; LLVM's does not. The compiler finds it in a folder of its own.
    mkdir -p "$out/arm64/tools"
    ln -sfn "$(command -v ld.lld)" "$out/arm64/tools/ld.lld"
    # Ours before Debian's own headers of x86-64; the library by its name, since no pkg-config of this machine knows it.
    arm64_native=(O="$out/arm64/native" CC=aarch64-linux-gnu-gcc AR=aarch64-linux-gnu-ar OBJCOPY=aarch64-linux-gnu-objcopy NM=aarch64-linux-gnu-nm PKG_CONFIG=false
        "CPPFLAGS=-I$out/arm64/root/usr/include -I$out/arm64/root/usr/include/aarch64-linux-gnu"
        "CFLAGS=-O2 -g -D_FORTIFY_SOURCE=2 -ffile-prefix-map=$top=/estprov"
        "LDFLAGS=-Wl,-O1 -fuse-ld=lld -B$out/arm64/tools -L$out/arm64/root/usr/lib/aarch64-linux-gnu -Wl,-rpath-link,$out/arm64/root/usr/lib/aarch64-linux-gnu")
    make_arm64 all
}

# make_arm64 TARGET: variables of the environment, as an image's build gives them, since the Makefile adds to them.
make_arm64() { env "${arm64_native[@]}" make -s -C "$top/native" O="$out/arm64/native" "$@"; }

release_arm64() {
    export "${arm64_native[@]}"
    release_binaries arm64 "$out/arm64/publish" aarch64-linux-gnu- AArch64 O="$out/arm64/native"
    release_sources
}

# stage_arm64: a stage for the end-to-end tests, in which each program is a script that runs the arm64 one under qemu. Files that the module or libcrypto opens are looked for in
# arm64's root first, so that the same paths serve both machines' SoftHSM2; the token's files are the same for both. qemu enters each page of what a program reserves into a
# table: for the 256 GB that the collector reserves by itself that is a second and 300 MB, for the 256 MB that it gets here nothing.
stage_arm64() {
    local stage=$out/arm64/stage role
    rm -rf "$stage"
    lay_out "$stage/arm64" "$out/arm64/publish" O="$out/arm64/native"
    install -d "$stage/usr/bin" "$stage/usr/libexec/estprov" "$stage/usr/lib"
    cp -r "$stage/arm64/usr/lib/ossl-modules" "$stage/usr/lib/"
    for role in "" keyd certd identityd; do
        printf '#!/bin/sh\nDOTNET_GCRegionRange=10000000 exec qemu-aarch64-static -L %s %s %s "$@"\n' "$out/arm64/root" "$stage/arm64/usr/bin/estprov" "$role" \
            >"$stage/usr/${role:+libexec/estprov/estprov-}${role:-bin/estprov}"
    done
    chmod 0755 "$stage"/usr/bin/estprov "$stage"/usr/libexec/estprov/*
}

# test_arm64: what is run end to end as on x86-64; what runs daemons under other programs (strace, faked clocks) or replaces a process is that machine's alone.
test_arm64() {
    local log=$out/arm64/test.log
    say "key, EST and provisioning suites on arm64 under qemu"
    dotnet build "$top/tests/EndToEnd" -c Release -v quiet --nologo
    ESTPROV_STAGE=$out/arm64/stage ESTPROV_PATIENCE=6 dotnet run --project "$top/tests/EndToEnd" -c Release --no-build -- \
        --filter "FullyQualifiedName~ProvisioningTests|FullyQualifiedName~ServerFaultTests|FullyQualifiedName~TokenFaultTests|FullyQualifiedName~TokenSelfTestTests|FullyQualifiedName~OperatorTests" | tee "$log"
    grep -qE 'succeeded: [1-9]' "$log" || fail "no test has run" "the lines above"
}

# publish_twice: a clone of the commit in another folder, with a path of another length, gives the same archives. What NuGet and the compilers were given is the same.
publish_twice() {
    local clone=$out/twice/another-folder
    is_as_committed || fail "this tree has changes that are not committed" "a clone has not got them: commit first"
    say "the same once more, in another folder"
    rm -rf "$out/twice"
    mkdir -p "$clone"
    git clone -q "$top" "$clone"
    git -C "$clone" checkout -q --detach "$(git -C "$top" rev-parse HEAD)"
    mkdir -p "$clone/out/arm64"
    cp -a "$out/arm64/root" "$out/arm64/root.packages" "$clone/out/arm64/"
    "$clone/build.sh" arm64 build
    compare_archives "$archives" "$clone/out/release"
    rm -rf "$out/twice"
    say "both folders have given the same archives"
}

# compare_archives FOLDER FOLDER: of arm64, and of the C parts' source.
compare_archives() {
    local archive name folder=$1 other=$2
    for archive in "$folder"/estprov-*-linux-arm64{,-debug}.tar.xz "$folder"/estprov-native-*.tar.xz; do
        name=$(basename "$archive")
        cmp -s "$archive" "$other/$name" && continue
        rm -rf "$out/twice/a" "$out/twice/b"
        mkdir -p "$out/twice/a" "$out/twice/b"
        tar -C "$out/twice/a" -xf "$archive"
        tar -C "$out/twice/b" -xf "$other/$name"
        diff -rq "$out/twice/a" "$out/twice/b" || true
        fail "$name is another one when it is built in another folder" "the lines above say which files; both are in $out/twice"
    done
}

# run_arm64 [build|test] [--twice]
run_arm64() {
    local part=all twice="" argument
    for argument in "$@"; do
        case $argument in
        build | test)
            [ "$part" = all ] || fail "arm64 takes one of: build, test" "without it, both are done"
            part=$argument
            ;;
        --twice) twice=yes ;;
        *) fail "unknown argument '$argument' of arm64" "./build.sh arm64 [build|test] [--twice]" ;;
        esac
    done
    need_packages "${arm64_host_packages[@]}"
    # shellcheck source=tools/build/install.sh
    . "$top/tools/build/install.sh"
    # shellcheck source=tools/build/release.sh
    . "$top/tools/build/release.sh"
    fetch_arm64
    publish_arm64
    say "archives"
    checked_twice release_arm64
    [ -z "$twice" ] || publish_twice
    [ "$part" != build ] || return 0
    stage_arm64
    test_arm64
}
