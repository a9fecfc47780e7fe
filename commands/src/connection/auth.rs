//! AUTH, and what HELLO shares with it: whether a user name and a password belong together.

use redis_core::prelude::*;

use super::FAMILY;

const WRONG_PASSWORD: Error = Error::new("WRONGPASS invalid username-password pair or user is disabled.");
const NO_PASSWORD: Error = Error::new(
    "ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?",
);

/// The only user there is.
const DEFAULT_USER: &[u8] = b"default";

/// Authenticates the connection.
#[command(
    since = "1.0.0",
    complexity = "O(N) where N is the number of passwords defined for the user",
    flags(NOSCRIPT, LOADING, STALE, FAST, NO_AUTH, ALLOW_BUSY),
    history("6.0.0" = "Takes a user name, too, since there are users."),
    extra = syntax
)]
fn auth(
    server: &Server,
    client: &mut Client,
    #[arg(since = "6.0.0")] username: Option<Secret>,
    password: Secret,
) -> Result<Okay> {
    if username.is_none() && !server.config.requirepass.is_set() {
        return Err(NO_PASSWORD);
    }
    let user = username.as_ref().map_or(DEFAULT_USER, |user| &user.0);
    authenticate(server, client, user, &password.0)?;
    Ok(Okay)
}

/// Makes the connection one of that user, or refuses.
pub(super) fn authenticate(server: &Server, client: &mut Client, user: &[u8], password: &[u8]) -> Result<()> {
    let wanted = server.config.requirepass.get();
    let known = user == DEFAULT_USER;
    // Without a password, any will do.
    if !(same(&wanted, password) | wanted.is_empty()) | !known {
        server.stats.shared.acl_denied_auth.add_shared(1);
        return Err(WRONG_PASSWORD);
    }
    client.authenticated = true;
    Ok(())
}

/// Compares in a time that does not tell how much of the password was right.
fn same(wanted: &[u8], given: &[u8]) -> bool {
    let differences = (0..given.len()).fold(wanted.len() ^ given.len(), |differences, at| {
        let expected = wanted.get(at % wanted.len().max(1)).copied().unwrap_or_default();
        differences | usize::from(expected ^ given[at])
    });
    differences == 0
}

#[cfg(test)]
mod tests {
    use super::same;

    #[test]
    fn only_the_password_is_the_password() {
        assert!(same(b"secret", b"secret"));
        for wrong in [&b""[..], b"secre", b"secrets", b"secretsecret", b"Secret"] {
            assert!(!same(b"secret", wrong), "{wrong:?}");
        }
        assert!(same(b"", b""));
        assert!(!same(b"", b"x"));
    }
}
