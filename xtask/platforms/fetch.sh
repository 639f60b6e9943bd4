#!/bin/sh
# What can be had from Debian's archive: packages to install, an older Rust, and a kernel to emulate.
#
#   fetch.sh install PACKAGE...      installs packages
#   fetch.sh rust VERSION FOLDER     unpacks a Rust, such as 1.85, below FOLDER/usr
#   fetch.sh std VERSION FOLDER ARCHITECTURE
#                                    adds the compiled standard library for one of Debian's
#                                    architectures to that Rust
#   fetch.sh kernel FOLDER           unpacks a kernel, a firmware, and a static busybox
#
# Debian 12 carries the Rust that browsers are built with as `rustc-web`, next to whatever rustup has
# installed. It is unpacked rather than installed, so that it cannot get in the way of the Rust in
# use. Its package of the standard library's source makes it a compiler for every target: cargo
# builds the library along with the crate.
set -eu

fail() {
    echo "$*" >&2
    exit 1
}

may_install() {
    [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null
}

# A download that breaks off is tried again.
apt() {
    DEBIAN_FRONTEND=noninteractive \
        apt-get -o Acquire::Retries=3 -o DPkg::Lock::Timeout=120 "$@" > /dev/null
}

update() {
    apt update --quiet
}

install() {
    may_install || fail "needs the Debian packages $*"
    update
    apt install --yes --no-install-recommends "$@"
}

# Downloads packages and unpacks them into a folder, which is not there until it is complete.
unpack() {
    home=$1
    shift
    rm -rf "$home.partial"
    mkdir -p "$home.partial"
    cd "$home.partial"
    apt download "$@"
    for file in *.deb; do
        dpkg-deb --extract "$file" .
        rm "$file"
    done
    mv "$home.partial" "$home"
}

# The newest full version of a Rust such as 1.85.
full_version() {
    apt-cache madison rustc-web | awk -F '|' -v wanted="$1." \
        '{ gsub(/ /, "", $2) } index($2, wanted) == 1 { print $2; exit }'
}

# The first package that another one depends on and that begins so.
dependency() {
    apt-cache depends --important "$1" | awk -v wanted="$2" \
        '$1 == "Depends:" && index($2, wanted) == 1 { print $2; exit }'
}

rust() {
    version=$1
    command -v apt-cache > /dev/null || fail "needs Rust $version, from rustup"
    full=$(full_version "$version")
    if [ -z "$full" ] && may_install; then
        update
        full=$(full_version "$version")
    fi
    [ -n "$full" ] || fail "needs Rust $version, from rustup or as Debian's package rustc-web"
    llvm=$(dependency "libstd-rust-web-$version" libllvm)
    [ -d "$2" ] || unpack "$2" "rustc-web=$full" "libstd-rust-web-$version=$full" \
        "libstd-rust-web-dev=$full" "rust-web-src=$full" "$llvm"
    # Libraries of its libraries may be missing; installed as a package, they come along.
    LD_LIBRARY_PATH=$(echo "$2"/usr/lib/*-linux-gnu) "$2/usr/bin/rustc" --version > /dev/null 2>&1 ||
        install "$llvm"
}

# The system's own lists of packages, which are of its own architecture, are left alone.
std() {
    full=$(full_version "$1")
    lists=$2/lists-$3
    mkdir -p "$lists/partial"
    set -- "$2" "$3" -o "APT::Architectures=$(dpkg --print-architecture),$3" \
        -o "Dir::State::lists=$lists" -o "Dir::Cache=$lists" -o Acquire::Languages=none
    into=$1
    package=libstd-rust-web-dev:$2=$full
    shift 2
    apt "$@" update --quiet
    cd "$lists"
    apt "$@" download "$package"
    dpkg-deb --extract ./*.deb "$into"
    rm -r "$lists"
}

kernel() {
    kernel=$(dependency linux-image-cloud-amd64 linux-image-)
    [ -n "$kernel" ] || fail "needs the Debian package linux-image-cloud-amd64"
    [ -d "$1" ] || unpack "$1" "$kernel" busybox-static seabios
}

# One at a time: neither of two checks may find the archive locked, or unpack what the other does.
if [ -z "${FETCHING:-}" ] && command -v flock > /dev/null; then
    FETCHING=1 exec flock "$0" "$0" "$@"
fi
"$@"
