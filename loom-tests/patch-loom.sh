#!/bin/sh
# Makes a corrected copy of the loom that the crate in the current folder depends on.
#
#     sh patch-loom.sh FOLDER
#     RUSTFLAGS="--cfg loom" cargo --config "paths=['FOLDER']" test --release
#
# The second command takes the copy in loom's place. loom.patch says what it corrects. A copy that
# is there already and right is not touched, so cargo does not build it again. Needs `patch`.
set -eu
folder=${1:?a folder for the copy is needed}
patch=$(cd "$(dirname "$0")" && pwd)/loom.patch
manifest=$("${CARGO:-cargo}" metadata --format-version 1 --all-features |
    grep -o '"manifest_path":"[^"]*/loom-0\.7\.[23]/Cargo\.toml"' | head -n 1 | cut -d '"' -f 4)
if [ -z "$manifest" ]; then
    echo "patch-loom.sh: no loom 0.7.2 or 0.7.3 among the dependencies, and the patch is for those" >&2
    exit 1
fi
fresh=$folder.fresh
rm -rf "$fresh"
mkdir -p "$fresh"
cp -R "$(dirname "$manifest")/." "$fresh"
chmod -R u+w "$fresh"
patch -s -d "$fresh" -p 1 <"$patch"
if diff -rq "$fresh" "$folder" >/dev/null 2>&1; then
    rm -rf "$fresh"
else
    rm -rf "$folder"
    mv "$fresh" "$folder"
fi
