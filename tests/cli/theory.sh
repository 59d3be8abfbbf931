#!/usr/bin/env bash
# theory.sh PROGRAM: the papers' figures, lists, and settings that are refused.
# shellcheck source=tests/cli/expect.sh
. "$(dirname "$0")/expect.sh"

# near COLUMN EXPECTED DIGITS ARGUMENT...: the only row of the table has this value, rounded.
near() {
    local column=$1 expected=$2 digits=$3 got
    shift 3
    expect 0 dam theory --csv "$@" || return
    got=$(awk -F, -v column="$column" '
        NR == 1 { for (c = 1; c <= NF; c++) if ($c == column) at = c }
        NR == 2 { print $at }' "$out")
    [ "$(printf "%.${digits}g" "$got")" = "$expected" ] ||
        complain "theory $*: $column is $got, expected $expected"
}

# Krotov & Hopfield 2016: alpha_2 ~ 0.14 (0.15 by the tail itself) and K_max for n = 2..5.
near alpha_n 0.15 2 n=2
near k_max 10.86 4 n=2 N=100
near k_max 361.9 4 n=3 N=100
near k_max 7238 4 n=4 N=100
near k_max 103403 6 n=5 N=100
near k_max 723.8 4 n=3 N=100 energy=rectified

# Their error probability beside the exact one.
near p_error_gaussian 0.00376 3 n=2 N=100 K=14
near p_error_asymptotic 0.0042 3 n=2 N=100 K=14
near p_error_exact 0.00265 3 n=2 N=100 K=14
near p_error_gaussian 0.0984 3 n=3 N=100 K=2000
near p_error_asymptotic 0.134 3 n=3 N=100 K=2000
near p_error_exact 0.09996 4 n=3 N=100 K=2000
near p_error_exact 0.03499 4 n=3 N=100 K=2000 energy=rectified
near p_error_gaussian 0.00491 3 n=4 N=50 K=1250
near p_error_asymptotic 0.00551 3 n=4 N=50 K=1250
near p_error_exact 0.00558 3 n=4 N=50 K=1250

# alpha_n is the load at which the Gaussian tail reaches p: at N = 100, n = 2, K = 100 alpha.
near alpha_n 0.14 2 n=2 p=0.00376316
near p_error_gaussian 0.005 2 n=2 N=10000 K=1507

# Without K there is no error probability; where the lattice is too large, no exact one.
near p_error_gaussian nan 3 n=3 N=100
near p_error_exact nan 3 n=60 N=4096 K=1000000

# rows COUNT ARGUMENT...
rows() {
    local count=$1
    shift
    expect 0 dam theory --csv "$@" || return
    [ "$(wc -l <"$out")" -eq $((count + 1)) ] || complain "theory $*: expected $count rows"
}
rows 1
rows 3 n=2,3,4
rows 8 n=2,3 N=50,100 energy=power,rectified
rows 4 n=3 'K={from: 100, to: 400, step: 100}'
[ "$(cut -d, -f4 "$out" | tr '\n' ' ')" = 'K 100 200 300 400 ' ] || complain 'a range of K'
prints 'memories' dam theory n=3 K=5

refuses 2 'theory: n=1.5: n: 1.5 is not an integer' dam theory n=1.5
refuses 2 'allowed: integer 1..60' dam theory n=61
refuses 2 'theory: N=0: N: 0 is below' dam theory N=0
refuses 2 'theory: K=0: K: 0 is below' dam theory K=0
refuses 2 'theory: p=0:' dam theory p=0
refuses 2 'above 0 and below 0.5' dam theory p=0.5
refuses 2 'power | rectified' dam theory energy=cubic
refuses 2 'unknown key' dam theory temperature=3
refuses 2 'key=value' dam theory 3
finish
