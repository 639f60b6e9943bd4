//! Padding that keeps fields apart within their pages.

/// Unused bytes at the beginning of a page-aligned struct.
///
/// Processors compare the low 12 bits of addresses to tell whether a load depends on an earlier
/// store. A load whose address equals a store's in these bits waits in vain: *4K aliasing* in
/// Intel's optimization manual. Every operation stores to its participant's page and loads from the
/// shared one. So the shared struct keeps what operations load away from the offsets at which
/// participants keep what operations store.
#[derive(Debug)]
#[repr(transparent)]
pub(crate) struct PagePadding<const BYTES: usize> {
    _unused: [u8; BYTES],
}

impl<const BYTES: usize> PagePadding<BYTES> {
    pub(crate) const fn new() -> Self {
        Self { _unused: [0; BYTES] }
    }
}
