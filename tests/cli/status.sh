#!/usr/bin/env bash
# status.sh PROGRAM: what `dam status` makes of a status file, of the lock and of the result file.
# shellcheck source=tests/cli/expect.sh
. "$(dirname "$0")/expect.sh"

refuses 1 'neither this file nor' dam status run.h5
refuses 1 'study.h5: neither this file nor' dam status folder/study.yaml

# status_file PHASE DONE [CELLS_DONE [OPEN]]: as a run of 200 tasks leaves it.
status_file() {
    mkdir -p run.h5.journal
    cat >run.h5.journal/status <<STATUS
phase $1
total 200
done $2
failed 3
cells 20
cells_done ${3-11}
open ${4-0}
ranks 4
rate 12.5
elapsed 8
remaining 75
updated 1700000000
STATUS
}

# said TEXT...: the last output holds each.
said() {
    local text
    for text in "$@"; do
        grep -qF -- "$text" "$out" || complain "dam status: expected '$text'"
    done
}

# The lock is held, as by a run.
hold() {
    exec /usr/bin/env python3 -c '
import fcntl, sys
lock = open("run.h5.journal/lock", "w")
fcntl.lockf(lock, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()'
}

status_file running 100
coproc HOLDER { hold; }
holder=$HOLDER_PID # bash forgets it when the process ends
read -r _ <&"${HOLDER[0]}"
expect 0 dam status run.h5
said 'run.h5: running on 4 ranks' '100 of 200 tasks (50.0 %), 20 cells' '12.5 tasks/s' \
    '1 min 15 s'
grep -q 'failed *3' "$out" || complain 'dam status: the failed tasks'
expect 0 dam status folder/run.yaml
said '100 of 200'
# Where results decide about further rounds, the tasks are not all that there are.
status_file running 100 7 1
expect 0 dam status run.h5
said '7 of 20 cells, 100 of 200 tasks so far' 'at least 1 min 15 s'
grep -q '%' "$out" && complain 'a share of what nobody knows'
status_file running 100 20 1
expect 0 dam status run.h5
said '100 of 200 tasks (50.0 %), 20 cells' 'left   1 min 15 s'
status_file draining 100
expect 0 dam status run.h5
said 'draining'
kill "$holder"
wait "$holder" 2>/dev/null

# The same file with the lock free is what a killed run leaves.
status_file running 100
expect 0 dam status run.h5
said 'run.h5: interrupted' '100 of 200' 'same command'
grep -q '1 min 15 s' "$out" && complain 'a dead run has no time left'

status_file stopped 150
expect 0 dam status run.h5
said 'run.h5: stopped' 'same command'
status_file finished 200
expect 0 dam status run.h5
said 'run.h5: finished' '200 of 200 tasks (100.0 %)'
grep -q 'same command' "$out" && complain 'nothing is left to go on with'

# 1 task of 10^6 left is not 100 %.
sed -i 's/^total.*/total 1000000/; s/^done.*/done 999999/' run.h5.journal/status
expect 0 dam status run.h5
said '(99.9 %)'

echo nonsense >run.h5.journal/status
refuses 1 'status' dam status run.h5

# Without a journal the result file tells.
cat >run.yaml <<'YAML'
kind: xor
n: [1, 2, 3]
YAML
rm -r run.h5.journal
expect 0 dam run run.yaml || finish
expect 0 dam status run.h5
said 'finished'
rm -r run.h5.journal
expect 0 dam status run.h5
said 'complete 3 of 3 cells' 'partial  0 of 3' 'failed   0 of 3'
finish
