#!/usr/bin/env bash
# headers.sh ROOT: every header compiles alone, and twice: the public ones as strict C17 and C++17,
# those of the layers as the project compiles them.
set -euo pipefail
cd "$1"
# shellcheck source=tests/style/sources.sh
. tests/style/sources.sh

read -r -a libraries <<<"$(pkg-config --cflags ompi-c hdf5-openmpi yaml-0.1 2>/dev/null || true)"
warnings=(-Wall -Wextra -Wpedantic -Werror)
failed=0

# compiles COMPILER HEADER OPTION...
compiles() {
    local compiler=$1 header=$2
    shift 2
    command -v "$compiler" >/dev/null || return 0
    if ! printf '#include <%s>\n#include <%s>\n' "$header" "$header" |
        "$compiler" "$@" "${warnings[@]}" -fsyntax-only -; then
        echo "$header does not compile alone: $compiler $*"
        failed=1
    fi
}

for header in $(sources 'include/*.h'); do
    for compiler in gcc clang; do
        compiles "$compiler" "${header#include/}" -Iinclude -x c -std=c17
    done
    for compiler in g++ clang++; do
        compiles "$compiler" "${header#include/}" -Iinclude -x c++ -std=c++17
    done
done
for header in $(sources 'src/*.h'); do
    for compiler in gcc clang; do
        compiles "$compiler" "${header#src/}" -Iinclude -Isrc "${libraries[@]}" -D_GNU_SOURCE \
            -x c -std=c17
    done
done
exit $failed
