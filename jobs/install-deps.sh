#!/usr/bin/env bash
# Installs what dam needs and this machine lacks: `jobs/install-deps.sh [--tests]`.
#
# Silent when nothing is missing. On Debian 12 or newer and Ubuntu 24.04 or newer it installs
# through apt-get, as root or with sudo; elsewhere it says what to install or load, and exits 1.
# PYTHON is the Python that draws the figures, /usr/bin/python3 where unset.
set -euo pipefail

# Every dependency stands in these two lists and nowhere else:
# Debian's package, how to see that it is there (by whatever means it came), what it is for.
list_dependencies() {
    need build-essential header stdlib.h 'compiles everything; C17'
    need meson program meson 'describes the build, its tests and the installation'
    need ninja-build program ninja 'runs the build'
    need pkg-config program pkg-config 'finds the libraries, and is how others find libdam'
    need libopenmpi-dev program mpicc 'MPI: ranks share the tasks of a study'
    need openmpi-bin program mpirun 'starts the ranks'
    need libhdf5-openmpi-dev parallel_hdf5 hdf5 'parallel HDF5, the result file'
    need hdf5-tools program h5dump 'h5dump and h5ls, to look into result files'
    need zlib1g-dev library zlib 'unpacks the files of image sets'
    need libopenblas-dev library openblas 'matrix products of the trained memories'
    need libyaml-dev library yaml-0.1 'parses studies and knows the line and column of each value'
    need librandom123-dev header Random123/philox.h 'Philox: random bits as a pure function'
    need libgmp-dev header gmp.h 'exact sums, where a decision needs more than 128 bits'
    need libmpfr-dev library mpfr 'decimal numbers of a study, correctly rounded everywhere'
    need libxxhash-dev library libxxhash 'XXH3: the content ids of cells and tasks'
    need libisal-dev library libisal 'CRC-32C of the journal and of the datasets'
    need python3-h5py python h5py 'reads result files for the figures'
    need python3-numpy python numpy 'computes with them'
    need python3-scipy python scipy 'fits and interpolates them'
    need python3-matplotlib python matplotlib 'draws them'
    need python3-jinja2 python jinja2 'fills the page of a report'
}

list_test_dependencies() {
    need libcmocka-dev library cmocka 'runs the unit tests'
    need dataset-fashion-mnist image_set fashion-mnist 'images to learn, without a download'
    need curl program curl 'fetches other image sets (jobs/fetch-data.sh)'
    need clang program clang 'a second opinion on warnings; libFuzzer'
    need libclang-rt-dev clang_runtime fuzzer 'its sanitizers and libFuzzer'
    need clang-format program clang-format 'checks the layout of the sources'
    need shellcheck program shellcheck 'checks the shell scripts'
    need valgrind program valgrind 'finds uses of uninitialised memory'
    need chromium program chromium 'loads, measures and prints the page of a report'
    need chromium-driver program chromedriver 'lets a test drive it'
    need python3-selenium python selenium 'speaks to it'
    need slurm-wlm daemon slurmctld 'a cluster on this machine, for the tests of jobs/'
    need munge daemon munged 'lets its parts trust each other'
}

find_missing() {
    missing=()
    reasons=()
    list_dependencies
    if $with_tests; then
        list_test_dependencies
    fi
}

# need PACKAGE PROBE ARGUMENT REASON: note the package and its reason unless the probe succeeds.
need() {
    if ! "$2" "$3" >/dev/null 2>&1; then
        missing+=("$1")
        reasons+=("$4")
    fi
}

program() {
    command -v "$1"
}
# Not every user's PATH has the folder that daemons are in.
daemon() {
    PATH=$PATH:/usr/sbin command -v "$1"
}
library() {
    pkg-config --exists "$1"
}
header() {
    echo "#include <$1>" | cc -fsyntax-only -x c -
}
python() {
    "${PYTHON:-/usr/bin/python3}" -c "import importlib.util; assert importlib.util.find_spec('$1')"
}
# Debian calls it by the MPI it was built with; elsewhere only the parallel build has h5pcc.
parallel_hdf5() {
    library "$1-openmpi" || { library "$1" && program h5pcc; }
}
# Where the package has it, or jobs/fetch-data.sh left it.
image_set() {
    local file=$1/train-images-idx3-ubyte.gz
    [ -f "/usr/share/datasets/$file" ] || [ -f "${DAM_DATA:-}/$file" ]
}
clang_runtime() {
    [ -n "$(find "$(clang -print-resource-dir)/lib" -name "libclang_rt.$1*.a")" ]
}

# As root, or by a sudo that asks for no password or can ask for one here.
install_missing() {
    local -a as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || return 1
        sudo -n true 2>/dev/null || [ -t 0 ] || return 1
        as_root=(sudo)
    fi
    echo "Installing: ${missing[*]}" >&2
    "${as_root[@]}" apt-get update -qq >&2
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install --yes --no-install-recommends -qq "${missing[@]}" >&2
}

say_what_is_missing() {
    local i
    echo "dam needs, under Debian's names:"
    for i in "${!missing[@]}"; do
        printf '  %-22s %s\n' "${missing[i]}" "${reasons[i]}"
    done
    if command -v apt-get >/dev/null; then
        echo "Install them as root: apt-get install ${missing[*]}"
    else
        echo "Install them with this system's packages, or load them ('module avail', 'module load'"
        echo "of Open MPI, HDF5 built with MPI, OpenBLAS, Python, ...), and start this again."
    fi
}

with_tests=false
case "${1-}" in
    '') ;;
    --tests) with_tests=true ;;
    *)
        echo "usage: $0 [--tests]" >&2
        exit 2
        ;;
esac

find_missing
[ ${#missing[@]} -gt 0 ] || exit 0
if command -v apt-get >/dev/null && install_missing; then
    find_missing # again: a Python of one's own, say, does not see Debian's modules
    [ ${#missing[@]} -gt 0 ] || exit 0
fi
say_what_is_missing >&2
exit 1
