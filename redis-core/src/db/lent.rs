//! The arguments of the running command, lent to the handle through which it reaches its keys.
//!
//! [`Db`](super::Db) has no lifetime parameter (a handler's signature would show it), yet `db.name(key)` answers from
//! the request. So the dispatcher lends the arguments for the length of the call; the guard takes them back, whatever
//! way the call ends. One of the few modules with `unsafe`.

#![allow(unsafe_code)]

use crate::args::Args;

/// A place for lent arguments: where they are, so that only one word is put there and taken back with every call.
#[derive(Default)]
pub(crate) struct Lent(Option<&'static Args<'static>>);

impl Lent {
    /// Runs `call` with `args` in the place that `place` finds in `holder`.
    #[inline(always)]
    pub(crate) fn during<H, R>(
        holder: &mut H,
        place: impl Fn(&mut H) -> &mut Lent,
        args: Args<'_>,
        call: impl FnOnce(&mut H) -> R,
    ) -> R {
        struct TakeBack<'h, H, P: Fn(&mut H) -> &mut Lent>(&'h mut H, P, Lent);
        impl<H, P: Fn(&mut H) -> &mut Lent> Drop for TakeBack<'_, H, P> {
            fn drop(&mut self) {
                *(self.1)(self.0) = std::mem::take(&mut self.2);
            }
        }
        // SAFETY: `args` and what it refers to live until this function ends, and the guard puts the former ones back
        // before that, also when `call` panics. `get` hands them out with the lifetime of the borrow only.
        let forever = unsafe { std::mem::transmute::<&Args<'_>, &'static Args<'static>>(&args) };
        let former = std::mem::replace(place(holder), Lent(Some(forever)));
        let guard = TakeBack(holder, place, former);
        call(guard.0)
    }

    /// The argument at `index`; empty if nothing is lent.
    #[inline]
    pub(crate) fn get(&self, index: usize) -> &[u8] {
        match self.0 {
            Some(args) => args.get(index),
            None => &[],
        }
    }
}
