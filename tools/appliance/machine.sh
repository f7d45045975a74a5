# shellcheck shell=bash disable=SC2034,SC2154 # what run.sh has set, and what it reads
# The machine of the run: qemu, and how it is asked.

machine_process=""

# fail WHAT HINT: with what the machine said last.
fail() {
    printf 'error: %s\nhint: %s\n' "$1" "$2" >&2
    if [ -n "$machine_process" ] && [ -z "${failing:-}" ]; then
        failing=yes
        printf '\nthe device says:\n' >&2
        ask 60 'journalctl --no-pager -o short-monotonic -u "estprov-*" -u "*.mount" | tail -n 60; systemctl --no-pager --failed' >&2 || true
    fi
    printf '\nconsole:\n' >&2
    tail -n 20 "$work/console.log" 2>/dev/null >&2 || true
    exit 1
}

# power_on ROOT [KERNEL-WORD...]: of root a or b. The boot loader of a device names the root and the machine's id.
power_on() {
    local root=$1
    shift
    [ -z "$machine_process" ] || fail "the machine is on already" "power_off first"
    powered=$EPOCHREALTIME
    # Only the loopback of this namespace is behind 10.0.2.2, where the simulator listens.
    qemu-system-aarch64 -M virt -cpu cortex-a57 -smp 2 -m 1024 -accel tcg,thread=multi -display none -monitor none -no-reboot -serial "file:$work/console.log" \
        -kernel "$kernel/vmlinuz" -initrd "$kernel/initrd.gz" \
        -append "console=ttyAMA0 quiet ro panic=-1 root=/dev/vd$root systemd.machine_id=$machine_id $*" \
        -drive "file=$work/root-a.ext4,format=raw,if=none,id=a,readonly=on" -device virtio-blk-pci,drive=a \
        -drive "file=$work/root-b.ext4,format=raw,if=none,id=b,readonly=on" -device virtio-blk-pci,drive=b \
        -drive "file=$work/data.ext4,format=raw,if=none,id=c" -device virtio-blk-pci,drive=c \
        -netdev user,id=n,ipv6=off,hostfwd=tcp:127.0.0.1:2222-:2222 -device virtio-net-pci,netdev=n,romfile= -device virtio-rng-pci \
        >>"$work/qemu.log" 2>&1 &
    machine_process=$!
    local until=$((SECONDS + 300))
    until ask 5 true >/dev/null 2>&1; do
        kill -0 "$machine_process" 2>/dev/null || { machine_process="" && fail "qemu has ended" "$(tail -n 3 "$work/qemu.log")"; }
        [ "$SECONDS" -lt "$until" ] || fail "the device does not come up within 300 s" "see its console"
        sleep 0.2
    done
}

# power_off: as the operator does it.
power_off() {
    # The answer may be cut off by what was asked for.
    ask 20 'systemctl --no-block poweroff' >/dev/null || true
    timeout 120 tail --pid="$machine_process" -f /dev/null || fail "the device is not off after 120 s" "see its console"
    wait "$machine_process" || true
    machine_process=""
}

# cut_power: nothing that the device had not told its disk to keep is kept.
cut_power() {
    kill -KILL "$machine_process"
    wait "$machine_process" 2>/dev/null || true
    machine_process=""
}

# ask SECONDS SCRIPT: has bash run it on the device, as root; its output and exit status.
ask() {
    local answer status
    # shellcheck disable=SC2016 # the inner shell's variables
    answer=$(timeout "$1" bash -c 'exec 3<>/dev/tcp/127.0.0.1/2222 && printf "(\nset -e\n%s\n) </dev/null\nprintf \"\\nstatus=%%s\\n\" \$?\nexit\n" "$1" >&3 && cat <&3' _ "$2" 2>/dev/null) || true
    status=${answer##*$'\n'status=}
    if [[ ! $status =~ ^[0-9]+$ ]]; then
        printf '%s\n(no end within %s s)\n' "$answer" "$1"
        return 125
    fi
    printf '%s\n' "${answer%$'\n'status=*}"
    return "$status"
}
