#!/usr/bin/env bash
# Proposes a job for a study, shows it, and submits it:
#
#     jobs/submit.sh [--dry-run] [--efficiency 0.9] [--time-limit TIME] [--ranks-per-node N]
#                    [--partition NAME] STUDY.yaml [OPTION of dam run]...
#
# It takes as many ranks as the partition has and can keep busy to the wanted efficiency, by what
# `dam plan` measures on this machine. TIME is as sbatch takes it: minutes, H:MM:SS or D-HH.
# --dry-run submits nothing; DAM names the program.
set -euo pipefail
jobs=$(cd "$(dirname "$0")" && pwd)

main() {
    read_options "$@"
    program=${DAM:-$(command -v dam || echo "${jobs%/*}/build/src/dam")}
    [ -x "$program" ] || complain "no program $program: build it, or set DAM=/path/to/dam"
    look_at_partition
    choose_ranks
    choose_time
    show
    [ -n "$dry_run" ] || DAM=$program "${command[@]}"
}

complain() {
    echo "submit.sh: $*" >&2
    exit 2
}

read_options() {
    efficiency=0.9 time_limit='' ranks_per_node='' partition='' dry_run=''
    while [[ ${1-} == --* ]]; do
        case $1 in
            --dry-run) dry_run=yes ;;
            --efficiency=* | --time-limit=* | --ranks-per-node=* | --partition=*)
                set -- "${1%%=*}" "${1#*=}" "${@:2}"
                continue
                ;;
            --efficiency | --time-limit | --ranks-per-node | --partition)
                [ $# -gt 1 ] || complain "$1 needs a value"
                local name=${1#--}
                printf -v "${name//-/_}" %s "$2"
                shift
                ;;
            *) complain "unknown option $1; options of dam run come after the study" ;;
        esac
        shift
    done
    [ $# -gt 0 ] || complain "usage: submit.sh [OPTION]... STUDY.yaml [OPTION of dam run]..."
    awk -v wanted="$efficiency" 'BEGIN { exit !(wanted > 0 && wanted <= 1) }' ||
        complain "--efficiency $efficiency: allowed is a fraction above 0, up to 1"
    [[ ${ranks_per_node:-1} =~ ^[1-9][0-9]*$ ]] ||
        complain "--ranks-per-node $ranks_per_node: allowed is a positive number"
    study=$1
    run_options=("${@:2}")
}

# Sets nodes, ranks_per_node (the cores of the smallest node) and limit (minutes, or a word).
look_at_partition() {
    command -v sbatch >/dev/null || complain "no sbatch here: start it where jobs are submitted"
    [ -n "$partition" ] || partition=$(sinfo --noheader --format=%P | sed -n 's/\*$//p')
    local states=idle,allocated,mixed,completing smallest
    read -r nodes smallest < <(
        sinfo --noheader --Node --partition="$partition" --states="$states" --format='%n %X %Y' |
            awk '{ cores = $2 * $3; if (!count++ || cores < least) least = cores }
                END { print count + 0, least + 0 }'
    )
    [ "$nodes" -gt 0 ] || complain "partition '$partition' has no node that is up: see sinfo"
    ranks_per_node=${ranks_per_node:-$smallest}
    [ "$ranks_per_node" -le "$smallest" ] ||
        complain "--ranks-per-node $ranks_per_node: nodes of '$partition' have $smallest CPUs"
    limit=$(sinfo --noheader --partition="$partition" --format=%l | head -n 1 | to_minutes)
}

# SLURM's M, M:S, H:M:S, D-H, D-H:M and D-H:M:S in whole minutes; other words, as infinite, as is.
to_minutes() {
    awk '!/^[0-9]+(-[0-9]+)?(:[0-9]+)*$/ { print; next }
    {
        days = /-/ ? $0 + 0 : 0
        sub(/^[0-9]+-/, "") || days = 0
        fields = split($0, field, ":")
        hours = (days || fields == 3) ? field[1] : 0
        rest = (days || fields == 3) ? field[2] : field[1]
        print 1440 * days + 60 * hours + rest
    }'
}

# Parts of a node, then whole nodes: 1, 2, 3, 4, 6, 8, 12, ...
candidates() {
    awk -v nodes="$nodes" -v each="$ranks_per_node" 'BEGIN {
        for (ranks = 1; ranks < each; ranks *= 2) list = list ranks ","
        for (n = 1; n < nodes && n < 4096; n *= 2) {
            list = list n * each ","
            if (n > 1 && 1.5 * n < nodes && nodes <= 256) list = list 1.5 * n * each ","
        }
        print list nodes * each
    }'
}

# Sets ranks, seconds, share (its efficiency) and longest (seconds of a task).
choose_ranks() {
    local settings=() i
    # The other options change when and where a study runs, not what it takes.
    for ((i = 0; i < ${#run_options[@]}; i++)); do
        case ${run_options[i]} in
            --set) settings+=(--set "${run_options[i + 1]-}") ;;
            --set=*) settings+=("${run_options[i]}") ;;
        esac
    done
    plan=$("$program" plan "$study" --csv --ranks "$(candidates)" "${settings[@]}") || exit 2
    read -r ranks seconds share longest < <(
        awk -F, -v OFS=' ' -v wanted="$efficiency" '
            NR == 2 || (NR > 2 && $3 >= wanted) { $1 = $1; best = $0 }
            END { print best }' <<<"$plan"
    )
    used=$(((ranks + ranks_per_node - 1) / ranks_per_node))
}

# Half as much again for what the prediction misses, and five minutes to start. A drain must leave
# the longest task its time, but most of the job's is for work.
choose_time() {
    local lead
    lead=$(awk -v longest="$longest" 'BEGIN { print int(2 * longest) + 120 }')
    needed=$(awk -v run="$seconds" -v lead="$lead" \
        'BEGIN { print int((1.5 * run + lead + 300) / 60) + 1 }')
    minutes=$needed
    [[ $limit != [0-9]* || $minutes -le $limit ]] || minutes=$limit
    [ -z "$time_limit" ] || minutes=$(to_minutes <<<"$time_limit")
    [[ $minutes =~ ^[1-9][0-9]*$ ]] || complain "--time-limit $time_limit: give minutes or H:MM:SS"
    [ "$lead" -le $((60 * minutes / 2)) ] || lead=$((60 * minutes / 2))
    command=(sbatch --partition="$partition" --nodes="$used" --ntasks="$ranks" --time="$minutes"
        --signal="B:USR1@$lead" "$jobs/dam.sbatch" "$study" "${run_options[@]}")
}

show() {
    echo "$plan" | awk -F, -v chosen="$ranks" '
        NR == 1 { printf "%10s %12s %11s\n", "ranks", "time (s)", "efficiency"; next }
        { printf "%10d %12.0f %11.2f%s\n", $1, $2, $3, $1 == chosen ? "  <- chosen" : "" }'
    echo "partition $partition: $nodes nodes up, $ranks_per_node ranks on each, time limit" \
        "$([[ $limit != [0-9]* ]] && echo "$limit" || echo "$limit min")"
    printf 'proposed: %d ranks on %d nodes, %.0f s predicted at efficiency %.2f\n' \
        "$ranks" "$used" "$seconds" "$share"
    [ "$minutes" -ge "$needed" ] ||
        echo "$minutes min may not do ($needed would): then the job begins again, and goes on"
    echo "DAM=$program ${command[*]@Q}"
}

main "$@"
