#!/usr/bin/env bash
# plan.sh PROGRAM: the tasks that are planned are those that run, on any CPU; never how fast.
# shellcheck source=tests/cli/expect.sh
. "$(dirname "$0")/expect.sh"
unset DAM_CPU

# Cells of every algorithm, some of many blocks, in sizes that differ a thousandfold.
cat >study.yaml <<'YAML'
kind: capacity
seed: 1
replicas: 2
grids:
  - {n: [2, 3, 4], N: [20, 100], K: [10, 2000], starts: 20000, max_sweeps: 20}
  - {n: 30, N: [100, 300], K: [10, 2000], starts: 1}
  - {n: 3, N: 50, K: 100, start: memory, noise: 0.2, order: sequential, starts: 10}
YAML

# tasks STUDY: what the last plan says.
tasks() {
    sed -n 's/^tasks  *\([0-9]*\),.*/\1/p' "$out"
}

expect 0 dam plan study.yaml --ranks 1,2
planned=$(tasks)
[ "$planned" -gt 34 ] || complain "dam plan: $planned tasks: no cell has more than a block"
grep -q "measured on this machine's core" "$out" || complain "dam plan: nothing was measured"
for cpu in generic avx2 avx512; do
    DAM_CPU=$cpu dam --version >"$out" 2>"$err" || continue
    DAM_CPU=$cpu expect 0 dam plan study.yaml --ranks 1
    [ "$(tasks)" = "$planned" ] || complain "dam plan: other tasks with DAM_CPU=$cpu"
done

# A run makes just these.
expect 0 dam plan study.yaml --set starts=3 --ranks 1
planned=$(tasks)
prints "$planned tasks" dam run study.yaml --set starts=3 -o out.h5

# How long a search is nobody knows: a plan is for a typical one, a run knows its first step.
cat >search.yaml <<'YAML'
{kind: threshold, N: [20, 30], criterion: [recovered, retained], precision: 0.2}
YAML
prints 'tasks' dam plan search.yaml --ranks 1,2
grep -q 'as many as typical ones ask for' "$out" || complain "dam plan: no word on further steps"
planned=$(tasks)
prints 'tasks known so far' dam run search.yaml -o search.h5 --dry-run
known=$(sed -n 's/.* \([0-9]*\) tasks known so far.*/\1/p' "$out")
[ "$planned" -gt "${known:-$planned}" ] ||
    complain "dam plan: $planned tasks, and $known of first steps"

# Nothing of this cell ends within the calibration: the kind's own guess, and no waiting for it.
prints 'as the kind guesses' dam plan study.yaml --ranks 1 --set grids='[{N: 20000, K: 1000000000, n: 5}]'

# Rounds of trainings take half a minute: a part of one tells.
cat >training.yaml <<'YAML'
{kind: classify, dataset: synthetic, K: 2000, epochs: 1000, minibatch: 100}
YAML
prints "from parts of starts measured on this machine's core" dam plan training.yaml --ranks 1

# For programs: numbers alone; no run is shorter than its longest task.
expect 0 dam plan study.yaml --set starts=3 --csv --ranks 1,2,1000
awk -F, 'NR == 1 { good = $0 == "ranks,seconds,efficiency,longest_task_seconds"; next }
    { good = good && NF == 4 && $2 > 0 && $4 > 0 && $3 > 0 && $3 < 1.001 && $2 >= $4
      counts = counts " " $1 }
    END { exit !(good && NR == 4 && counts == " 1 2 1000") }' "$out" ||
    complain "dam plan --csv: not three predictions"

finish
