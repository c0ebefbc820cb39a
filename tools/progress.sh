# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# How far is what takes minutes: on a terminal one line that moves, elsewhere a line each minute.
# Sourced by prepare.sh; who sources it calls show_progress once, and runs what takes long by `track`.

# What runs, a file each: its name is what people read, in it is the path of its log.
progress_dir='' progress_pid=''

# track NAME LOG COMMAND…: all that COMMAND says goes to LOG, which tells how far COMMAND is.
track() {
    local name=${1//\//-} log=$2 status=0
    : >"$log"
    [[ ! $progress_dir ]] || echo "$log" >"$progress_dir/$name"
    "${@:3}" >"$log" 2>&1 </dev/null || status=$?
    [[ ! $progress_dir ]] || rm -f "$progress_dir/$name"
    return "$status"
}

# calmly COMMAND…: only with the time that nobody else wants. A session of its own is also a group of its own for
# the scheduler (sched(7), "The autogroup feature"), and ends with the one who called.
calmly() {
    # shellcheck disable=SC2016 # for the shell in there
    setsid --wait setpriv --pdeathsig TERM sh -c \
        '{ echo 19 >/proc/self/autogroup; } 2>/dev/null; exec nice -n 19 "$@"' sh "$@"
}

# how_far LOG: of a build "120/346"; of tests "34/136, 1 failed"; else the last line.
how_far() {
    tr '\r' '\n' <"$1" 2>/dev/null | awk '
        /^\[[0-9]+\/[0-9]+\]/ { built = substr($1, 2, length($1) - 2) }
        /^([0-9]+: )?\[=+\] Running [0-9]+ tests?/ { sub(/^[0-9]+: /, ""); total += $3 }
        { of = /^[0-9]+: / ? $1 : "" }
        /^([0-9]+: )?\[ RUN      \]/ && !running[of] { running[of] = "] " $NF }
        /^([0-9]+: )?\[ +(OK|FAILED|SKIPPED) +\].* ms\)$/ && running[of] && index($0, running[of]) {
            ++done
            bad += /FAILED/
            running[of] = ""
        }
        NF { last = $0 }
        END {
            if (total)
                print (done + 0) "/" total (bad ? ", " bad " failed" : "")
            else
                print (built ? built : substr(last, 1, 40))
        }'
}

progress_line() {
    local file line=''
    for file in "$progress_dir"/*; do
        [[ -e $file ]] || continue
        line+="${line:+ | }${file##*/}: $(how_far "$(cat "$file" 2>/dev/null)")"
    done
    [[ ! $line ]] || printf '%d:%02d %s' $((SECONDS / 60)) $((SECONDS % 60)) "$line"
}

show_progress() {
    progress_dir=$(mktemp -d "${TMPDIR:-/tmp}/qemunit-progress.XXXXXX")
    (
        trap - EXIT
        # Not sleep(1), which would stay behind when this one ends, with our output open.
        exec {nothing}<> <(:)
        [[ -t 1 ]] && interval=1 || interval=60
        while :; do
            read -r -t "$interval" -u "$nothing" || true
            line=$(progress_line)
            if [[ -t 1 ]]; then
                printf '\r\033[K%s' "${line:0:$(($(tput cols 2>/dev/null || echo 80) - 1))}"
            elif [[ $line ]]; then
                echo "   $line"
            fi
        done
    ) &
    progress_pid=$!
}

end_progress() {
    [[ $progress_dir ]] || return 0
    kill "$progress_pid" 2>/dev/null || true
    wait "$progress_pid" 2>/dev/null || true
    rm -rf "$progress_dir"
    progress_dir=''
    [[ ! -t 1 ]] || printf '\r\033[K'
}
