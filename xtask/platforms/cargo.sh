#!/bin/sh
# Runs cargo for other platforms than the one at hand, and under the sanitizers.
#
#   cargo.sh prepare PLATFORM                fetches what is needed, or says why it cannot be had
#   cargo.sh run PLATFORM                    runs the check
#   cargo.sh run thread|address COMMAND...   runs a cargo command under a sanitizer
#
# msrv      the library builds with the Rust that the manifest promises
# windows   the tests pass on Windows, or rather on Wine; without Wine they compile
# portable  the tests pass where addresses have 32 bits; without virtual memory, threads, and a clock
#           cases of its own pass, in node
# emulated  the tests pass on AArch64, and on s390x, which is big-endian
# systems   the library compiles for other systems; one without 64-bit atomics is named as such; old C
#           libraries have what it calls
# package   what a registry has: see package.sh
# keys      the tests of protection keys pass on an emulated processor that has them
# thread    ThreadSanitizer: accesses are ordered
# address   AddressSanitizer: memory is in use when it is used
#
# With nothing to run: what the checks of the proofs and of the counts need, and, installing
# nothing, those of a quick run.
#
# Each takes what rustup has installed, else what Debian's archive offers. The variable BUILD names
# cargo's build folder.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cargo=${CARGO:-cargo}
version=$(sed -n 's/^rust-version *= *"\([0-9]*\.[0-9]*\).*/\1/p' "$here/../../Cargo.toml")
sysroot=$BUILD/debian-rust-$version/usr
host=x86_64-unknown-linux-gnu
msvc=x86_64-pc-windows-msvc
gnu=x86_64-pc-windows-gnu
small=i686-unknown-linux-gnu
bare=wasm32-unknown-unknown

# What compiles all there is to test, runs the tests that say most about a system in little time,
# and compiles where nothing can be linked.
compile='test --tests --no-run'
run='test --lib --test table --test code'
check='check --lib --tests'

fail() {
    echo "$*" >&2
    exit 1
}

fetch() {
    "$here/fetch.sh" "$@"
}

# The Rust that Debian has.
debian_rust() {
    with_debian "$sysroot/bin/rustc" --version > /dev/null 2>&1 ||
        fetch rust "$version" "$BUILD/debian-rust-$version"
    case $(with_debian "$sysroot/bin/rustc" --version) in
        "rustc $version."*) ;;
        *) fail "$sysroot is another Rust, expected $version" ;;
    esac
}

with_debian() {
    RUSTC=$sysroot/bin/rustc \
        LD_LIBRARY_PATH=$sysroot/lib/x86_64-linux-gnu${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} "$@"
}

# Has the standard library built along, or as much as STD names, which Debian has in source for every
# target.
with_std() {
    RUSTC_BOOTSTRAP=1 CARGO_UNSTABLE_BUILD_STD=${STD:-std,panic_abort} with_debian "$@"
}

# Does the Rust in use have a compiled standard library for these targets?
has_std() {
    for target; do
        [ -n "$(ls "$(rustc --print target-libdir --target "$target")" 2> /dev/null)" ] || return 1
    done
}

# Has Debian's Rust a compiled standard library for this target?
debian_has_std() {
    [ -n "$(ls "$sysroot/lib/rustlib/$1/lib"/libstd-*.rlib 2> /dev/null)" ]
}

# cross TARGET COMMAND WORDS: cargo for a target.
cross() {
    target=$1
    command=$2
    shift 2
    set -- "$cargo" "$command" --target "$target" --target-dir "$BUILD/cross" "$@"
    if has_std "$target"; then
        "$@"
    elif debian_has_std "$target"; then
        with_debian "$@"
    else
        with_std "$@"
    fi
}

rustup_name() {
    rustup toolchain list 2> /dev/null | awk -v wanted="$version" \
        'index($1, wanted "-") == 1 || index($1, wanted ".") == 1 { print $1; exit }'
}

wine() {
    for place in wine64 /usr/lib/wine/wine64 wine; do
        # By `env`, since this function has the name of one of them.
        if env "$place" --version > /dev/null 2>&1; then
            echo "$place"
            return
        fi
    done
    return 1
}

# The two object files that frame every program of a Windows target built with GNU tools, and that
# come with a compiled standard library only; a library that Wine lacks.
frame() {
    objects=$sysroot/lib/rustlib/$gnu/lib
    mkdir -p "$objects" "$BUILD/wine/libraries"
    for name in rsbegin rsend; do
        with_std "$sysroot/bin/rustc" --target "$gnu" --emit=obj -o "$objects/$name.o" \
            "$sysroot/lib/rustlib/src/rust/library/rtstartup/$name.rs"
    done
    x86_64-w64-mingw32-gcc -shared -o "$BUILD/wine/libraries/bcryptprimitives.dll" \
        "$here/bcryptprimitives.c" -ladvapi32
}

# Does the C compiler, which links for us, have what a 32-bit program is linked with?
links_32_bits() {
    for file in crt1.o libgcc.a; do
        case $(gcc -m32 -print-file-name=$file 2> /dev/null) in
            */*) ;;
            *) return 1 ;;
        esac
    done
}

# The runtime of a sanitizer, which comes with the Rust in use.
runtime() {
    [ "$(uname -sm)" = "Linux x86_64" ] || fail "needs x86-64 Linux"
    file=$(ls "$(rustc --print target-libdir --target $host)"/*_rt."$1".a 2> /dev/null) ||
        fail "needs a Rust that brings lib…_rt.$1.a for $host"
    echo "$file"
}

prepare_msrv() {
    [ -n "$(rustup_name)" ] || debian_rust
}

run_msrv() {
    name=$(rustup_name)
    if [ -n "$name" ]; then
        rustup run "$name" cargo check --lib --target-dir "$BUILD/msrv"
    else
        with_debian "$cargo" check --lib --target-dir "$BUILD/msrv"
    fi
}

prepare_windows() {
    has_std $msvc && return
    debian_rust
    wine > /dev/null || fetch install gcc-mingw-w64-x86-64-win32 wine64 || echo "compiling only"
}

run_windows() {
    if has_std $msvc || ! wine > /dev/null; then
        cross $msvc $check
        return
    fi
    frame
    cross $gnu $compile
    # Neither .NET nor a browser is wanted, and a run cannot decline them.
    CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUNNER=$(wine) WINEPREFIX=$BUILD/wine/prefix \
        WINEPATH=$BUILD/wine/libraries WINEDEBUG=-all WINEDLLOVERRIDES=mscoree,mshtml= \
        cross $gnu $run
}

# A linker of WebAssembly: that of the Rust in use, or Debian's.
wasm_linker() {
    ls "$(rustc --print sysroot)/lib/rustlib/$host/bin/rust-lld" 2> /dev/null ||
        command -v wasm-ld
}

runs_wasm() {
    wasm_linker > /dev/null && node --version > /dev/null 2>&1
}

prepare_portable() {
    has_std $small $bare || debian_rust
    links_32_bits || fetch install gcc-multilib || echo "compiling only"
    runs_wasm || need wasm-ld:lld node:nodejs || echo "compiling only"
}

run_portable() {
    if links_32_bits; then
        cross $small $compile
        cross $small $run
    else
        cross $small $check
    fi
    if runs_wasm; then
        CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=$(wasm_linker) \
            cross $bare build --package wasm_cases
        node "$here/../../tests/wasm/cases.mjs" "$BUILD/cross/$bare/debug/wasm_cases.wasm"
    else
        cross $bare check --lib
    fi
}

# The packages of the programs that are missing, from pairs of both.
missing() {
    for pair; do
        command -v "${pair%%:*}" > /dev/null || echo "${pair#*:}" | tr ',\n' '  '
    done
}

# Installs the packages of the programs that are missing.
need() {
    packages=$(missing "$@")
    [ -z "$packages" ] || fetch install $packages
}

proof_tools='coqc:coq spin:spin z3:z3 gcc:gcc'

prepare_proofs() {
    need $proof_tools
}

prepare_quick() {
    packages=$(missing $proof_tools)
    [ -z "$packages" ] || fail "not installed, and a quick run installs nothing: $packages"
}

prepare_counts() {
    need valgrind:valgrind objdump:binutils
}

prepare_emulated() {
    [ "$(uname -sm)" = "Linux x86_64" ] || fail "needs x86-64 Linux"
    has_std aarch64-unknown-linux-gnu s390x-unknown-linux-gnu || {
        debian_rust
        debian_has_std aarch64-unknown-linux-gnu ||
            fetch std "$version" "${sysroot%/usr}" arm64 || echo "building std along"
        debian_has_std s390x-unknown-linux-gnu ||
            fetch std "$version" "${sysroot%/usr}" s390x || echo "building std along"
    }
    need aarch64-linux-gnu-gcc:gcc-aarch64-linux-gnu,libc6-dev-arm64-cross \
        s390x-linux-gnu-gcc:gcc-s390x-linux-gnu,libc6-dev-s390x-cross qemu-s390x:qemu-user
}

# Left out: tests that run a process of their own, which nothing would emulate; one that asks for
# more addresses than the emulator has; and one that expects two mappings of one memory, which it
# does not know.
emulated() {
    name=CARGO_TARGET_$(echo "$1" | tr '[:lower:]' '[:upper:]')_UNKNOWN_LINUX_GNU
    export "${name}_LINKER=$1-linux-gnu-gcc" "${name}_RUNNER=qemu-$1 -L /usr/$1-linux-gnu"
    cross "$1-unknown-linux-gnu" $run --test slab -- \
        --skip deaths:: --skip forks:: --skip address_space_limits --skip every_number_stays \
        --skip the_protection_in_force_is_reported
}

# A little optimized, which takes less time than emulating more.
run_emulated() {
    export CARGO_PROFILE_DEV_OPT_LEVEL=1 CARGO_PROFILE_DEV_DEBUG=0
    export CARGO_UNSTABLE_BUILD_STD_FEATURES=panic-unwind
    emulated s390x
    emulated aarch64
}

others='x86_64-unknown-freebsd x86_64-unknown-netbsd aarch64-linux-android x86_64-unknown-linux-musl'
poor=powerpc-unknown-linux-gnu

prepare_systems() {
    has_std $others $poor || debian_rust
}

# compiles TARGET OPTION...: the library compiles. No code is made, nor of a standard library that is
# built along.
compiles() {
    target=$1
    shift
    if has_std "$target"; then
        cross "$target" check --lib "$@"
    else
        RUSTFLAGS="${RUSTFLAGS:-} -Zno-codegen" CARGO_UNSTABLE_BUILD_STD_FEATURES=panic-unwind \
            cross "$target" check --lib "$@"
    fi
    echo "cases: compiles for $target 1"
}

# A target without 64-bit atomics is refused in these words, and has handles and keys.
lacks_atomics() {
    words='slotarena needs 64-bit atomics'
    said=$("$cargo" check --keep-going --lib --target "$1" --target-dir "$BUILD/cross" 2>&1) &&
        fail "compiles for $1, expected: $words"
    case $said in
        *"$words"*) echo "cases: refuses $1 1" ;;
        *) fail "says, for $1: $said" ;;
    esac
    STD=core compiles "$1" --no-default-features
}

# The functions that a C library has since version 2.18, and had by no older name.
newer() {
    nm -D --defined-only "$1" | awk '{ split($3, part, /@+GLIBC_2\./) }
        part[2] != "" && !(part[1] in oldest && oldest[part[1]] < part[2] + 0) {
            oldest[part[1]] = part[2] + 0
        }
        END { for (name in oldest) if (oldest[name] > 17) print name }' | sort
}

undefined() {
    nm -D --undefined-only "$1" | awk '$1 == "U" { sub(/@.*/, "", $2); print $2 }' | sort -u
}

# What is linked to the crate needs no function newer than glibc 2.17 that a library of nothing but a
# panic does not need.
links_to_old_libraries() {
    "$cargo" build --package wasm_cases --target-dir "$BUILD/cross"
    newer "$(gcc -print-file-name=libc.so.6)" > "$BUILD/cross/newer"
    grep -q '^memfd_create$' "$BUILD/cross/newer" || fail "this C library is as old: it shows nothing"
    echo '#[unsafe(no_mangle)] pub fn f() { panic!() }' |
        rustc --edition 2024 --crate-type cdylib --crate-name empty -o "$BUILD/cross/empty.so" -
    undefined "$BUILD/cross/empty.so" > "$BUILD/cross/rust"
    undefined "$BUILD/cross/debug/libwasm_cases.so" > "$BUILD/cross/needed"
    grep -q '^mmap' "$BUILD/cross/needed" || fail "no symbol was read"
    comm -12 "$BUILD/cross/newer" "$BUILD/cross/needed" | comm -23 - "$BUILD/cross/rust" \
        > "$BUILD/cross/strange"
    [ ! -s "$BUILD/cross/strange" ] || fail "not in glibc 2.17: $(cat "$BUILD/cross/strange")"
    echo "cases: symbols of glibc $(wc -l < "$BUILD/cross/needed")"
}

run_systems() {
    for other in $others; do
        compiles "$other"
    done
    lacks_atomics $poor
    [ "$(uname -sm)" != "Linux x86_64" ] || links_to_old_libraries
}

prepare_package() {
    tar --version > /dev/null
}

run_package() {
    "$here/package.sh"
}

prepare_keys() {
    [ "$(uname -sm)" = "Linux x86_64" ] || fail "needs x86-64 Linux"
    { qemu-system-x86_64 --version && cpio --version; } > /dev/null 2>&1 ||
        fetch install qemu-system-x86 cpio
    [ -d "$BUILD/emulate" ] || fetch kernel "$BUILD/emulate"
}

run_keys() {
    CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER="$here/with-keys.sh $BUILD/emulate" \
        "$cargo" test --test code -- --test-threads=1
}

prepare_thread() {
    runtime tsan > /dev/null
    debian_rust
}

# An instrumented standard library is needed, or locks and channels are taken for races: Debian's,
# linked to the runtime of the Rust in use. Symbols are exported, so that the program's own calls of
# the system's functions are seen.
run_thread() {
    link="-Zpre-link-arg=-Wl,--whole-archive -Zpre-link-arg=$(runtime tsan)"
    link="$link -Zpre-link-arg=-Wl,--no-whole-archive -Clink-arg=-Wl,--export-dynamic"
    RUSTFLAGS="-Zsanitizer=thread --cfg slotarena_plain -Zexternal-clangrt $link ${RUSTFLAGS:-}" \
        CARGO_BUILD_TARGET=$host with_std "$@"
}

prepare_address() {
    runtime asan > /dev/null
}

# What is released is read-only there, so that a store to it is seen as well. A test asks for more
# than there can be, and expects to be refused.
run_address() {
    RUSTFLAGS="-Zsanitizer=address --cfg slotarena_guard ${RUSTFLAGS:-}" RUSTC_BOOTSTRAP=1 \
        ASAN_OPTIONS=allocator_may_return_null=1 CARGO_BUILD_TARGET=$host "$@"
}

what=$1_$2
shift 2
"$what" "$@"
