#!/usr/bin/env bash
# result.sh PROGRAM: show and verify, on a file that `dam run` wrote and on damaged ones.
# shellcheck source=tests/cli/expect.sh
. "$(dirname "$0")/expect.sh"

cat >study.yaml <<'YAML'
kind: capacity
replicas: 2
starts: 5
energy: [power, rectified]
N: 20
K: [1, 4]
YAML
expect 0 dam run study.yaml || finish
[ -f study.h5 ] || complain 'dam run left no study.h5'

# Whole.
expect 0 dam verify study.h5
[[ $(<"$out") =~ ^study\.h5:\ ok,\ [0-9]+\ datasets,\ [0-9.]+\ k?B$ ]] ||
    complain 'dam verify study.h5: expected "study.h5: ok, ... datasets, ... kB"'
expect 0 dam show study.h5
[ "$(wc -l <"$out")" -eq 10 ] || complain 'dam show: expected two tables, of one row and of four'
[[ $(sed -n 1p "$out") =~ ^n\ +N\ .*max_sweeps$ ]] || complain 'dam show: what all cells share'
[[ $(sed -n 5p "$out") =~ ^energy\ +K\ +load\ +recovered\ .*status$ ]] || complain 'dam show: names'
[[ $(sed -n 6p "$out") =~ ^\ +memories\ .*starts ]] || complain 'dam show: units'
[[ $(sed -n 10p "$out") =~ ^rectified\ +4\ .*complete$ ]] || complain 'dam show: the last row'
expect 0 dam show study.h5 --csv
[ "$(wc -l <"$out")" -eq 5 ] || complain 'dam show --csv: expected names and four rows'
[[ $(head -1 "$out") == energy,n,N,K,load,start,noise,order,max_sweeps,recovered,*,status ]] ||
    complain 'dam show --csv: the names'

# CSV against another reader of the file, number by number and bit by bit.
cat >compare.py <<'PYTHON'
import csv, struct, sys
import h5py

results = h5py.File("study.h5", "r")["results"][...]
with open(sys.argv[1], newline="") as file:
    rows = list(csv.DictReader(file))
assert list(rows[0]) == list(results.dtype.names), "columns"
assert len(rows) == len(results), "rows"
for row, expected in zip(rows, results):
    for name in results.dtype.names:
        value, kind = expected[name], results.dtype[name].kind
        if kind == "S":
            same = row[name] == value.decode()
        elif kind == "i":
            same = row[name] == str(value)
        else:
            same = (struct.pack("d", float(row[name])) == struct.pack("d", value)
                    or (row[name] == "nan" and value != value))
        assert same, f"{name}: {row[name]} is not {value}"
PYTHON
if /usr/bin/python3 -c 'import h5py' 2>/dev/null; then
    cp "$out" shown.csv
    expect 0 /usr/bin/python3 compare.py shown.csv
fi

# A kind's own table.
expect 0 dam run <(echo '{kind: threshold, N: 10, precision: 0.5, max_trials: 100}') -o search.h5
prints 'cell,step,K,sets,trials,successes' dam show search.h5 --table search_path --csv
grep -Eq '^0,1,[0-9]+,8,[0-9]+,[0-9]+$' "$out" || complain 'dam show --table: no second step'
refuses 2 "has no table 'search_pat'; did you mean search_path" \
    dam show search.h5 --table search_pat

# No result files.
refuses 1 'missing.h5: No such file' dam show missing.h5
refuses 1 'is a directory' dam verify .
: >empty.h5
refuses 1 'empty.h5: is empty' dam verify empty.h5
refuses 1 'study.yaml: is not an HDF5 file' dam show study.yaml

# Cut short, at any length.
size=$(stat -c %s study.h5)
for part in 1 10 50 90 99; do
    head -c $((size * part / 100)) study.h5 >cut.h5
    refuses 1 'cut.h5: ' dam verify cut.h5
    refuses 1 'cut.h5: ' dam show cut.h5
done

# flip FILE OFFSET: change one byte.
flip() {
    local byte
    byte=$(od -An -tu1 -j "$2" -N 1 "$1")
    # shellcheck disable=SC2059 # the format is the byte
    printf "\\$(printf %03o $((byte ^ 16)))" |
        dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

# A byte of the results, found by their own content: an energy, then n = 3.
offset=$(grep -aboP 'rectified\x03\x00' study.h5 | head -1 | cut -d: -f1)
cp study.h5 damaged.h5
flip damaged.h5 $((offset + 2))
refuses 1 'damaged.h5: /results: damaged: its bytes have CRC-32C' dam verify damaged.h5

# HDF5 leaks when it meets damaged structures: its leaks are no concern of the sanitizers here.
export ASAN_OPTIONS="${ASAN_OPTIONS:-}:detect_leaks=0"

# Wherever the byte is, in data or in structure: no crash, and one line for each complaint.
for ((at = 0; at < size; at += size / 97)); do
    cp study.h5 damaged.h5
    flip damaged.h5 "$at"
    dam verify damaged.h5 >"$out" 2>"$err"
    code=$?
    if [ $code -eq 1 ]; then
        grep -vq '^dam: damaged.h5: ' "$err" && complain "byte $at: a line that is not ours"
    elif [ $code -ne 0 ]; then
        complain "byte $at: exit code $code"
    fi
done
finish
