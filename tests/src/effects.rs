//! What a server logs of its changes, as text.

use std::sync::Arc;

use redis_core::prelude::*;
use redis_core::resp::Value;
use redis_core::server::Feed;

/// The effects that a server has logged since this began to follow it.
#[derive(Debug)]
pub struct Effects {
    feed: Feed,
    server: Arc<Server>,
    database: String,
}

impl Effects {
    /// Notes all effects from now on.
    #[must_use]
    pub fn follow(server: &Arc<Server>) -> Self {
        let feed = server.changes.follow(std::thread::current());
        Effects { feed, server: server.clone(), database: String::new() }
    }

    /// The effects since the last time, each as `database: WORD WORD ...`, MULTI and EXEC included.
    ///
    /// # Panics
    /// If the log is no sequence of commands.
    pub fn take_all(&mut self) -> Vec<String> {
        let mut bytes = Vec::new();
        self.feed.take(&mut bytes);
        let mut lines = Vec::new();
        for command in Value::parse_all(&bytes).expect("the log consists of commands") {
            let Value::Array(words) = command else { panic!("{command} is no command") };
            let word = |word: &Value| match word {
                Value::Bulk(bytes) => String::from_utf8_lossy(bytes).into_owned(),
                other => panic!("{other} is no argument"),
            };
            let words: Vec<_> = words.iter().map(word).collect();
            match &words[..] {
                [select, database] if select == "SELECT" => self.database.clone_from(database),
                words => lines.push(format!("{}: {}", self.database, words.join(" "))),
            }
        }
        lines
    }

    /// As [`Effects::take_all`], without MULTI and EXEC.
    pub fn take(&mut self) -> Vec<String> {
        let mut lines = self.take_all();
        lines.retain(|line| !line.ends_with(": MULTI") && !line.ends_with(": EXEC"));
        lines
    }
}

impl Drop for Effects {
    fn drop(&mut self) {
        self.server.changes.unfollow(&self.feed);
    }
}
