# bash completion for estprov; made of its commands by tests/Cli/Pages
_estprov() {
    local cur=${COMP_WORDS[COMP_CWORD]-} words
    case "${COMP_WORDS[1]-} ${COMP_WORDS[2]-}" in
    "status "*) words="--json --watch --runtime-dir --help" ;;
    "check "*) words="--offline --explain-issuance --json --dir --runtime-dir --help" ;;
    "provision "*) words="--wait --timeout --runtime-dir --help" ;;
    "reprovision "*) words="--runtime-dir --help" ;;
    "renew "*) words="--now --wait --runtime-dir --help" ;;
    "cert list"*) words="--runtime-dir --help" ;;
    "cert show"*) words="--pem --runtime-dir --help" ;;
    "cert export"*) words="--runtime-dir --help" ;;
    "cert import"*) words="--runtime-dir --help" ;;
    "cert delete"*) words="--yes --runtime-dir --help" ;;
    "key list"*) words="--runtime-dir --help" ;;
    "key show"*) words="--runtime-dir --help" ;;
    "key reference"*) words="--socket --no-check --runtime-dir --help" ;;
    "token selftest"*) words="--config --config-dir --help" ;;
    "bootstrap create"*) words="--id --subject --algorithm --self-signed --days --out --dir --runtime-dir --help" ;;
    "bootstrap install"*) words="--id --dir --runtime-dir --help" ;;
    "est cacerts"*) words="--url --ca --fingerprint --cert --key --user --password-file --digest --proxy --runtime-dir --out --help" ;;
    "est csrattrs"*) words="--url --ca --fingerprint --cert --key --user --password-file --digest --proxy --runtime-dir --out --help" ;;
    "est enroll"*) words="--url --ca --fingerprint --cert --key --user --password-file --digest --proxy --runtime-dir --out --csr --help" ;;
    "est reenroll"*) words="--url --ca --fingerprint --cert --key --user --password-file --digest --proxy --runtime-dir --out --csr --help" ;;
    "est serverkeygen"*) words="--url --ca --fingerprint --cert --key --user --password-file --digest --proxy --runtime-dir --out --subject --key-out --encrypt --help" ;;
    "config check"*) words="--dir --help" ;;
    "config show"*) words="--dir --help" ;;
    "config reference"*) words="--help" ;;
    "config import-azure"*) words="--out --help" ;;
    "logs "*) words="--follow --lines --help" ;;
    "support-bundle "*) words="--dir --runtime-dir --help" ;;
    "distrust "*) words="--over --force --undo --runtime-dir --help" ;;
    "distrusted "*) words="--runtime-dir --help" ;;
    "rescue "*) words="--user --password-file --wait --runtime-dir --help" ;;
    "factory-reset "*) words="--yes --runtime-dir --help" ;;
    "cert "*) words="list show export import delete" ;;
    "key "*) words="list show reference" ;;
    "token "*) words="selftest" ;;
    "bootstrap "*) words="create install" ;;
    "est "*) words="cacerts csrattrs enroll reenroll serverkeygen" ;;
    "config "*) words="check show reference import-azure" ;;
    *) words="status check provision reprovision renew cert key token bootstrap est config logs support-bundle distrust distrusted rescue factory-reset --help --version" ;;
    esac
    ((COMP_CWORD > 1)) || words="status check provision reprovision renew cert key token bootstrap est config logs support-bundle distrust distrusted rescue factory-reset --help --version"
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}
complete -o default -F _estprov estprov
