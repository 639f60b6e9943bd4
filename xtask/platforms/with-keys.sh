#!/bin/sh
# Runs a test program under an emulated x86-64 processor that has protection keys, on a kernel of its
# own: cargo's "runner" for `cargo xtask verify keys`.
#
#   with-keys.sh FOLDER PROGRAM [ARGUMENT]...
#
# FOLDER holds what `xtask/platforms/fetch.sh` has fetched: a kernel, a static busybox and a firmware. An
# initramfs is made of the program and the libraries that it is linked with; its `init` runs the
# program and says on the console how that ended.
set -eu
folder=$1
program=$2
shift 2
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
mkdir -p "$root/bin" "$root/proc" "$root/dev" "$root/tmp"
cp "$folder/bin/busybox" "$root/bin/"
cp "$program" "$root/program"
# Each library where the program looks for it: `name => path (address)`, or `path (address)`.
ldd "$program" | sed -n 's/.*=> //; s/^[[:space:]]*\(\/[^ ]*\) (.*/\1/p' | while read -r library; do
    mkdir -p "$root$(dirname "$library")"
    cp -L "$library" "$root$library"
done
{
    cat "$(dirname "$0")/init"
    printf '/program'
    for argument; do
        printf " '%s'" "$argument"
    done
    printf '\necho "exit: $?"\n/bin/busybox poweroff -f\n'
} > "$root/init"
chmod +x "$root/init"
(cd "$root" && find . -path ./initramfs -prune -o -print | cpio --quiet -o -H newc | gzip -1 > initramfs)
log=$root/log
qemu-system-x86_64 -accel tcg -cpu max -smp 2 -m 3072 -nographic -no-reboot -nic none \
    -L "$folder/usr/share/seabios" -L /usr/share/qemu \
    -kernel "$folder"/boot/vmlinuz-* -initrd "$root/initramfs" \
    -append "console=ttyS0 quiet panic=-1" < /dev/null | tr -d '\r' | tee "$log"
grep -q '^exit: 0$' "$log"
