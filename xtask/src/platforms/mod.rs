//! Checks on other systems and compilers than the one at hand, and with the sanitizers.
//!
//! - `debian`: what can be had from Debian's archive
//! - `cross`: the oldest supported Rust, Windows, 32 bits, no virtual memory
//! - `keys`: protection keys, on an emulated processor
//! - `sanitizer`: how a command is made to use ThreadSanitizer or AddressSanitizer

pub mod debian;
pub mod cross;
pub mod keys;
pub mod sanitizer;
