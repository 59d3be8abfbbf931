#!/usr/bin/env bash
# fuzz.sh TARGET PROGRAM SEEDS...: fuzz for DAM_FUZZ_SECONDS (7), from these folders' inputs and
# those that PROGRAM makes here. A finding stays beside TARGET, and its name is printed.
# DAM_FUZZ_CORPUS names a folder that keeps what a longer search finds interesting.
set -euo pipefail
target=$(realpath "$1")
program=$(realpath "$2")
shift 2
name=$(basename "$target" | sed 's/^fuzz_//')
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# shellcheck source=jobs/mpi-env.sh
. "$root/jobs/mpi-env.sh"
seeds=()
for folder in "$@"; do
    [ ! -d "$folder" ] || seeds+=("$(realpath "$folder")")
done
work=$(mktemp -d /dev/shm/dam-fuzz-XXXXXX)
trap 'rm -rf "$work"' EXIT
export TMPDIR=$work # removed here even where a finding ends the target

# Files as this version writes them, small ones.
make_seeds() {
    local study
    cat >capacity.yaml <<<'{kind: capacity, seed: 1, starts: 2, N: 20, K: [1, 4]}'
    cat >threshold.yaml <<<'{kind: threshold, seed: 1, N: 10, precision: 0.5, max_trials: 100}'
    cat >xor.yaml <<<'{kind: xor, seed: 7}'
    for study in *.yaml; do
        # Leaks of what Open MPI leaves are none of ours.
        ASAN_OPTIONS=detect_leaks=0 "$program" run "$study" >run.log 2>&1 || cat run.log
    done
    mkdir made
    case $name in
        result) cp ./*.h5 made ;;
        status) for study in *.journal; do cp "$study/status" "made/$study"; done ;;
        journal) for study in *.journal; do cat "$study"/rows-* >"made/$study"; done ;;
    esac
}

cd "$work"
make_seeds
corpus=${DAM_FUZZ_CORPUS:-$work/corpus}
mkdir -p "$corpus"
findings=$(dirname "$target")/finding-$name-
"$target" -max_total_time="${DAM_FUZZ_SECONDS:-7}" -timeout=30 -rss_limit_mb=4096 \
    -artifact_prefix="$findings" -print_final_stats=1 -verbosity=1 \
    "$corpus" made "${seeds[@]}" 2>fuzz.log || {
    tail -50 fuzz.log
    for finding in "$findings"*; do
        echo "Reproduce it: $target $finding; keep it in tests/fuzz/seeds/$name, once mended."
    done
    exit 1
}
tail -12 fuzz.log
