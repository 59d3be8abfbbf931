#!/usr/bin/env bash
# kinds.sh PROGRAM: the kinds, and what describes them.
# shellcheck source=tests/cli/expect.sh
. "$(dirname "$0")/expect.sh"

expect 0 dam kinds
listed=$(cut -d' ' -f1 "$out")
for kind in capacity threshold xor; do
    grep -qx "$kind" <<<"$listed" || complain "dam kinds does not list $kind"
done
for kind in $listed; do
    prints "$kind: " dam describe "$kind"
    grep -q '^result  ' "$out" || complain "dam describe $kind: no result columns"
done

# Every parameter and column that a user of the kind meets.
expect 0 dam describe capacity
for name in energy n N K load start noise order max_sweeps replicas starts seed recovered \
    recovered_other recovered_mirror trials unconverged mean_overlap unstable_spins mean_sweeps \
    mean_flips recovered_low recovered_high theory_p_error_gaussian theory_p_error_exact \
    theory_k_max overlap_histogram from where best by each; do
    grep -Eq "^ *$name +" "$out" || complain "dam describe capacity: nothing on $name"
done
prints 'power | rectified' dam describe capacity
prints 'integer 1..60' dam describe capacity

expect 0 dam describe threshold
for name in energy n N criterion level start noise mirrors order max_sweeps precision max_trials \
    max_K seed k_threshold k_low k_high slope design_effect trials pattern_sets theory_k ratio \
    outcome step K sets successes; do
    grep -Eq "^ *$name +" "$out" || complain "dam describe threshold: nothing on $name"
done

prints 'table /search_path: ' dam describe threshold
grep -q '^replicas ' "$out" && complain "dam describe threshold: replicas, which it refuses"

refuses 2 "unknown kind 'capacty'; did you mean 'capacity'?" dam describe capacty
refuses 2 "unknown kind 'wavelets'; 'dam kinds' lists them" dam describe wavelets
finish
