//! Short names for the conditions that the source asks for most.

use cfg_aliases::cfg_aliases;

fn main() {
    cfg_aliases! {
        // Compiled as a model: loom, or shuttle in its place, runs the atomics.
        model: { all(loom, feature = "loom") },
        linux: { any(target_os = "linux", target_os = "android") },
        // Plain allocated memory stands in for the system's mapping calls.
        heap_only: { any(miri, slotarena_heap, not(any(unix, windows))) },
        // Linux's mapping calls are there: `memfd_create`, protection keys.
        linux_mappings: { all(any(target_os = "linux", target_os = "android"), not(any(miri, slotarena_heap))) },
    }
    println!("cargo:rerun-if-changed=build.rs");
}
