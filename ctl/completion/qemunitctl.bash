# SPDX-License-Identifier: MIT
# bash completion for qemunitctl(1). Which commands there are, and what each takes, is in its --help.

_qemunitctl() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
    local options='--user --host --no-ask-password --help --version'
    local i word position=0 verb='' vm='' bus=(--no-ask-password)
    local help line groups words='' argument=''
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
            -*) ;;
            *)
                if [[ -z $verb ]]; then
                    verb=$word
                elif [[ $groups == *" $verb "* ]]; then
                    verb+=" $word"
                else
                    position=$((position + 1))
                    [[ -n $vm ]] || vm=$word
                fi
                ;;
        esac
    done

    case $prev in
        -H | --host) return ;;
    esac
    if [[ $cur == -* ]]; then
        case $verb in
            cmd | qmp | sendkey | ssh | type) ((position == 0)) || return ;;
        esac
        # shellcheck disable=SC2086  # a verb of two words is two
        [[ -z $verb ]] || options+=" $(qemunitctl $verb --help 2>/dev/null |
            sed -n 's/^  [-, ]*[A-Za-z]* *\(--[a-z0-9-]*=\{0,1\}\).*/\1/p')"
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
