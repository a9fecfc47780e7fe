//! When fields and members expire that are set: the options of HSETEX and SADDEX.

use redis_core::prelude::*;

use super::deadline;
use crate::unix_time::UnixTime;

/// When members expire that are set. The number is looked at if the condition of the key holds.
#[derive(Clone, Copy, Options)]
pub(crate) enum SetExpiration<'a> {
    /// After seconds.
    #[arg(name = "seconds")]
    Ex(Lazy<'a, i64>),
    /// After milliseconds.
    #[arg(name = "milliseconds")]
    Px(Lazy<'a, i64>),
    /// At a time in seconds.
    #[arg(name = "unix-time-seconds")]
    ExAt(Lazy<'a, UnixTime>),
    /// At a time in milliseconds.
    #[arg(name = "unix-time-milliseconds")]
    PxAt(Lazy<'a, UnixTime>),
    /// When they would have expired anyway.
    KeepTtl,
}

impl SetExpiration<'_> {
    /// Without the option they do not expire.
    pub(crate) fn ttl(expiration: Option<Self>, now: u64, context: &Context) -> Result<Ttl> {
        let deadline = match expiration {
            None => return Ok(Ttl::Clear),
            Some(Self::KeepTtl) => return Ok(Ttl::Keep),
            Some(Self::Ex(seconds)) => deadline(seconds.get()?, 1000, now, context)?,
            Some(Self::Px(millis)) => deadline(millis.get()?, 1, now, context)?,
            Some(Self::ExAt(time)) => deadline(time.get()?.0, 1000, 0, context)?,
            Some(Self::PxAt(time)) => deadline(time.get()?.0, 1, 0, context)?,
        };
        Ok(Ttl::At(Deadline::at(deadline)))
    }
}
