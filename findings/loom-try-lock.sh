#!/usr/bin/env bash
# loom 0.7.2 explores no execution in which `Mutex::try_lock` fails because another thread holds the
# lock, even where that thread does something under the lock.
#
# A guess from std: of one thread that locks, stores twice and unlocks, and another that tries the
# lock once, some executions have the try fail. loom says that it explores all executions. It counts
# executions in which the try succeeds before and after, and none in which it fails. The reason is in
# its source: taking a lock suspends every thread that is at an operation on it, also one that only
# tries (`rt/mutex.rs`), and a release is no point at which threads switch.
#
# Seen: "tried 4 times: 4 succeeded, 0 failed". A code path for a lock that is taken is not checked.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/src"
cat > "$work/Cargo.toml" <<'TOML'
[package]
name = "try-lock"
version = "0.0.0"
edition = "2021"

[dependencies]
loom = "=0.7.2"
TOML
cat > "$work/src/main.rs" <<'RUST'
use loom::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use loom::sync::{Arc, Mutex};
use std::sync::atomic::AtomicUsize as Count;

static SUCCEEDED: Count = Count::new(0);
static FAILED: Count = Count::new(0);

fn main() {
    loom::model(|| {
        let lock = Arc::new(Mutex::new(()));
        let value = Arc::new(AtomicUsize::new(0));
        let (other_lock, other_value) = (lock.clone(), value.clone());
        let thread = loom::thread::spawn(move || {
            let _guard = other_lock.lock().unwrap();
            other_value.store(1, SeqCst);
            other_value.store(2, SeqCst);
        });
        let result = if lock.try_lock().is_ok() { &SUCCEEDED } else { &FAILED };
        result.fetch_add(1, SeqCst);
        thread.join().unwrap();
    });
    let (succeeded, failed) = (SUCCEEDED.load(SeqCst), FAILED.load(SeqCst));
    println!("tried {} times: {succeeded} succeeded, {failed} failed", succeeded + failed);
}
RUST
cargo run --quiet --manifest-path "$work/Cargo.toml" | tee "$work/output"
grep -q ' succeeded, 0 failed$' "$work/output" || {
    echo "changed: loom finds executions in which the try fails"
    exit 1
}
