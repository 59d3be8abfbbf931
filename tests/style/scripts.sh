#!/usr/bin/env bash
# scripts.sh ROOT: the shell scripts parse, and shellcheck, where installed, has nothing to warn of.
set -euo pipefail
cd "$1"
# shellcheck source=tests/style/sources.sh
. tests/style/sources.sh

is_script() {
    case $1 in
        *.sh) true ;;
        *) [[ $(head -c 64 "$1" | tr -d '\0' | sed 1q) =~ ^#!.*[/\ ](ba)?sh($|\ ) ]] ;;
    esac
}

failed=0
while IFS= read -r file; do
    is_script "$file" || continue
    bash -n "$file" || failed=1
    if command -v shellcheck >/dev/null; then
        shellcheck --external-sources --severity=warning "$file" || failed=1
    fi
done < <(sources '*')
exit $failed
