#!/usr/bin/env bash
# Fetches image sets: `jobs/fetch-data.sh [FOLDER [SET...]]`, by default all into DAM_DATA, or into
# ~/dam-data where that is not set. SET is mnist, fashion-mnist or cifar10.
#
# A set is kept only where its checksums are those of the published files, and gets its place whole
# or not at all; one that is there already is checked and kept. The last line is the one that lets
# dam find them: `eval "$(jobs/fetch-data.sh)"`. Exits 1 where a set could not be had.
# DAM_FETCH_BASE is the URL of a mirror with a folder for each set, asked instead of the public ones
# (file:///... of a disk).
set -euo pipefail

# Where a set is published.
mirrors() {
    if [ -n "${DAM_FETCH_BASE-}" ]; then
        echo "$DAM_FETCH_BASE/$1"
        return
    fi
    case $1 in
        mnist)
            echo https://ossci-datasets.s3.amazonaws.com/mnist
            echo https://storage.googleapis.com/cvdf-datasets/mnist
            echo https://yann.lecun.com/exdb/mnist
            ;;
        fashion-mnist)
            echo https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion
            echo http://fashion-mnist.s3-website.eu-central-1.amazonaws.com
            ;;
        cifar10) echo https://www.cs.toronto.edu/~kriz ;;
    esac
}

# MD5 of what is in the compressed files: compressing them again changes nothing that matters.
contents='
    mnist/train-images-idx3-ubyte.gz 6bbc9ace898e44ae57da46a324031adb
    mnist/train-labels-idx1-ubyte.gz a25bea736e30d166cdddb491f175f624
    mnist/t10k-images-idx3-ubyte.gz 2646ac647ad5339dbf082846283269ea
    mnist/t10k-labels-idx1-ubyte.gz 27ae3e4e09519cfbb04c329615203637
    fashion-mnist/train-images-idx3-ubyte.gz f4a8712d7a061bf5bd6d2ca38dc4d50a
    fashion-mnist/train-labels-idx1-ubyte.gz 9018921c3c673c538a1fc5bad174d6f9
    fashion-mnist/t10k-images-idx3-ubyte.gz 8181f5470baa50b63fa0f6fddb340f0a
    fashion-mnist/t10k-labels-idx1-ubyte.gz 15d484375f8d13e6eb1aabb0c3f46965
'
cifar10_archive=cifar-10-binary.tar.gz
cifar10_md5=c32a1d4ab5d03f1284b67883e8d87530 # of the archive, as its page has it

say() {
    printf '%s: %s\n' "$0" "$*" >&2
}

# files_of SET: each file and the sum of its content
files_of() {
    sed -n "s|^ *$1/||p" <<<"$contents"
}

# is_published FILE MD5
is_published() {
    local sum
    case $1 in
        *.tar.gz) sum=$(md5sum <"$1") ;;
        *) sum=$(gzip --decompress --stdout 2>/dev/null <"$1" | md5sum) || return 1 ;;
    esac
    [ "${sum%% *}" = "$2" ]
}

# download SET FILE MD5: into the working folder, from the first mirror that has the very file
download() {
    local set=$1 file=$2 sum=$3 base
    while read -r base; do
        if ! curl --fail --location --silent --show-error --connect-timeout 20 --retry 2 \
            --output "$work/$file" "$base/$file" </dev/null; then
            say "$base/$file could not be fetched"
        elif is_published "$work/$file" "$sum"; then
            return 0
        else
            say "$base/$file is not the published file (MD5 $sum); refused"
        fi
    done < <(mirrors "$set")
    return 1
}

# is_whole SET FOLDER: it has every file of the set, with the published content
is_whole() {
    local set=$1 folder=$2 file sum
    if [ "$set" = cifar10 ]; then # sums of our own: those of the published archive's files
        (cd "$folder" && md5sum --check --status MD5SUMS) 2>/dev/null
        return
    fi
    while read -r file sum; do
        [ -f "$folder/$file" ] && is_published "$folder/$file" "$sum" || return 1
    done < <(files_of "$set")
}

# make_set SET: in the working folder
make_set() {
    local set=$1 file sum
    mkdir "$work/$set" || return 1
    if [ "$set" = cifar10 ]; then
        download cifar10 "$cifar10_archive" "$cifar10_md5" &&
            tar -xzf "$work/$cifar10_archive" -C "$work/$set" --no-same-owner \
                --strip-components=1 &&
            (cd "$work/$set" && md5sum data_batch_[1-5].bin test_batch.bin >MD5SUMS)
        return
    fi
    while read -r file sum; do
        download "$set" "$file" "$sum" && mv "$work/$file" "$work/$set/" || return 1
    done < <(files_of "$set")
}

get_set() {
    local set=$1
    if is_whole "$set" "$folder/$set"; then
        say "$set is there already"
        return
    fi
    rmdir "$folder/$set" 2>/dev/null || true # an empty one is as none
    if [ -e "$folder/$set" ]; then
        say "$folder/$set is there, but not as published: move it away, and start this again"
        return 1
    fi
    say "fetching $set"
    make_set "$set" && mv -T "$work/$set" "$folder/$set" && return
    say "$set could not be had; nothing of it is left behind"
    return 1
}

usage() {
    echo "usage: $0 [FOLDER [SET...]], SET one of: mnist fashion-mnist cifar10" >&2
    exit 2
}

folder=${1:-${DAM_DATA:-$HOME/dam-data}}
shift $(($# > 0))
sets=("$@")
[ ${#sets[@]} -gt 0 ] || sets=(mnist fashion-mnist cifar10)
[[ $folder != -* ]] || usage
for set in "${sets[@]}"; do
    [[ $set =~ ^(mnist|fashion-mnist|cifar10)$ ]] || usage
done
command -v curl >/dev/null || {
    say 'needs curl'
    exit 1
}

mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
work=$(mktemp -d "$folder/.fetch-XXXXXX")
trap 'rm -rf "$work"; rmdir "$folder" 2>/dev/null || true' EXIT
trap 'exit 1' HUP INT TERM

missing=0
for set in "${sets[@]}"; do
    get_set "$set" || missing=$((missing + 1))
done
[ "$missing" -eq ${#sets[@]} ] || printf 'export DAM_DATA=%q\n' "$folder"
exit $((missing > 0))
