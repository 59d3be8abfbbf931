#!/usr/bin/env bash
# format.sh ROOT: the C sources are laid out as .clang-format says, by version 14: others differ in
# details.
set -euo pipefail
cd "$1"
# shellcheck source=tests/style/sources.sh
. tests/style/sources.sh

version=$(clang-format --version 2>/dev/null || true)
if [[ $version != *" version 14."* ]]; then
    echo "skipped: needs clang-format 14, found '${version:-none}'"
    exit 77
fi
sources '*.c' '*.h' | xargs clang-format --dry-run -Werror
