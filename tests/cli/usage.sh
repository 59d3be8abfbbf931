#!/usr/bin/env bash
# usage.sh PROGRAM: help texts, and command lines that are refused with exit code 2 and one line.
# shellcheck source=tests/cli/expect.sh
. "$(dirname "$0")/expect.sh"

commands="run plan status show merge verify theory describe kinds bench"

prints 'Usage: dam COMMAND' dam --help
for command in $commands; do
    prints $'\n'"  $command " dam --help
    prints "Usage: dam $command" dam "$command" --help
    prints "Usage: dam $command" dam "$command" -h --no-such-option
    refuses 2 "$command: unknown option --no-such-option" dam "$command" --no-such-option
    refuses 2 "$command: unknown option -Z" dam "$command" -Z
done
unset DAM_CPU
expect 0 dam --version
[[ $(<"$out") =~ ^dam\ [0-9]+\.[0-9]+\.[0-9]+ ]] || complain 'dam --version: no version'

# The retrieval kernel: the fastest, or the one that DAM_CPU names.
here=$(sed -n 's/^kernel .*; this CPU runs //p' "$out")
[[ $(<"$out") == *$'\n'"kernel ${here##* };"* ]] || complain 'dam --version: not the fastest kernel'
[[ $here == generic* ]] || complain 'dam --version: no kernels'
for kernel in ${here//,/ }; do
    DAM_CPU=$kernel prints $'\n'"kernel $kernel;" dam --version
done
DAM_CPU='' prints $'\n'"kernel ${here##* };" dam --version
for name in no-such-kernel AVX2 generic,avx2; do
    DAM_CPU=$name refuses 2 "DAM_CPU: kernel '$name': this CPU runs $here" dam --version
    DAM_CPU=$name refuses 2 "DAM_CPU: kernel '$name': this CPU runs $here" dam run study.yaml
done
for option in output set slice dry-run time-limit fail-fast retry-failed fresh; do
    prints "--$option" dam run --help
done

refuses 2 'no command given' dam
refuses 2 "unknown command 'rum'; did you mean 'run'?" dam rum study.yaml
refuses 2 "unknown command 'Verify'; did you mean 'verify'?" dam Verify
refuses 2 "unknown command 'frobnicate'; 'dam --help'" dam frobnicate
refuses 2 "unknown command '--halp'" dam --halp

for command in run plan; do
    refuses 2 "$command: STUDY.yaml missing" dam "$command"
    refuses 2 "$command: unexpected argument 'b'" dam "$command" a b
done
for command in status show verify; do
    refuses 2 "$command: FILE.h5 missing" dam "$command"
    refuses 2 "$command: unexpected argument 'b'" dam "$command" a b
done
refuses 2 'merge: FILE.h5... missing' dam merge -o c.h5
refuses 2 'merge: -o FILE.h5 missing' dam merge a.h5 b.h5
refuses 2 'merge: -o needs a value' dam merge a.h5 -o
refuses 1 'a.h5: No such file' dam merge a.h5 b.h5 -o c.h5
refuses 2 'describe: KIND missing' dam describe
refuses 2 "kinds: unexpected argument 'b'" dam kinds b
refuses 2 "bench: unexpected argument 'b'" dam bench b

refuses 2 'run: unknown option --freh; did you mean --fresh?' dam run a.yaml --freh
refuses 2 'run: --f is short for several options' dam run a.yaml --f
refuses 2 'run: --set needs a value' dam run a.yaml --set
refuses 2 'run: -o needs a value' dam run a.yaml -o
refuses 2 'run: --fresh takes no value' dam run a.yaml --fresh=yes
refuses 2 'show: --csv takes no value' dam show a.h5 --csv=1

# What is allowed is named; what is allowed gets past the command line, to the missing study.
allowed='allowed are 90, 90s, 15m, 2h, 1d and 1:30:00'
for limit in '' 0 0:00:00 -5 1.5h 2hh h 1:30 1:60:00 1:3:00 1:30:00s 12345678901234567890; do
    refuses 2 "run: --time-limit: '$limit'; $allowed" dam run a.yaml --time-limit "$limit"
done
for limit in 90 90s 15m 2h 1d 1:30:00; do
    refuses 2 'a.yaml' dam run a.yaml --time-limit "$limit"
    grep -q 'time-limit' "$err" && complain "--time-limit $limit was refused"
done

allowed='allowed is I/N with 1 <= I <= N <= 1000000, such as 2/8'
for slice in '' 2 2/ /8 0/8 9/8 -1/8 1/0 1.5/8 1/8/2 1/8x ' 1/8' 1/1000001 1/12345678901234567890; do
    refuses 2 "run: --slice: '$slice'; $allowed" dam run a.yaml --slice "$slice"
done
for slice in 1/1 8/8 1000000/1000000; do
    refuses 2 'a.yaml: ' dam run a.yaml --slice "$slice"
    grep -q 'slice' "$err" && complain "--slice $slice was refused"
done

# A result that could not be written is no success.
if [ -w /dev/full ]; then
    dam kinds 2>"$err" >/dev/full
    [ $? -eq 1 ] || complain 'dam kinds >/dev/full: expected exit code 1'
    grep -q '^dam: cannot write to standard output: No space left' "$err" ||
        complain 'dam kinds >/dev/full: expected a line on stderr'
fi

[ -z "$(ls -A)" ] || complain "left behind: $(ls -A)"
finish
