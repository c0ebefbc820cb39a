# SPDX-License-Identifier: MIT
# bash completion for systemctl(1): VMs, also those that are off
#
# systemd's own completion offers units that have a file or are in memory. A VM that is off has
# neither, but a drop-in that the generator made of its ini file. bash-completion reads this file
# when a shell starts; systemd's own completion is loaded at the first use, as ever, and kept.

_qemunit_systemctl_units() {
    local folder=$1/qemu@ cur=$2 path name
    for path in "$folder"*.service.d/50-qemunit.conf; do
        [[ -e $path ]] || continue
        name=${path#"$folder"}
        name=${name%.service.d/50-qemunit.conf}
        echo "qemu@$name.service"
        # Not for who only looks for VMs.
        [[ $cur != qemu-* ]] || echo "qemu-serial@$name.socket"$'\n'"qemu-monitor@$name.socket"
    done
}

# The verbs for which a unit that is off is of no use are left to systemd's completion.
_qemunit_systemctl_wants() {
    local word
    for word in "$@"; do
        case $word in
            -H* | --host* | -M* | --machine* | --root* | --global) return 1 ;;
        esac
    done
    for word in "$@"; do
        case $word in
            start | restart | reload-or-restart | enable | reenable | preset | mask | \
                cat | status | show | edit | help | is-active | is-failed | is-enabled | \
                set-property | revert | clean | list-dependencies | add-wants | add-requires) return 0 ;;
        esac
    done
    return 1
}

_qemunit_systemctl() {
    local cur=${COMP_WORDS[COMP_CWORD]} manager=/run/systemd mode=--system words known word active=''
    if [[ -z ${_qemunit_systemctl_loaded-} ]]; then
        # bash-completion 2.12, or an older one. It registers systemd's function in place of ours.
        _comp_load systemctl 2>/dev/null || __load_completion systemctl 2>/dev/null
        known=$(complete -p systemctl 2>/dev/null)
        known=${known##*-F }
        _qemunit_systemctl_loaded=${known%% *}
        complete -F _qemunit_systemctl systemctl
        [[ $_qemunit_systemctl_loaded != _qemunit_systemctl ]] || _qemunit_systemctl_loaded=:
    fi
    "$_qemunit_systemctl_loaded" "$@"
    _qemunit_systemctl_wants "${COMP_WORDS[@]:1:COMP_CWORD-1}" || return 0
    [[ $cur != -* ]] || return 0
    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        case $word in
            --user) mode=--user manager=${XDG_RUNTIME_DIR-/nonexistent}/systemd ;;
            start) active=$(systemctl "$mode" list-units --plain --full --legend=no --no-pager 'qemu*@*' 2>/dev/null) ;;
        esac
    done
    words=$(_qemunit_systemctl_units "$manager/generator" "$cur")
    for word in $(compgen -W "$words" -- "$cur"); do
        [[ " ${COMPREPLY[*]} " == *" $word "* || $'\n'$active == *$'\n'"$word "* ]] || COMPREPLY+=("$word")
    done
}
complete -F _qemunit_systemctl systemctl
