//! Short names for the conditions that the source asks for most. Refuses targets that lack what the
//! crate stands on.

use std::env::var;

use cfg_aliases::cfg_aliases;

const LACK: &str = "slotarena needs 64-bit atomics, and this target has none; \
                    with `default-features = false` there are handles and keys alone";

fn main() {
    cfg_aliases! {
        // Compiled as a model: loom, or shuttle in its place, runs the atomics.
        model: { all(loom, feature = "loom") },
        // Asking the time panics, and so does sleeping.
        clockless: { all(target_family = "wasm", target_os = "unknown") },
        linux: { any(target_os = "linux", target_os = "android") },
        // Plain allocated memory stands in for the system's mapping calls.
        heap_only: { any(miri, slotarena_heap, not(any(unix, windows))) },
        // Sequences that the kernel restarts, written for these processors. Not where a sanitizer
        // has to see each access: `slotarena_plain` is for those.
        restartable: { all(target_os = "linux", target_env = "gnu", target_pointer_width = "64", any(target_arch = "x86_64", target_arch = "aarch64"), not(any(miri, slotarena_heap, slotarena_guard, slotarena_plain))) },
        // Linux's mapping calls are there: `memfd_create`, protection keys.
        linux_mappings: { all(any(target_os = "linux", target_os = "android"), not(any(miri, slotarena_heap))) },
    }
    println!("cargo::rerun-if-changed=build.rs");
    // Here rather than in the source, where many other errors would follow.
    let widths = var("CARGO_CFG_TARGET_HAS_ATOMIC").unwrap_or_default();
    if var("CARGO_FEATURE_STD").is_ok() && !widths.split(',').any(|bits| bits == "64") {
        println!("cargo::error={LACK}");
    }
}
