//! Asking the processor for memory that is going to be looked at, so that something else can be done until it comes.

#![allow(unsafe_code)]

/// Asks for the cache line of an address, which may be any.
#[inline]
pub(crate) fn prefetch(address: *const u8) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch has no effect on memory and does not fault, whatever the address.
        unsafe { _mm_prefetch(address.cast(), _MM_HINT_T0) };
    }
    #[cfg(any(not(target_arch = "x86_64"), miri))]
    let _ = address;
}
