#!/bin/sh
# The package as a registry has it, below the folder BUILD: its tests pass. It compiles with the
# oldest releases that its manifest allows. In its documentation no link is dead and no picture is
# missing.
set -eu
cargo=${CARGO:-cargo}
root=$(cd "$(dirname "$0")/../.." && pwd)
home=$BUILD/package

fail() {
    echo "$*" >&2
    exit 1
}

unpack() {
    rm -rf "$home/package" "$home/unpacked"
    "$cargo" package --manifest-path "$root/Cargo.toml" --package slotarena --allow-dirty \
        --no-verify --target-dir "$home"
    mkdir -p "$home/unpacked"
    tar -xzf "$home"/package/slotarena-*.crate -C "$home/unpacked" --strip-components 1
    # It lies inside the repository's workspace, and is none of its members.
    printf '\n[workspace]\n' >> "$home/unpacked/Cargo.toml"
}

# Shares what the dependencies are built to with the other checks.
test_it() {
    "$cargo" test --target-dir "$BUILD" --lib --test table
    "$cargo" test --target-dir "$BUILD" --doc
}

compile_with_oldest_releases() {
    rm Cargo.lock
    RUSTC_BOOTSTRAP=1 "$cargo" -Zdirect-minimal-versions generate-lockfile
    "$cargo" check --lib --features serde --target-dir "$home/oldest"
    echo "cases: oldest releases 1"
}

# The local targets of a page, each once: of links, pictures, scripts, and styles.
targets() {
    grep -oE ' (href|src)="[^"]*"' "$1" | sed 's/^[^"]*"//; s/"$//' | sort -u |
        grep -vE '^([a-z]+:|//|#?$)' || true
}

# Prints the targets of a page that are not there. A place in a page of source is a range of lines.
dead() {
    for target in $(targets "$1"); do
        path=${target%%#*}
        path=${path%%\?*}
        file=$1
        [ -z "$path" ] || file=$(dirname "$1")/$path
        case $target in
            */src/*) place= ;;
            *#*) place=${target#*#} ;;
            *) place= ;;
        esac
        if [ ! -e "$file" ] || { [ -n "$place" ] && ! grep -qF "id=\"$place\"" "$file"; }; then
            echo "${1#"$home/"}: leads nowhere: $target"
        fi
    done
}

# Checks the documentation, with these options, as cargo writes it.
document() {
    rm -rf "$home/oldest/doc"
    RUSTDOCFLAGS=-Dwarnings "$cargo" doc --lib --no-deps --target-dir "$home/oldest" "$@"
    pages=$(find "$home/oldest/doc/slotarena" -name '*.html')
    wrong=$(for page in $pages; do dead "$page"; done)
    [ -z "$wrong" ] || fail "$wrong"
    echo "cases: pages $(echo "$pages" | wc -l)"
}

# A page with a dead link, a missing picture, and a place that it does not have.
notice() {
    page=$home/oldest/doc/slotarena/wrong.html
    echo '<a href="index.html"> <a href="none.html"> <img src="none.svg"> <a href="#none">' > "$page"
    [ "$(dead "$page" | wc -l)" = 3 ] || fail "dead links go unnoticed"
    rm "$page"
}

unpack
cd "$home/unpacked"
test_it
compile_with_oldest_releases
document --features serde
notice
document --no-default-features
