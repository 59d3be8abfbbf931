#!/usr/bin/env bash
# fetch.sh PROGRAM: jobs/fetch-data.sh keeps what its checksums know, whole sets alone, and leaves
# nothing of what they do not. A mirror on this disk stands for the net.
# shellcheck source=tests/cli/expect.sh
. "$(dirname "$0")/expect.sh"

mirror=$folder/mirror
fetch=$folder/fetch-data.sh # knows the sums of the small files made here instead
export DAM_FETCH_BASE=file://$mirror HOME=$folder/home
unset DAM_DATA
idx_files="train-images-idx3-ubyte.gz train-labels-idx1-ubyte.gz
t10k-images-idx3-ubyte.gz t10k-labels-idx1-ubyte.gz"
archive=cifar10/cifar-10-binary.tar.gz

# teach NAME SUM: the copy takes files of this sum under the name
teach() {
    sed -i "s#\\($1[ =]\\)[0-9a-f]\\{32\\}#\\1$2#" "$fetch"
    grep -q "$2" "$fetch" || complain "$fetch has no sum for $1"
}

sum_of() {
    md5sum | cut -d' ' -f1
}

make_mirror() {
    local set file cifar10=cifar-10-batches-bin
    cp "$root/jobs/fetch-data.sh" "$fetch"
    mkdir -p "$mirror/mnist" "$mirror/fashion-mnist" "$mirror/cifar10" "$cifar10"
    for set in mnist fashion-mnist; do
        for file in $idx_files; do
            echo "$set $file" | gzip >"$mirror/$set/$file"
            teach "$set/$file" "$(echo "$set $file" | sum_of)"
        done
    done
    for file in data_batch_{1..5} test_batch; do
        echo "$file" >"$cifar10/$file.bin"
    done
    tar -czf "$mirror/$archive" "$cifar10"
    teach cifar10_md5 "$(sum_of <"$mirror/$archive")"
}

# keeps FOLDER SET...: the sets' files are there, and nothing else is
keeps() {
    local where=$1 set file expected=''
    shift
    for set in "$@"; do
        for file in $idx_files; do
            [ "$set" = cifar10 ] || expected+="$set/$file "
        done
    done
    [[ " $* " != *' cifar10 '* ]] ||
        expected+="$(echo cifar10/{MD5SUMS,data_batch_{1..5}.bin,test_batch.bin})"
    diff <(tr ' ' '\n' <<<"$expected" | sed '/^$/d' | sort) \
        <(find "$where" -not -type d -printf '%P\n' 2>/dev/null | sort) ||
        complain "$where holds others (right) than $* (left)"
    [ -z "$(find "$where" -name '.fetch-*' 2>/dev/null)" ] || complain "$where: left over"
}

make_mirror

# Everything, into the default place; and the line that names it.
expect 0 "$fetch"
[[ $(<"$out") == "export DAM_DATA=$HOME/dam-data" ]] || complain 'not the line to export'
keeps "$HOME/dam-data" mnist fashion-mnist cifar10
# Again: no mirror is asked.
DAM_FETCH_BASE=file:///nowhere expect 0 "$fetch"
[[ $(<"$err") == *'mnist is there already'*'cifar10 is there already'* ]] ||
    complain 'fetched again'
DAM_DATA=$folder/elsewhere expect 0 "$fetch" '' mnist
keeps "$folder/elsewhere" mnist
expect 0 "$fetch" "$folder/with blank" mnist
expect 0 bash -c "$(<"$out"); [ -d \"\$DAM_DATA/mnist\" ]"

# Files there that are others are not replaced, nor taken.
echo other | gzip >"$folder/elsewhere/mnist/t10k-labels-idx1-ubyte.gz"
expect 1 "$fetch" "$folder/elsewhere" mnist
[[ $(<"$err") == *'not as published'* && ! -s $out ]] || complain 'other content was taken'
zcat "$folder/elsewhere/mnist/t10k-labels-idx1-ubyte.gz" | grep -q other || complain 'replaced'
echo other >"$HOME/dam-data/cifar10/test_batch.bin"
expect 1 "$fetch" "$HOME/dam-data" cifar10
[[ $(<"$err") == *'not as published'* ]] || complain 'other content was taken'

# What the mirror gives in a file's place: another content, a page, half of it, nothing.
new=$folder/new
spoil() { # FILE COMMAND...: what the command prints is the mirror's file
    local file=$mirror/$1
    shift
    "$@" >"$folder/spoiled"
    cp "$file" "$folder/good"
    mv "$folder/spoiled" "$file"
    expect 1 "$fetch" "$new"
    [[ $(<"$err") == *"file://$file is not the published file"* ]] || complain "$* was not refused"
    [[ $(<"$out") == "export DAM_DATA=$new" ]] || complain 'the other sets were not fetched'
    mv "$folder/good" "$file"
}
other() {
    echo other | gzip
}
for spoilt in 'other' 'echo <html>' "head -c 30 $mirror/mnist/t10k-labels-idx1-ubyte.gz" 'true'; do
    # shellcheck disable=SC2086
    spoil mnist/t10k-labels-idx1-ubyte.gz $spoilt
    keeps "$new" fashion-mnist cifar10
    rm -r "$new/fashion-mnist" "$new/cifar10"
done
spoil $archive head -c 100 "$mirror/$archive"
keeps "$new" mnist fashion-mnist
rm -r "$new"
mv "$mirror/mnist/train-labels-idx1-ubyte.gz" "$folder/good"
expect 1 "$fetch" "$new" mnist
[[ $(<"$err") == *'could not be fetched'*'nothing of it is left behind'* && ! -s $out ]] ||
    complain 'a missing file was not told of'
[ ! -e "$new" ] || complain 'left over'
mv "$folder/good" "$mirror/mnist/train-labels-idx1-ubyte.gz"

# The published files, where they are here, by the script's own sums.
real_fetch=$root/jobs/fetch-data.sh
if [ -f /usr/share/datasets/fashion-mnist/t10k-labels-idx1-ubyte.gz ]; then
    DAM_FETCH_BASE=file:///usr/share/datasets expect 0 "$real_fetch" "$new" fashion-mnist
    keeps "$new" fashion-mnist
fi
expect 1 "$real_fetch" "$new" mnist cifar10
[[ $(<"$err") == *'not the published'*'nothing of it'*'not the published'*'nothing of it'* ]] ||
    complain 'the small files were taken for the published ones'

for bad in '--help' "$new imagenet" "$new mnist cifar"; do
    # shellcheck disable=SC2086
    expect 2 "$fetch" $bad
    [[ $(<"$err") == "usage: "* ]] || complain "$bad: no usage"
done
finish
