#!/usr/bin/env bash
# From a fresh checkout to a figure and a page: installs what is missing, builds, and runs the
# quickstart studies on two ranks. Starting it again resumes or, when all is done, draws again.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=jobs/mpi-env.sh
. jobs/mpi-env.sh

jobs/install-deps.sh

# Tests are left to tests/run.sh, which adds them to this same build.
[ -f build/build.ninja ] || meson setup build --buildtype=release -Dtests=disabled
meson compile -C build

mkdir -p results
for study in quickstart quickstart-threshold; do
    mpirun -n 2 build/src/dam run "experiments/$study.yaml" -o "results/$study.h5"
done
python=${PYTHON:-/usr/bin/python3}
"$python" analysis/plot.py results/quickstart.h5 -o results/quickstart.png
"$python" analysis/report.py results/quickstart.h5 results/quickstart-threshold.h5 \
    -o results/quickstart.html

echo "results: results/quickstart.h5 and results/quickstart-threshold.h5"
echo "figure:  results/quickstart.png"
echo "page:    results/quickstart.html"
