#!/usr/bin/env bash
# From a fresh checkout to a figure: installs what is missing, builds, and runs the quickstart study
# on two ranks. Starting it again resumes or, when all is done, draws the figure again.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=jobs/mpi-env.sh
. jobs/mpi-env.sh

jobs/install-deps.sh

# Tests are left to tests/run.sh, which adds them to this same build.
[ -f build/build.ninja ] || meson setup build --buildtype=release -Dtests=disabled
meson compile -C build

mkdir -p results
mpirun -n 2 build/src/dam run experiments/quickstart.yaml -o results/quickstart.h5
"${PYTHON:-/usr/bin/python3}" analysis/plot.py results/quickstart.h5 -o results/quickstart.png

echo "results: results/quickstart.h5"
echo "figure:  results/quickstart.png"
