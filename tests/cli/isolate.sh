#!/usr/bin/env bash
# isolate.sh PROGRAM TROUBLE.so: whatever the HDF5 library does while it reads a result file, the
# user gets one line and an exit code, and nothing is left behind.
trouble_library=$(realpath "$2")
# shellcheck source=tests/cli/expect.sh
. "$(dirname "$0")/expect.sh"
# Signals come as without sanitizers; their runtime may be loaded after ours.
export ASAN_OPTIONS="$ASAN_OPTIONS:handle_segv=0:handle_abort=0:handle_sigfpe=0:handle_sigbus=0"
export ASAN_OPTIONS="$ASAN_OPTIONS:handle_sigill=0:verify_asan_link_order=0"
sanitized=$(nm "$program" | grep -c __asan_init)

cat >study.yaml <<'YAML'
kind: capacity
starts: 5
N: 20
K: {from: 1, to: 300, step: 1}
YAML
expect 0 dam run study.yaml || finish
cp study.h5 alone.h5 # `dam status` reads it itself: it has no journal

troubled() {
    LD_PRELOAD=$trouble_library DAM_TEST_TROUBLE=$1 "$program" "${@:2}"
}

# It crashes.
for command in show verify status; do
    for signal in SEGV BUS FPE ILL; do
        number=$(kill -l $signal)
        refuses 1 "alone.h5: damaged: reading it crashed the HDF5 library (signal $number, $signal)" \
            troubled "$number" $command alone.h5
    done
done
# What the C library says of a corrupted heap is kept. (Sanitized, all it said is shown.)
[ "$sanitized" -gt 0 ] ||
    refuses 1 'crashed the HDF5 library (signal 6, ABRT: free(): invalid pointer)' \
        troubled corrupt verify alone.h5
refuses 1 'alone.h5: the process that read it ended with exit code 3' troubled exit show alone.h5
refuses 1 'alone.h5: the process that read it was ended by signal 9, KILL' \
    troubled 9 show alone.h5

# A real one: libhdf5 1.10.8 reads beyond its memory here; later ones may refuse the file.
for command in show verify status; do
    [ "$sanitized" -gt 0 ] || refuses 1 'crashes-libhdf5.h5: ' \
        dam $command "$root/tests/fuzz/seeds/result/crashes-libhdf5.h5"
done

# It loops for ever, or wants endless memory.
bounded() {
    (ulimit -S "$1" "$2" && troubled "${@:3}")
}
refuses 1 'alone.h5: damaged: reading it took more than 1 s of CPU time' \
    bounded -t 1 loop verify alone.h5
[ "$sanitized" -gt 0 ] || refuses 1 'alone.h5: out of memory while reading; reading a file of its size may take 1.0' \
    troubled grow show alone.h5

# A run may take what is lost with states from the file, which is then not replaced.
cat >train.yaml <<'YAML'
kind: classify
dataset: synthetic
epochs: 2
K: 5
memories: yes
YAML
on_memories() {
    DAM_TEST_DATASET=/memories troubled "$@"
}
segv=$(kill -l SEGV)
expect 0 dam run train.yaml
rm train.h5.journal/state-*
before=$(cksum <train.h5)
refuses 1 'train.h5: cannot be read, but may hold what is lost' on_memories "$segv" run train.yaml
[ "$(cksum <train.h5)" = "$before" ] || complain 'train.h5 was replaced'
expect 0 dam run train.yaml
[ ! -e core ] || complain 'a crash left a core file'

# A command that is ended takes its child along, which holds the write end of this pipe.
mkfifo pipe
LD_PRELOAD=$trouble_library DAM_TEST_TROUBLE=wait "$program" show alone.h5 >/dev/null 9>pipe &
timeout 60 cat pipe || complain 'SIGUSR2: the child outlives the command'
wait $!
[ $? -eq $((128 + $(kill -l USR2))) ] || complain 'SIGUSR2: the command did not end by it'

# What it prints arrives whole and in order, or its loss is an error.
expect 0 dam show --csv alone.h5
[ "$(wc -l <"$out")" -eq 301 ] || complain 'dam show --csv: expected names and 300 rows'
[ "$(tail -1 "$out" | cut -d, -f4)" = 300 ] || complain 'dam show --csv: the last row'
to() {
    "${@:2}" >"$1"
}
refuses 1 'cannot write to standard output: No space left' to /dev/full dam show --csv alone.h5
refuses 1 'cannot write to standard output: No space left' to /dev/full dam verify alone.h5
closed() {
    "$@" >&-
}
refuses 1 'cannot write to standard output: Bad file descriptor' closed dam show --csv alone.h5
ignoring() {
    (trap '' CHLD && "$@")
}
prints ': ok, ' ignoring dam verify alone.h5
finish
