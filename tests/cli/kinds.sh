#!/usr/bin/env bash
# kinds.sh PROGRAM: the kinds, and what describes them.
# shellcheck source=tests/cli/expect.sh
. "$(dirname "$0")/expect.sh"

expect 0 dam kinds
listed=$(cut -d' ' -f1 "$out")
for kind in capacity xor; do
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
    theory_k_max overlap_histogram; do
    grep -Eq "^ *$name +" "$out" || complain "dam describe capacity: nothing on $name"
done
prints 'power | rectified' dam describe capacity
prints 'integer 1..60' dam describe capacity

refuses 2 "unknown kind 'capacty'; did you mean 'capacity'?" dam describe capacty
refuses 2 "unknown kind 'wavelets'; 'dam kinds' lists them" dam describe wavelets
finish
