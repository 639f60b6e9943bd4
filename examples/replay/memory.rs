//! The resident memory of this process.
//!
//! Linux reports it in two files. `/proc/self/status` is cheap and may be off by some pages for
//! each core, since the kernel adds per-core counters up only now and then.
//! `/proc/self/smaps_rollup` walks the page tables and is exact. Other systems give no figure here.

use std::fs::File;
use std::io::Read;

/// Returns the resident bytes, exactly if the system reports them exactly.
pub fn exact() -> Option<u64> {
    field("/proc/self/smaps_rollup", "Rss:").or_else(quick)
}

/// Returns the resident bytes approximately, at little cost.
pub fn quick() -> Option<u64> {
    field("/proc/self/status", "VmRSS:")
}

/// Returns the bytes in a line `name   123 kB` of a small file.
fn field(path: &str, name: &str) -> Option<u64> {
    if !cfg!(target_os = "linux") {
        return None;
    }
    // On the stack: a sample of the heap's size must not change it.
    let mut buffer = [0; 4096];
    let mut length = 0;
    let mut file = File::open(path).ok()?;
    while let Ok(read @ 1..) = file.read(&mut buffer[length..]) {
        length += read;
    }
    kilobytes(std::str::from_utf8(&buffer[..length]).ok()?, name)
}

/// Returns the bytes in a line `name   123 kB` of a text.
fn kilobytes(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let figure = line.trim().strip_suffix("kB")?;
    figure.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// Returns a table whose pages are all resident: each element is written, even a zero.
pub fn touched<T>(elements: impl ExactSizeIterator<Item = T>) -> Box<[T]> {
    let mut table = Vec::with_capacity(elements.len());
    for element in elements {
        // The black box keeps the compiler from allocating untouched zero pages.
        table.push(std::hint::black_box(element));
    }
    table.into_boxed_slice()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_found_and_read() {
        let text = "VmSize:\t  900 kB\nVmRSS:\t  2144 kB\nVmData: none\n";
        assert_eq!(kilobytes(text, "VmRSS:"), Some(2144 * 1024));
        assert_eq!(kilobytes(text, "VmData:"), None);
        assert_eq!(kilobytes(text, "Rss:"), None);
    }

    #[cfg(all(target_os = "linux", not(miri)))]
    #[test]
    fn memory_that_is_touched_is_resident() {
        let before = exact().unwrap();
        let table = touched((0..1 << 20).map(|_| 0_u64));
        assert!(exact().unwrap() >= before + 7 * (1 << 20));
        drop(table);
    }
}
