# shellcheck shell=bash disable=SC2094,SC1003 # a page's name is only told while it is read; a backslash is meant
# Reads a page and does what it says: writes the files of its blocks, types their commands, and holds what comes against what the page shows.
# Sourced. The page's shell is this one, so that a variable or a folder that a command sets is there for the next.

page_passed=0 page_failed=0

# page_pattern TEXT: TEXT as a pattern of bash, in which … is anything, over several lines too.
page_pattern() {
    sed -e 's/[][*?\\]/\\&/g' -e 's/…/*/g' <<<"$1"
}

# page_command PAGE LINE COMMAND SHOWN: SHOWN is what the page has below the command; [exit N] as its last line where that is not 0.
page_command() {
    local page=$1 line=$2 command=$3 shown=$4 status=0 expected=0 got
    if [[ $shown =~ (^|$'\n')\[exit\ ([0-9]+)\]$ ]]; then
        expected=${BASH_REMATCH[2]}
        shown=${shown%"${BASH_REMATCH[0]}"}
    fi
    # No command of a page may wait for somebody who types.
    { eval "$command" || status=$?; } >"$page_folder/got" 2>&1 </dev/null
    # Blank lines at the end are nobody's concern.
    got=$(sed -e 's/[[:space:]]*$//' "$page_folder/got")
    {
        printf '# %s\n' "$command"
        [ -z "$got" ] || printf '%s\n' "$got"
        [ "$status" = 0 ] || printf '[exit %s]\n' "$status"
    } >>"$page_folder/typed"
    # shellcheck disable=SC2053 # a pattern it is
    if [ "$status" = "$expected" ] && [[ $got == $(page_pattern "$shown") ]]; then
        page_passed=$((page_passed + 1))
        printf 'ok: %s:%s: %s\n' "$page" "$line" "${command%%$'\n'*}"
    else
        page_failed=$((page_failed + 1))
        printf 'FAILED: %s:%s: %s\n   exit %s, the page says %s\n-- the page shows\n%s\n-- it was\n%s\n--\n' "$page" "$line" "$command" "$status" "$expected" "$shown" "$got"
    fi
}

# page_file PATH TEXT: as the page shows it; owner and mode are those that the folder's others have.
page_file() {
    mkdir -p "$(dirname "$1")"
    printf '%s' "$2" >"$1"
    printf '== %s\n' "$1" >>"$page_folder/typed"
}

# run_page PAGE FOLDER: all blocks marked `guide`, in order. After the first failure the rest is not tried: it stands on what went before.
run_page() {
    local page=$1 line=0 number=0 text inside="" target="" body="" command="" shown=""
    page_folder=$2
    : >"$page_folder/typed"
    while IFS= read -r text || [ -n "$text" ]; do
        line=$((line + 1))
        case $inside in
        "")
            # ```console guide, or ```toml guide /a/file
            if [[ $text =~ ^\`\`\`[a-z]+\ guide(\ (/.*))?$ ]]; then
                target=${BASH_REMATCH[2]:-}
                inside=${target:+file}
                inside=${inside:-commands}
                body="" command="" shown=""
            fi
            continue
            ;;
        file)
            if [ "$text" = '```' ]; then
                page_file "$target" "$body"
                inside=""
            else
                body+=$text$'\n'
            fi
            continue
            ;;
        esac
        if [[ $text = '# '* || $text = '```' ]]; then
            [ -z "$command" ] || page_command "$page" "$number" "$command" "$shown"
            [ "$page_failed" = 0 ] || return 1
            command="" shown=""
            if [ "$text" = '```' ]; then inside=""; else command=${text#\# } number=$line; fi
        elif [[ -n $command && -z $shown && $command = *'\' ]]; then
            command+=$'\n'$text
        else
            [ -n "$command" ] || {
                page_failed=$((page_failed + 1))
                printf 'FAILED: %s:%s: no command is above this line\n' "$page" "$line"
                return 1
            }
            shown+=${shown:+$'\n'}$text
        fi
    done <"$page"
    if [ -n "$inside" ] || [ "$page_passed" = 0 ]; then
        page_failed=$((page_failed + 1))
        printf 'FAILED: %s: %s\n' "$page" "${inside:+a block has no end}${inside:-nothing in it is marked guide}"
        return 1
    fi
}
