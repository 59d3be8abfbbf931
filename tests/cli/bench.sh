#!/usr/bin/env bash
# bench.sh PROGRAM: what is measured, that it fits together, and its figure; never how fast.
# shellcheck source=tests/cli/expect.sh
. "$(dirname "$0")/expect.sh"
unset DAM_CPU

refuses 2 "kernel 'none': this CPU runs generic" dam bench --kernel none
kernels=$(sed 's/.*this CPU runs //; s/,//g' "$err")
refuses 2 "kernel 'none': this CPU runs generic" dam bench --kernel generic --kernel none
for seconds in 0 -1 1e9 nan 1s ''; do
    refuses 2 "--seconds: '$seconds'; allowed: 0.0001..3600" dam bench --seconds "$seconds"
done
for words in '--visits --training' '--training --visits' '--training --training'; do
    # shellcheck disable=SC2086 # two words
    refuses 2 'one of --visits and --training, once' dam bench $words
done
for words in Interaction interaction bound stream sgemm quartiles '\*'; do
    expect 0 dam bench --help
    grep -qi -- "$words" "$out" || complain "dam bench --help: nothing on $words"
done

# check FILE KERNEL...: a report of just these kernels, as JSON.
cat >check.py <<'PYTHON'
import json, math, sys

def refuse_constant(name):
    raise ValueError(f"{name} is not JSON")

def near(a, b):
    return math.isclose(a, b, rel_tol=1e-5)

report = json.load(open(sys.argv[1]), parse_constant=refuse_constant)
kernels, visits, rows = sys.argv[2:], report["bench"] == "visits", report["rows"]
assert list(report["masked_additions_per_s"]) == kernels, "masked additions of each kernel"
assert report["cpu"] and report["version"] and report["kernel"], "machine and program"
assert set(report["cache_bytes"]) == {"L1", "L2", "L3"}, "caches"

model = ["energy", "n", "N", "K", "kernel", "algorithm", "chosen"]
settings = {}
for row in rows:
    assert list(row) == model + list(report["units"]), f"columns {list(row)}"
    settings.setdefault(tuple(row[name] for name in model[:4]), []).append(row)
for setting, here in settings.items():
    for kernel in kernels:
        of = [row for row in here if row["kernel"] == kernel]
        algorithms = [row["algorithm"] for row in of]
        assert algorithms[0] == "sums" and len(set(algorithms)) == len(algorithms), algorithms
        assert visits or sum(row["chosen"] for row in of) == 1, f"{setting} {kernel}: one choice"
    assert {row["kernel"] for row in here} == set(kernels), setting

for row in rows:
    K, sums = row["K"], row["algorithm"] == "sums"
    for name in report["units"]:
        value = row[name]
        of_a_start = name in ("starts_per_s", "start_seconds", "visits_per_start",
                              "flips_per_start")
        if "stream" in name:
            assert value > 0, row
            continue
        alone = "alone" in name or "bound" in name
        if value is None:
            assert (alone and not sums) or (not alone and not row["starts"]), (name, row)
            assert sums is False or of_a_start, (name, row)
        else:
            assert math.isfinite(value) and (value > 0 or name in ("starts", "setup_seconds",
                                                                   "flips_per_start")), (name, row)
            assert sums or not alone, f"{name}: the bounds are those of sums"
    if sums:
        adds = report["masked_additions_per_s"][row["kernel"]]
        assert near(row["stream_bytes"], 8.125 * K), row
        assert near(row["bound_interactions_per_s"],
                    min(adds, row["stream_bytes_per_s"] / 8.125)), row
        assert near(row["visit_alone_interactions_per_s"], K / row["visit_alone_seconds"]), row
        assert near(row["share_of_bound"] * row["bound_interactions_per_s"],
                    row["visit_alone_interactions_per_s"]), row
    if row.get("starts"):
        assert near(row["starts_per_s"] * row["start_seconds"], 1), row
        assert near(row["visits_per_start"] * row["visit_seconds"], row["start_seconds"]), row
        # A start ends once each neuron is known to be quiet.
        assert row["visits_per_start"] >= row["N"], row
    if row.get("interactions_per_s"):
        assert near(row["interactions_per_s"], K / row["visit_seconds"]), row

if visits:
    K = [row["K"] for row in rows if row["N"] == 100 and row["kernel"] == kernels[0]]
    N = [row["N"] for row in rows if row["K"] == 10000 and row["kernel"] == kernels[0]]
    assert min(K) == 100 and max(K) == 10 ** 6 and len(set(K)) >= 13, K
    assert min(N) == 50 and max(N) == 500 and len(set(N)) >= 6, N
else:
    required = {("power", 2, 50, 10), ("power", 3, 100, 2000), ("power", 4, 100, 2000),
                ("rectified", 3, 100, 2000), ("rectified", 4, 100, 2000),
                ("power", 4, 200, 10000), ("rectified", 4, 200, 100000)}
    assert required <= set(settings), required - set(settings)
    assert {setting[1] for setting in settings} >= {2, 3, 4, 10, 30}
    assert any(setting[2:] == (1000, 10 ** 6) for setting in settings)
    small = settings["power", 2, 50, 10]
    assert all(row["starts"] > 0 for row in small if row["algorithm"] == "sums"), small
PYTHON

# check KERNEL...: the last output is a report of just these kernels.
check() {
    cp "$out" report.json
    python3 check.py report.json "$@" >"$err" 2>&1 || complain "dam bench: not as it should be"
}

# shellcheck disable=SC2086 # one word a kernel
{
    expect 0 dam bench --json --seconds 0.01 && check $kernels
    cp report.json starts.json
    expect 0 dam bench --visits --json --seconds 0.001 && check $kernels
    cp report.json visits.json
}
DAM_CPU=generic expect 0 dam bench --visits --json --kernel generic --seconds 0.001 && check generic

# A training by the last two kernels, which may train with the same vectors: these count once.
cat >check_training.py <<'PYTHON'
import json, math, sys

def near(a, b):
    return math.isclose(a, b, rel_tol=1e-5)

report = json.load(open(sys.argv[1]))
assert report["bench"] == "training" and report["blas_core"] and report["cpu"], report
assert "masked_additions_per_s" not in report, "a training has no such bound"
rows, kernels = report["rows"], []
model = ["form", "n", "K", "minibatch", "kernel"]
wanted = [("memory", 2), ("memory", 3), ("memory", 20), ("memory", 30), ("dual", 2)]
for first in range(0, len(rows), len(wanted)):
    here = rows[first:first + len(wanted)]
    assert [(row["form"], row["n"]) for row in here] == wanted, here
    assert len({row["kernel"] for row in here}) == 1, here
    kernels.append(here[0]["kernel"])
assert rows and len(set(kernels)) == len(kernels), kernels
assert set(kernels) <= {"generic", "avx2", "avx512"}, kernels
for row in rows:
    assert list(row) == model + list(report["units"]), row
    assert row["K"] == 2000 and row["minibatch"] == 1000 and row["pairs"] >= 1, row
    assert row["minibatch_seconds"] > 0 and row["sgemm_seconds"] > 0, row
    assert near(row["images_per_s"] * row["minibatch_seconds"], row["minibatch"]), row
    assert 0 < row["ratio_lower_quartile"] <= row["ratio"] <= row["ratio_upper_quartile"], row
    if row["pairs"] == 1:
        assert near(row["ratio"] * row["sgemm_seconds"], row["minibatch_seconds"]), row
PYTHON
training=()
for kernel in $kernels; do training+=(--kernel "$kernel"); done
[ "${#training[@]}" -le 4 ] || training=("${training[@]: -4}")
expect 0 dam bench --training --json --seconds 0.001 "${training[@]}"
cp "$out" training.json
python3 check_training.py training.json >"$err" 2>&1 || complain 'dam bench --training: wrong'
prints 'BLAS core: ' dam bench --training --seconds 0.001 "${training[@]: -2}"
grep -Eq '^form +n +K +images +kernel ' "$out" || complain 'dam bench --training: the names'
[ "$(grep -Ec '^(memory|dual) ' "$out")" -eq 5 ] || complain 'dam bench --training: the rows'

# The table holds the same rows.
prints 'masked additions in L1: generic' dam bench --kernel generic --seconds 0.001
grep -Eq '^energy +n +N +K +kernel +algorithm ' "$out" || complain 'dam bench: the names'
[ "$(grep -Ec '^(power|rectified) .* generic ' "$out")" -ge 12 ] || complain 'dam bench: the rows'
grep -q ' generic  *sums \*' "$out" || complain 'dam bench: nothing is chosen'

# The figure shows every kernel, and refuses what is no such report.
if /usr/bin/python3 -c 'import h5py, matplotlib' 2>/dev/null; then
    plot=$root/analysis/bench.py
    expect 0 "$plot" visits.json -o visits.svg || finish
    [ -s visits.png ] || complain 'no visits.png'
    for words in $kernels 'stored memories' neurons; do
        grep -q "$words" visits.svg || complain "the figure says nothing of $words"
    done
    expect 1 "$plot" check.py
    [ "$(cat "$err")" = 'bench.py: check.py: not what dam bench --visits --json prints' ] ||
        complain 'the figure of a file that is none'
    expect 1 "$plot" starts.json
    grep -q 'make it by dam bench --visits --json' "$err" || complain 'the figure of starts'
fi
finish
