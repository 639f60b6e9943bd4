//! Real WebAssembly, compiled to machine code. Every call goes through a table of code pointers:
//! direct calls, indirect calls, and calls of host functions.
//!
//! ```text
//! cargo run --release --example wasm_calls -- [--attack] [--seconds N] [MODULE.wasm]...
//! ```
//!
//! Without a path it runs the two modules in `modules/`. For each module it
//!
//! 1. compiles all functions with Cranelift (`translate.rs`, `numeric.rs`, `compile.rs`) and stores
//!    them in the table under the numbers of their types (`instance.rs`). The sandbox gets handles.
//!    Compiled code turns them into entry points by the recipe in `calls.rs`;
//! 2. does the module's own job on several inputs (`jobs.rs`), and compares all results with an
//!    independent engine, the interpreter wasmi (`engine.rs`);
//! 3. measures the job with the table and without;
//! 4. does the job repeatedly while other threads swap entry points for those of recompiled bodies,
//!    and allocate, free, and sweep other modules' entries (`busy.rs`).
//!
//! At the end it measures the price of one call (`price.rs`). With `--attack`, handles are
//! overwritten at random while compiled code calls them (`attack.rs`).
//!
//! The compiler accepts the first version of WebAssembly, with sign extension and saturating
//! conversions. Other operators are an error that names them.
#![cfg_attr(not(all(target_arch = "x86_64", target_os = "linux")), allow(unused))]

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod attack;
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod busy;
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod calls;
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod compile;
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod engine;
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod instance;
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod jobs;
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod module;
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod numeric;
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod price;
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod run;
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod runtime;
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod translate;

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
fn main() -> std::process::ExitCode {
    run::main()
}

#[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
fn main() {
    println!("This example makes machine code for x86-64 Linux, and does not run here.");
}
