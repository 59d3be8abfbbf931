# shellcheck shell=bash
# Sourced by the tests of the program, which take its path: a folder of their own to work in, and
# ways to say what a command must do. A test ends with `finish`.
set -uo pipefail
program=$(realpath "$1")
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# shellcheck source=jobs/mpi-env.sh
. "$root/jobs/mpi-env.sh"
# LeakSanitizer's tracer crashes now and then on the threads that Open MPI leaves at exit; leaks are
# the unit suite's matter.
export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0"
folder=$(mktemp -d) out=$(mktemp) err=$(mktemp)
trap 'rm -rf "$folder" "$out" "$err"' EXIT
cd "$folder" || exit 1
failures=0

dam() {
    "$program" "$@"
}

complain() {
    failures=$((failures + 1))
    printf '%s\n' "$*"
    sed 's/^/  stdout: /' "$out" | head -20
    sed 's/^/  stderr: /' "$err" | head -20
}

# expect CODE COMMAND...: it exits with this code; its output is left in $out and $err.
expect() {
    local code=$1 got
    shift
    "$@" >"$out" 2>"$err" </dev/null
    got=$?
    [ "$got" -eq "$code" ] || {
        complain "$*: exit code $got, expected $code"
        return 1
    }
}

# refuses CODE TEXT COMMAND...: it exits with this code, prints nothing, and says why in one line
# that begins with "dam: " and holds TEXT.
refuses() {
    local code=$1 text=$2
    shift 2
    expect "$code" "$@" || return
    if [ -s "$out" ] || [ "$(wc -l <"$err")" -ne 1 ] || [[ $(<"$err") != "dam: "*"$text"* ]]; then
        complain "$*: expected one line on stderr with '$text'"
    fi
}

# prints TEXT COMMAND...: it succeeds without a word on stderr, and stdout holds TEXT.
prints() {
    local text=$1
    shift
    expect 0 "$@" || return
    if [ -s "$err" ] || [[ $(<"$out") != *"$text"* ]]; then
        complain "$*: expected '$text' on stdout"
    fi
}

finish() {
    [ "$failures" -eq 0 ] || echo "$failures failures"
    exit $((failures > 0))
}
