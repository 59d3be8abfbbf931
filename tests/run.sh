#!/usr/bin/env bash
# Installs what is missing, builds, and runs the tests: `tests/run.sh [--suite NAME]...`.
#
# All suites run in a release build (build/); those that sanitizers can judge run again under
# AddressSanitizer and UndefinedBehaviorSanitizer (build-sanitize/), and the fuzzers search for
# some seconds (build-fuzz/). The last line is 'N passed, N failed', counted from Meson's logs; the
# exit code is 0 only if none failed.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
# shellcheck source=jobs/mpi-env.sh
. jobs/mpi-env.sh

release_suites=(unit mpi cli repro slurm style)
sanitize_suites=(unit mpi cli)
fuzz_suites=(fuzz)
# Tests of ranks wait most of their time, for launchers.
processes=$((2 * $(nproc)))

# run_suites DIRECTORY SUITES SETUP_OPTION...: build there and run those of SUITES that are wanted.
run_suites() {
    local directory=$1 suites=$2 reconfigure=()
    shift 2
    local suite selected=()
    for suite in $suites; do
        is_wanted "$suite" && selected+=(--suite "$suite")
    done
    [ ${#selected[@]} -gt 0 ] || return 0

    [ ! -f "$directory/build.ninja" ] || reconfigure=(--reconfigure)
    rm -f "$directory/meson-logs/testlog.json"
    meson setup "${reconfigure[@]}" "$directory" -Dtests=enabled "$@" &&
        meson compile -C "$directory" &&
        meson test -C "$directory" --no-rebuild --print-errorlogs --timeout-multiplier 2 \
            --num-processes "$processes" "${selected[@]}" || broken+=("$directory")
    logs+=("$directory/meson-logs/testlog.json")
}

is_wanted() {
    local suite
    [ ${#wanted[@]} -gt 0 ] || return 0
    for suite in "${wanted[@]}"; do
        [ "$suite" != "$1" ] || return 0
    done
    return 1
}

# Print the closing line. A build that broke without a failed test to show for it counts as one.
summarise() {
    /usr/bin/env python3 - "${#broken[@]}" "$@" <<'PYTHON'
import collections, json, os, sys

results = collections.Counter()
for log in filter(os.path.exists, sys.argv[2:]):
    with open(log) as lines:
        results.update(json.loads(line)["result"] for line in lines)
passed = results.pop("OK", 0) + results.pop("EXPECTEDFAIL", 0)
skipped = results.pop("SKIP", 0)
failed = sum(results.values()) or int(sys.argv[1])
if passed + failed == 0:
    print("no test ran", file=sys.stderr)
    failed = 1
print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""), flush=True)
sys.exit(failed > 0)
PYTHON
}

all_suites=("${release_suites[@]}" "${fuzz_suites[@]}")
wanted=()
while [ $# -gt 0 ]; do
    if [ "$1" != --suite ] || [[ " ${all_suites[*]} " != *" ${2-} "* ]]; then
        echo "usage: $0 [--suite NAME]..., NAME one of: ${all_suites[*]}" >&2
        exit 2
    fi
    wanted+=("$2")
    shift 2
done

# Tests that need images skip themselves where this names no folder.
if [ -z "${DAM_DATA-}" ] && [ -d ../shared/data ]; then
    DAM_DATA=$(cd ../shared/data && pwd)
    export DAM_DATA
fi

broken=()
logs=()
if jobs/install-deps.sh --tests; then
    run_suites build "${release_suites[*]}" --buildtype=release
    export ASAN_OPTIONS=halt_on_error=1:abort_on_error=1
    export UBSAN_OPTIONS=halt_on_error=1:abort_on_error=1:print_stacktrace=1
    run_suites build-sanitize "${sanitize_suites[*]}" --buildtype=debugoptimized \
        -Db_sanitize=address,undefined -Db_lundef=false
    CC=clang run_suites build-fuzz "${fuzz_suites[*]}" --buildtype=debugoptimized -Dfuzz=true \
        -Db_sanitize=address,undefined -Db_lundef=false
else
    broken+=(dependencies)
fi
summarise "${logs[@]}"
