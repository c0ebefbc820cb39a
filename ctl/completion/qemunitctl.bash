# SPDX-License-Identifier: MIT
# bash completion for qemunitctl(1). Which commands there are, and what each takes, is in its --help.

# _qemunitctl_value OPTION TYPED HELP: values of an option, by what the help calls them.
_qemunitctl_value() {
    local value words=''
    value=$(sed -n "s/^  .*$1\\(\\[\\{0,1\\}\\)=\\([A-Z0-9|]*\\).*/\\2/p" <<<"$3" | head -n 1)
    case $1 in
        --firmware) words='bios uefi uefi-secure' ;;
        --sort) words='name cpu memory disk network uptime' ;;
        --architecture) words='x86_64 i386 aarch64 arm riscv64' ;;
        --bridge) words=$(find /sys/class/net/*/bridge -maxdepth 0 2>/dev/null | cut -d / -f 5) ;;
        --fetch) words=$(qemunitctl images 2>/dev/null | sed -n '2,$s/ .*//p' | sort -u) ;;
    esac
    case $value in
        FILE | ISO) mapfile -t COMPREPLY < <(compgen -f -- "$2") ;;
        DIRECTORY) mapfile -t COMPREPLY < <(compgen -d -- "$2") ;;
        *) mapfile -t COMPREPLY < <(compgen -W "$words" -- "$2") ;;
    esac
}

_qemunitctl() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
    local options='--user --host --no-ask-password --help --version'
    local i word position=0 verb='' vm='' bus=(--no-ask-password)
    local help own='' line groups words='' argument='' valued='' optional=''
    local -a takes
    COMPREPLY=()
    help=$(qemunitctl --help 2>/dev/null)
    groups=" $(sed -n 's/^  \([a-z]*\) [a-z].*/\1/p' <<<"$help" | sort -u | tr '\n' ' ')"

    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        case $word in
            -H | --host)
                # bash makes "--host=HOST" three words.
                [[ ${COMP_WORDS[i + 1]-} != = ]] || i=$((i + 1))
                i=$((i + 1))
                bus+=(--host="${COMP_WORDS[i]-}")
                ;;
            --user) bus+=(--user) ;;
            -*)
                if [[ ${COMP_WORDS[i + 1]-} == = ]]; then
                    # The value may be empty, or what is typed now.
                    ((i + 2 > COMP_CWORD)) || i=$((i + 1))
                    ((i + 1 >= COMP_CWORD)) || i=$((i + 1))
                elif [[ " $valued " == *" $word "* ]]; then
                    i=$((i + 1))
                fi
                ;;
            *)
                if [[ -z $verb || $groups == *" $verb "* ]]; then
                    verb+=${verb:+ }$word
                    # shellcheck disable=SC2086  # a verb of two words is two
                    [[ $groups == *" $verb "* ]] || own=$(qemunitctl $verb --help 2>/dev/null)
                    # "  -l --login=USER   The guest's user", "     --install[=ISO]"
                    valued=$(sed -n 's/^  \(-[A-Za-z]\)\{0,1\} *\(--[a-z0-9-]*\)=.*/\1 \2/p' <<<"$own" | tr '\n' ' ')
                    optional=$(sed -n 's/^ *\(--[a-z0-9-]*\)\[=.*/\1/p' <<<"$own" | tr '\n' ' ')
                else
                    position=$((position + 1))
                    [[ -n $vm ]] || vm=$word
                fi
                ;;
        esac
    done

    # The value of an option.
    local option=$prev typed=$cur
    [[ $typed != = ]] || typed='' option="$prev="
    [[ $prev != = ]] || option=${COMP_WORDS[COMP_CWORD - 2]}=
    case $option in
        -H | --host | --host=) return ;;
        -*)
            if [[ " $valued " == *" ${option%=} "* || ($option == *= && " $optional " == *" ${option%=} "*) ]]; then
                _qemunitctl_value "${option%=}" "$typed" "$own"
                return
            fi
            ;;
    esac
    if [[ $cur == -* ]]; then
        case $verb in
            cmd | qmp | run | sendkey | ssh | type) ((position == 0)) || return ;;
        esac
        [[ -z $verb ]] || options+=" $(sed -n 's/^  [-, ]*[A-Za-z]* *\(--[a-z0-9-]*=\{0,1\}\).*/\1/p' <<<"$own")"
        mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
        return
    fi

    if [[ -z $verb ]]; then
        words=$(sed -n 's/^  \([a-z]*\) .*/\1/p' <<<"$help")
    elif [[ $groups == *" $verb "* ]]; then
        words=$(sed -n "s/^  $verb \([a-z]*\) .*/\1/p" <<<"$help")
    else
        line=$(sed -n "s/^  $verb \([A-Z[].*\)/\1/p" <<<"$help")
        read -ra takes <<<"${line%%  *}"
        argument=${takes[position]-}
        # What is the last, and may come again.
        [[ -n $argument || ${#takes[@]} == 0 || ${takes[-1]} != *...* ]] || argument=${takes[-1]}
    fi
    case $argument in
        *IMAGE*)
            words=$(qemunitctl "${bus[@]}" images 2>/dev/null | sed -n '2,$s/ .*//p' | sort -u)
            mapfile -t COMPREPLY < <(compgen -f -- "$cur")
            ;;
        *VM*) words=$(qemunitctl "${bus[@]}" list --names 2>/dev/null) ;;
        *PORT*)
            words=$(qemunitctl "${bus[@]}" status "$vm" 2>/dev/null |
                sed -n 's|.*/\([^/]*\)\.sock$|\1|p' | grep -vx 'monitor\|qmp')
            ;;
        TAG)
            [[ $verb == *save ]] || words=$(qemunitctl "${bus[@]}" snapshot list "$vm" 2>/dev/null |
                sed -n '2,$s/ .*//p')
            ;;
        RULE)
            [[ $verb == *add ]] || words=$(qemunitctl "${bus[@]}" forward list "$vm" 2>/dev/null |
                sed -n '2,$s/^[^ ]* *//p')
            ;;
    esac
    case $argument in
        *'|FILE'*) mapfile -t COMPREPLY < <(compgen -f -X '!*.ini' -- "$cur") ;;
        *FILE*) mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
    esac
    [[ -z $words ]] || mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -W "$words" -- "$cur")
}
complete -F _qemunitctl qemunitctl
