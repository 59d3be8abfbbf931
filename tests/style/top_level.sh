#!/usr/bin/env bash
# top_level.sh ROOT: the root holds what the layout names, and dotfiles; all else has its folder.
set -euo pipefail
cd "$1"
# shellcheck source=tests/style/sources.sh
. tests/style/sources.sh

layout='meson.build meson_options.txt README.md LICENSE CHANGELOG.md CONTRIBUTING.md
include src experiments jobs tests analysis'
layers='cli dist engine kinds run study meson.build'

# unknown ENTRIES WORDS: the entries that are not among the words
unknown() {
    printf '%s\n' "$1" | sort -u | grep -vxF -f <(tr ' ' '\n' <<<"$2") || true
}
extra=$(
    unknown "$(sources '*' | cut -d/ -f1 | grep -v '^\.')" "$layout"
    unknown "$(sources 'src/*' | cut -d/ -f2)" "$layers"
)
[ -z "$extra" ] || {
    printf 'not in the layout:\n%s\n' "$extra"
    exit 1
}
