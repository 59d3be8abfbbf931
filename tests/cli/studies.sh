#!/usr/bin/env bash
# studies.sh PROGRAM: a bad study or output is refused by `dam run` with exit code 2 and one line
# (file, line and column, what was read, what is allowed), and nothing is written.
# shellcheck source=tests/cli/expect.sh
. "$(dirname "$0")/expect.sh"

# Everything here, and what is in it: nothing of it may change.
snapshot() {
    find . -printf '%p %y %s %T@\n' | sort
}

# bad LINE:COLUMN TEXT [ARGUMENT...] with the study on stdin.
bad() {
    local place=$1 text=$2 before
    shift 2
    cat >study.yaml
    before=$(snapshot)
    refuses 2 "study.yaml:$place: " dam run study.yaml "$@" || return
    [[ $(<"$err") == *"$text"* ]] || complain "expected '$text'"
    [ "$(snapshot)" = "$before" ] || complain "something was written for: $text"
}

# Keys and kinds.
printf 'kind: capacity\nK: 5\nnois: 0.1\n' | bad 3:1 'noise'
printf 'kind: capacity\nK: 5\nreplica: 2\n' | bad 3:1 'replicas'
printf 'kind: capacity\nK: 5\nwavelength: 2\n' | bad 3:1 'unknown key'
printf 'kind: capacty\nK: 5\n' | bad 1:7 'capacity'
printf 'K: 5\n' | bad 1:1 'kind'
printf 'kind: capacity\nN: 50\nN: 60\nK: 5\n' | bad 3:1 'N'
printf 'kind: capacity\nN: 50\n' | bad 1:1 'K or load'

# Values: what was read, what is allowed.
printf 'kind: capacity\nK: 5\nN: 0\n' | bad 3:4 'integer 1..32766'
printf 'kind: capacity\nK: 5\nN: 32767\n' | bad 3:4 'integer 1..32766'
printf 'kind: capacity\nK: 5\nN: -5\n' | bad 3:4 '-5'
printf 'kind: capacity\nK: 5\nn: 1.5\n' | bad 3:4 '1.5'
printf 'kind: capacity\nK: 5\nn: 61\n' | bad 3:4 'integer 1..60'
printf 'kind: capacity\nK: 5\nnoise: 2\n' | bad 3:8 'real 0..1'
printf 'kind: capacity\nK: 5\nnoise: nan\n' | bad 3:8 'nan'
printf 'kind: anatomy\nfrom: x.h5\nselected: [{source_row: 0, source_crc: 1}]\nshare: 1\n' |
    bad 4:8 'real, at least 0, below 1'
printf 'kind: capacity\nK: 5\nnoise: 1e999\n' | bad 3:8 '1e999'
printf 'kind: capacity\nK: 20abc\n' | bad 2:4 '20abc'
printf 'kind: capacity\nK: 010\n' | bad 2:4 '010'
printf 'kind: capacity\nK: 0x10\n' | bad 2:4 '0x10'
printf 'kind: capacity\nK: 99999999999999999999\n' | bad 2:4 '99999999999999999999'
printf 'kind: capacity\nK: many\n' | bad 2:4 'many'
printf 'kind: capacity\nK: {deep: {er: 1}}\n' | bad 2:5 'deep'
printf 'kind: capacity\nK: 5\nenergy: rectifed\n' | bad 3:9 'rectified'
printf 'kind: capacity\nK: 5\nseed: -1\n' | bad 3:7 '-1'
printf 'kind: capacity\nK: 5\nreplicas: 0\n' | bad 3:11 '0'
printf 'kind: capacity\nload: 1e-9\n' | bad 2:7 'K'
printf 'kind: capacity\nload: 0.1\nK: 5\n' | bad 2:7 'K'

# Lists, ranges and grids.
printf 'kind: capacity\nK: []\n' | bad 2:4 'empty'
printf 'kind: capacity\nK: [5, x]\n' | bad 2:8 'x'
printf 'kind: capacity\nK: {from: 9, to: 2, step: 1}\n' | bad 2:11 'backward'
printf 'kind: capacity\nK: {from: 1, to: 9, step: 0}\n' | bad 2:27 'at least 1'
printf 'kind: capacity\nK: {from: 1, to: 9, stp: 1}\n' | bad 2:21 'did you mean "step"?'
printf 'kind: capacity\nK: {from: 1, to: 1000000, step: 1}\nN: {from: 1, to: 2000, step: 1}\n' |
    bad 1:1 'too many cells'
# 2 10^6 x 32766 x 60 x 10^6 x 10^6 cells do not fit in 64 bits.
cat <<'YAML' | bad 1:1 'too many cells'
kind: capacity
K: {from: 1, to: 2000000, step: 1}
N: {from: 1, to: 32766, step: 1}
n: {from: 1, to: 60, step: 1}
noise: {from: 0, to: 1, step: 0.000001}
max_sweeps: {from: 1, to: 1000000, step: 1}
YAML

# A pattern set that no machine holds: how many bytes it would take.
before=$(snapshot)
refuses 2 '(4105750000983342 bytes)' dam run study.yaml --set 'K=1000000000000' --set N=32766 \
    --set n=3 --set noise=0 --set max_sweeps=1000
[ "$(snapshot)" = "$before" ] || complain 'something was written for too many memories'

# YAML itself.
printf 'kind: capacity\nK: [5\n' | bad 3:1 'not valid YAML'
printf 'kind: capacity\n\tK: 5\n' | bad 2:1 'tab'
printf 'a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n' | bad 1:4 'anchors and aliases'
printf -- '- kind: capacity\n' | bad 1:1 'key: value'

# The override is named instead of a line.
printf 'kind: capacity\nK: 5\n' >study.yaml
refuses 2 '--set N=0: N: 0' dam run study.yaml --set N=0
refuses 2 '--set' dam run study.yaml --set nois=0.5
refuses 2 'key=value' dam run study.yaml --set nonsense

# Files that are no studies.
refuses 2 'missing.yaml: ' dam run missing.yaml
refuses 2 'directory' dam run .
: >empty.yaml
refuses 2 'empty.yaml: ' dam run empty.yaml
head -c 5000 "$program" >binary.yaml
refuses 2 'binary.yaml: ' dam run binary.yaml
if [ "$(id -u)" -ne 0 ]; then
    printf 'kind: capacity\nK: 5\n' >secret.yaml
    chmod 000 secret.yaml
    refuses 2 'secret.yaml: ' dam run secret.yaml
    rm -f secret.yaml
fi

# What could not be published is told before any work: here /memories, of more than 2^31 - 1 bytes.
printf 'kind: classify\ndataset: synthetic\nK: [10, 200000]\nmemories: yes\n' >study.yaml
refuses 2 'study.yaml: /memories takes 2.19 GB (2190400000 bytes) in each cell' \
    dam run study.yaml --dry-run --set replicas=37
dam run study.yaml --dry-run --set replicas=36 >"$out" 2>"$err" # 2131200000 bytes
grep -q '/memories' "$err" && complain 'rows that can be written were refused'

# Outputs.
printf 'kind: xor\nn: 3\n' >study.yaml
mkdir taken.h5
before=$(snapshot)
refuses 2 'taken.h5: is a directory' dam run study.yaml -o taken.h5
refuses 2 'nowhere/out.h5' dam run study.yaml -o nowhere/out.h5
[ "$(snapshot)" = "$before" ] || complain 'something was written beside a bad output'

expect 0 dam run study.yaml -o held.h5
before=$(snapshot | grep '\./held.h5 ')
refuses 2 'held.h5' dam run study.yaml -o held.h5 --set seed=2
printf 'kind: capacity\nK: 2\nN: 10\nstarts: 2\n' >other.yaml
refuses 2 'held.h5' dam run other.yaml -o held.h5
chmod 444 held.h5
refuses 2 'held.h5: is read-only' dam run study.yaml -o held.h5
chmod 644 held.h5
[ "$(snapshot | grep '\./held.h5 ')" = "$before" ] || complain 'held.h5 was overwritten'

# The same with the journal gone: the file itself tells what it holds.
rm -r held.h5.journal
refuses 2 'held.h5' dam run other.yaml -o held.h5
refuses 2 'held.h5' dam run study.yaml -o held.h5 --set seed=2
[ "$(snapshot | grep '\./held.h5 ')" = "$before" ] || complain 'held.h5 was overwritten'

# Of many ranks one speaks.
printf 'kind: capacity\nK: 5\nN: 0\n' >study.yaml
expect 2 mpirun -n 3 "$program" run study.yaml
[ "$(grep -c '^dam: ' "$err")" -eq 1 ] || complain 'three ranks: expected one line'
expect 2 mpirun -n 3 "$program" run study.yaml --time-limit never
[ "$(grep -c '^dam: run: --time-limit' "$err")" -eq 1 ] || complain 'three ranks: expected one line'
finish
