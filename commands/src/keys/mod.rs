//! Commands for keys of any type.

mod dump;
mod expiry;
mod migrate;
mod object;
mod presence;
mod rename;
mod scan;
mod sort;
mod wait;

use redis_core::prelude::*;

family!("generic");
