# shellcheck shell=bash disable=SC2154 # here and back are machine.sh's, page_* page.sh's
# On the device that the guide has made: what all pages tell in passing to type. A command that fails has to say why in two lines; one that is
# named without its arguments has to have a help.

pages=${here%/*/*}
: >"$back/spans"

# try_spans: what stands between backticks or in an indented block, and begins with a program that a reader has on the device.
try_spans() {
    local text command status got
    while IFS=: read -r page text; do
        command=$(put_in "$text")
        status=0
        got=$(timeout 60 bash -c "$command" 2>&1 </dev/null) || status=$?
        printf '# %s\n%s\n[exit %s]\n' "$command" "$got" "$status" >>"$back/spans"
        if is_in_order "$command" "$status" "$got"; then
            page_passed=$((page_passed + 1))
            printf 'ok: %s: %s\n' "$page" "$text"
        else
            page_failed=$((page_failed + 1))
            printf 'FAILED: %s: %s\n   as %s: exit %s\n%s\n' "$page" "$text" "$command" "$status" "$got"
        fi
    done < <(spans)
}

spans() {
    local file
    while IFS= read -r file; do
        {
            # shellcheck disable=SC2016 # backticks of Markdown
            grep -oE '`(estprov|openssl|p11tool|pkcs11-tool|chown|systemctl|systemd-tmpfiles|/usr/libexec/estprov/estprov-[a-z]+) [^`]+`' "$file" | tr -d '`' || true
            # The indented blocks, in which a comment is set off.
            sed -n -E 's/^    ((estprov|openssl|p11tool|ssh-keygen|pkcs11-tool|\/usr\/libexec\/estprov\/estprov-[a-z]+) .*)/\1/p' "$file" | sed -E 's/ {2,}.*//'
        } | sed "s|^|${file#"$pages"/}:|"
    done < <(find "$pages" -name '*.md' -not -path '*/out/*' -not -path '*/bin/*' -not -path '*/obj/*' | sort) | sort -u -t: -k2 | grep -vE "$elsewhere"
}

# What needs more than this device, and is done in another suite: tools/programs has curl, cms and the simulator's own commands; the PKCS#11
# tools write to a token here, which the guide has done; the rest is named without its arguments, or is a line of a file.
readonly elsewhere='curl |openssl cms|openssl x509$|--init-|systemctl disable --now$|estprov COMMAND$|estprov = '

# put_in TEXT: what a reader puts in for the words in capitals, `…` and `|`.
put_in() {
    sed -E -e 's/ hub:8883/ hub.example.com:443/' -e 's/ID\.cert/device.pem/' -e 's/\bID\b/device-id/g' -e 's/\bFILE\b/made-up.file/g' -e 's/\bNAME\b/device/g' \
        -e "s/\bISSUER\b/'CN=Nobody'/" -e 's/\bCOMMAND\b/status/' -e 's/(est cacerts)\|[a-z|]+/\1/' <<<"$1"
}

is_in_order() {
    case $2 in
    0) true ;;
    64) [[ $3 = *"there is '"* ]] || eval "$1 --help" >/dev/null 2>&1 </dev/null ;;
    *) [ "$2" -lt 64 ] && [[ $1 = estprov* && $3 = *error:*$'\n'*hint:* ]] ;;
    esac
}

# Whoever uses the device's key by its programs has to be admitted.
printf '[[principal]]\nuser = "root"\nkeys = ["device-id"]\nrights = ["use"]\n' >/etc/estprov/keyd.d/90-bench.toml
printf '[[principal]]\nuser = "root"\ncerts = ["device-id"]\n' >/etc/estprov/certd.d/90-bench.toml
# The unit's drop-in has it; --check is run by hand.
export SOFTHSM2_CONF=/etc/estprov/softhsm2.conf
for _ in $(seq 50); do
    ! estprov key list 2>/dev/null | grep -q device-id || break
    sleep 0.1
done
estprov cert export device-id device.pem
try_spans
