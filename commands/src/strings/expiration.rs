//! The options that say when a string expires: EX, PX, EXAT, PXAT, and what may stand in their place.
//!
//! Three commands take them, each with a word of its own and each documented on its own, hence three types.

use redis_core::prelude::*;

/// What SET does to the deadline.
#[derive(Clone, Copy, Debug, Options)]
pub(super) enum SetExpiration {
    /// Expires after seconds.
    #[arg(since = "2.6.12")]
    Ex(Seconds),
    /// Expires after milliseconds.
    #[arg(since = "2.6.12")]
    Px(Millis),
    /// Expires at a time in seconds.
    #[arg(since = "6.2.0")]
    ExAt(UnixSeconds),
    /// Expires at a time in milliseconds.
    #[arg(since = "6.2.0")]
    PxAt(UnixMillis),
    /// Expires when it would have expired anyway.
    #[arg(since = "6.0.0")]
    KeepTtl,
}

impl SetExpiration {
    /// Without the option the new value does not expire.
    pub(super) fn ttl(expiration: Option<SetExpiration>) -> Ttl {
        match expiration {
            None => Ttl::Clear,
            Some(SetExpiration::KeepTtl) => Ttl::Keep,
            Some(
                SetExpiration::Ex(Seconds(deadline))
                | SetExpiration::Px(Millis(deadline))
                | SetExpiration::ExAt(UnixSeconds(deadline))
                | SetExpiration::PxAt(UnixMillis(deadline)),
            ) => Ttl::At(deadline),
        }
    }
}

/// What MSETEX does to the deadlines.
#[derive(Clone, Copy, Debug, Options)]
pub(super) enum MultiExpiration {
    /// They expire after seconds.
    Ex(Seconds),
    /// They expire after milliseconds.
    Px(Millis),
    /// They expire at a time in seconds.
    ExAt(UnixSeconds),
    /// They expire at a time in milliseconds.
    PxAt(UnixMillis),
    /// They expire when they would have expired anyway.
    KeepTtl,
}

impl MultiExpiration {
    /// Without the option the new values do not expire.
    pub(super) fn ttl(expiration: Option<MultiExpiration>) -> Ttl {
        match expiration {
            None => Ttl::Clear,
            Some(MultiExpiration::KeepTtl) => Ttl::Keep,
            Some(
                MultiExpiration::Ex(Seconds(deadline))
                | MultiExpiration::Px(Millis(deadline))
                | MultiExpiration::ExAt(UnixSeconds(deadline))
                | MultiExpiration::PxAt(UnixMillis(deadline)),
            ) => Ttl::At(deadline),
        }
    }
}

/// What GETEX does to the deadline. The times are looked at only if there is a value.
#[derive(Clone, Copy, Options)]
pub(super) enum GetExpiration<'a> {
    /// Expires after seconds.
    Ex(Lazy<'a, Seconds>),
    /// Expires after milliseconds.
    Px(Lazy<'a, Millis>),
    /// Expires at a time in seconds.
    ExAt(Lazy<'a, UnixSeconds>),
    /// Expires at a time in milliseconds.
    PxAt(Lazy<'a, UnixMillis>),
    /// Never expires.
    Persist,
}

impl GetExpiration<'_> {
    /// What the option asks for.
    pub(super) fn ttl(&self) -> Result<Ttl> {
        let deadline = match self {
            GetExpiration::Ex(seconds) => seconds.get()?.0,
            GetExpiration::Px(millis) => millis.get()?.0,
            GetExpiration::ExAt(seconds) => seconds.get()?.0,
            GetExpiration::PxAt(millis) => millis.get()?.0,
            GetExpiration::Persist => return Ok(Ttl::Clear),
        };
        Ok(Ttl::At(deadline))
    }
}
