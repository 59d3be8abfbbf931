# shellcheck shell=bash
# Sourced in the project's root: the files the checks look at.

# The project's files that match the patterns (* crosses folders): tracked, or new and not ignored.
# Of an exported tree without git, everything but build folders and results.
sources() {
    local listing
    if [ -e .git ] &&
        listing=$(git ls-files --cached --others --exclude-standard -- "$@" 2>/dev/null); then
        # A file that was removed, or moved, may still be in the index.
        printf '%s\n' "$listing" | sort -u | while IFS= read -r file; do
            [ ! -f "$file" ] || printf '%s\n' "$file"
        done
        return
    fi
    local pattern paths=()
    for pattern in "$@"; do
        paths+=(-o -path "./$pattern")
    done
    find . \( -path './build*' -o -path ./results -o -name __pycache__ \) -prune -o -type f \
        \( -false "${paths[@]}" \) -print | sed 's|^\./||' | sort
}
