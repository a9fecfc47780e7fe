//! CONFIG: reading and changing the configuration of the running server.

use redis_core::command::{ArgDoc, ArgKind, Cursor, Shape};
use redis_core::prelude::*;

use super::FAMILY;

container!("CONFIG", since = "2.0.0", help_since = "5.0.0", "A container for server configuration commands.");

/// Returns the values of configuration parameters.
#[command(
    "CONFIG GET",
    since = "2.0.0",
    complexity = "O(N) when N is the number of configuration parameters provided",
    flags(ADMIN, NOSCRIPT, LOADING, STALE),
    history("7.0.0" = "Added the ability to pass several pattern parameters in one call.")
)]
fn config_get(server: &Server, #[arg(name = "parameter")] patterns: Many<&[u8]>) -> Map<String, Bulk> {
    let found = server.config.get(&patterns);
    Map(found.into_iter().map(|(name, value)| (name, Bulk(value))).collect())
}

/// Names and values. Unlike elsewhere, a name without its value is a syntax error.
struct Pairs<'a>(Vec<(&'a [u8], &'a [u8])>);

impl<'a> Argument<'a> for Pairs<'a> {
    type Raw = Vec<(&'a [u8], &'a [u8])>;
    const SHAPE: Shape = Shape::at_least(2);
    const DOC: ArgDoc = {
        const PARTS: &[ArgDoc] =
            &[ArgDoc::new(ArgKind::String).named("parameter"), ArgDoc::new(ArgKind::String).named("value")];
        ArgDoc::of(ArgKind::Block, PARTS).named("data").multiple()
    };

    fn shape(cursor: &mut Cursor<'a>) -> Result<Self::Raw> {
        let mut pairs = Vec::with_capacity(cursor.left() / 2);
        while cursor.left() > 0 {
            pairs.push((cursor.next()?, cursor.next()?));
        }
        Ok(pairs)
    }

    fn value(raw: Self::Raw, _: &Context) -> Result<Self> {
        Ok(Pairs(raw))
    }
}

/// Directives that stay as they are while the data set is loaded.
const NOT_WHILE_LOADING: [&str; 2] = ["dir", "appendonly"];

/// Sets configuration parameters in the running server.
#[command(
    "CONFIG SET",
    since = "2.0.0",
    complexity = "O(N) when N is the number of configuration parameters provided",
    flags(ADMIN, NOSCRIPT, LOADING, STALE),
    tips(REQUEST_POLICY_ALL_NODES, RESPONSE_POLICY_ALL_SUCCEEDED),
    history("7.0.0" = "Added the ability to set several parameters in one call.")
)]
fn config_set(call: &mut Call, pairs: Pairs) -> Result<Okay> {
    let secret = |name: &[u8]| redis_core::config::find(name).is_some_and(|directive| directive.is_secret);
    let values = pairs.0.iter().enumerate().filter(|(_, (name, _))| secret(name)).map(|(pair, _)| 3 + 2 * pair);
    call.secrets.borrow_mut().extend(values);
    // Where the data come from must not change while they come.
    let is_source = |name: &[u8]| NOT_WHILE_LOADING.iter().any(|other| name.eq_ignore_ascii_case(other.as_bytes()));
    if call.server().loading.is_active() && pairs.0.iter().any(|(name, _)| is_source(name)) {
        return Err(Error::LOADING);
    }
    let local = call.client.shared.origin.is_local();
    let set = call.server().config.set(&pairs.0, local);
    // What follows in the same request batch or transaction must see the new settings, or the old ones again.
    call.refresh_settings();
    set.map_err(|error| Error::from(error.to_string()))?;
    Ok(Okay)
}

/// Resets the server's statistics.
#[command(
    "CONFIG RESETSTAT",
    since = "2.0.0",
    complexity = "O(1)",
    flags(ADMIN, NOSCRIPT, LOADING, STALE),
    tips(REQUEST_POLICY_ALL_NODES, RESPONSE_POLICY_ALL_SUCCEEDED)
)]
fn config_resetstat(server: &Server) -> Okay {
    server.stats.reset();
    server.store.reset_lazyfreed();
    Okay
}

/// Persists the effective configuration to file.
#[command(
    "CONFIG REWRITE",
    since = "2.8.0",
    complexity = "O(1)",
    flags(ADMIN, NOSCRIPT, LOADING, STALE),
    tips(REQUEST_POLICY_ALL_NODES, RESPONSE_POLICY_ALL_SUCCEEDED)
)]
fn config_rewrite(server: &Server) -> Result<Okay> {
    match server.config.rewrite() {
        Ok(_) => {
            tracing::warn!("CONFIG REWRITE executed with success.");
            Ok(Okay)
        }
        Err(error) => {
            tracing::warn!("CONFIG REWRITE failed: {error}");
            Err(Error::from(error.to_string()))
        }
    }
}
