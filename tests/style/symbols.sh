#!/usr/bin/env bash
# symbols.sh ROOT BUILD: every external symbol of the library and of the layers begins with dam_.
# Two underscores belong to the compiler (sanitizers).
set -euo pipefail
cd "$2/src"

libraries=$(find . \( -name 'lib*.a' -o -name 'lib*.so.*' \) -type f)
[ -n "$libraries" ] || {
    echo "no library in $2/src"
    exit 1
}
failed=0
for library in $libraries; do
    case $library in
        *.a) symbols=$(nm --extern-only --defined-only --format=posix "$library") ;;
        *) symbols=$(nm --dynamic --defined-only --format=posix "$library") ;;
    esac
    grep -q '^dam_' <<<"$symbols" || {
        echo "$library defines no dam_ symbol: is it empty?"
        failed=1
    }
    # Lines of an archive that name its members end in a colon.
    if grep -Ev '^(dam_|__)|:$|^$' <<<"$symbols"; then
        echo "$library: external symbols without the prefix dam_, above"
        failed=1
    fi
done
exit $failed
