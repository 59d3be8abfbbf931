#!/usr/bin/env bash
# install.sh ROOT BUILD: what `meson install` leaves is whole: a program outside the tree, which
# knows pkg-config alone, builds and runs against the shared and the static library; the program
# and its man page are there.
set -euo pipefail
root=$1 build=$2
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT

fail() {
    echo "$*"
    exit 1
}

# What a stored memory far below capacity must do: stay, and come back from noise by as many flips
# as there were wrong spins. P_error at N = 100, K = 14, n = 2 is Q(sqrt(100 / 14)).
expected='P_error 0.00376
0 flipped: converged 1, overlap 100, flips 0
20 flipped: converged 1, overlap 100, flips 20'

meson install -C "$build" --no-rebuild --quiet --destdir "$stage"
pkg_config_file=$(find "$stage" -name dam.pc)
libraries=$(dirname "$(dirname "$pkg_config_file")")
# The staged tree is not where it will be in the end: name its prefix.
prefix=$stage$(pkg-config --variable=prefix "$pkg_config_file")
pkg_config() {
    PKG_CONFIG_PATH=$(dirname "$pkg_config_file") \
        pkg-config --define-variable=prefix="$prefix" "$@" dam
}

# build_and_run NAME LINK_OPTION...
build_and_run() {
    local name=$1 options
    shift
    read -r -a options <<<"$(pkg_config --cflags)"
    cc -std=c17 -Wall -Wextra -Werror "${options[@]}" "$root/tests/install/outside.c" \
        -o "$stage/$name" "$@"
    diff <(echo "$expected") <(LD_LIBRARY_PATH=$libraries "$stage/$name") ||
        fail "$name: expected (left), printed (right)"
}

read -r -a shared <<<"$(pkg_config --libs)"
build_and_run shared "${shared[@]}"
[[ $(ldd "$stage/shared") == *libdam.so* ]] || fail 'the shared library was not used'

# A static libdam beside shared libraries of the system: with only the archive in sight.
rm "$libraries"/libdam.so*
read -r -a static <<<"$(pkg_config --static --libs)"
build_and_run static "${static[@]}"

[[ $("$prefix/bin/dam" --version) == *"$(pkg_config --modversion)"* ]] ||
    fail 'the program and the library differ in version'
manual=$prefix/share/man/man1/dam.1
[ -s "$manual" ] || fail 'no man page'
if command -v man >/dev/null; then
    warnings=$(man --warnings --local-file "$manual" 2>&1 >/dev/null)
    [ -z "$warnings" ] || fail "$warnings"
fi
