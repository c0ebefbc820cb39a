# SPDX-License-Identifier: MIT
# bash completion for qemunitctl(1)

_qemunitctl() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
    local verbs='list status console monitor cmd qmp snapshot forward medium screenshot sendkey type check reload cat'
    local options='--user --host --no-ask-password --help --version'
    local i word position=0 verb='' vm='' bus=(--no-ask-password)
    COMPREPLY=()

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
            snapshot | forward | medium)
                if [[ -z $verb ]]; then verb=$word; else position=$((position + 1)); fi
                ;;
            *)
                case $verb in
                    '') verb=$word ;;
                    snapshot | forward | medium) verb+=" $word" ;;
                    *)
                        position=$((position + 1))
                        [[ -n $vm ]] || vm=$word
                        ;;
                esac
                ;;
        esac
    done

    case $prev in
        -H | --host) return ;;
    esac
    if [[ $cur == -* ]]; then
        case $verb in
            list) options+=' --json --names' ;;
            console) options+=' --read-only --wait' ;;
            cmd | qmp | sendkey | type) ((position == 0)) || return ;;
        esac
        mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
        return
    fi

    local words=''
    case $verb in
        '') words=$verbs ;;
        snapshot) words='list save load delete rotate' ;;
        forward) words='list add remove' ;;
        medium) words='change eject' ;;
        list) ;;
        check)
            mapfile -t COMPREPLY < <(compgen -f -X '!*.ini' -- "$cur")
            words=$(qemunitctl "${bus[@]}" list --names 2>/dev/null)
            ;;
        status) words=$(qemunitctl "${bus[@]}" list --names 2>/dev/null) ;;
        *)
            if ((position == 0)); then
                words=$(qemunitctl "${bus[@]}" list --names 2>/dev/null)
            elif [[ $verb == 'medium change' ]] && ((position == 2)); then
                mapfile -t COMPREPLY < <(compgen -f -- "$cur")
            elif ((position == 1)); then
                case $verb in
                    console)
                        words=$(qemunitctl "${bus[@]}" status "$vm" 2>/dev/null |
                            sed -n 's|.*/\([^/]*\)\.sock$|\1|p' | grep -vx 'monitor\|qmp')
                        ;;
                    'snapshot load' | 'snapshot delete')
                        words=$(qemunitctl "${bus[@]}" snapshot list "$vm" 2>/dev/null |
                            sed -n '2,$s/ .*//p')
                        ;;
                    'forward remove')
                        words=$(qemunitctl "${bus[@]}" forward list "$vm" 2>/dev/null |
                            sed -n '2,$s/^[^ ]* *//p')
                        ;;
                    screenshot) mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
                esac
            fi
            ;;
    esac
    [[ -z $words ]] || mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -W "$words" -- "$cur")
}
complete -F _qemunitctl qemunitctl
