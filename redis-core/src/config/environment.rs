//! Settings from environment variables: `REDIS_MAXMEMORY=100mb` for `maxmemory 100mb`.
//!
//! Containers are configured this way more easily than by mounting files. A variable is `REDIS_` and the directive's name
//! in capitals with `_` for `-`; its value is what the line of the file would have after the name, quotes included.
//! Other variables that begin with `REDIS_` (images and clients have a few) are nobody's business here.

use std::collections::HashMap;
use std::ffi::OsString;

use super::directive;
use super::file::split_words;

fn variable_of(name: &str) -> String {
    format!("REDIS_{}", name.replace('-', "_").to_ascii_uppercase())
}

/// The settings among environment variables, in the order of their names: the variable, and the words of the setting with
/// the directive's name first.
pub(super) fn settings(variables: &[(OsString, OsString)], notes: &mut Vec<String>) -> Vec<(String, Vec<Vec<u8>>)> {
    let names: HashMap<String, &str> =
        directive::all().flat_map(|known| known.names()).map(|name| (variable_of(name), name)).collect();
    let mut settings = Vec::new();
    for (variable, value) in variables {
        let Some((variable, name)) = variable.to_str().and_then(|variable| names.get_key_value(variable)) else {
            continue;
        };
        let value = value.as_encoded_bytes();
        // A service called "redis" makes Kubernetes set REDIS_PORT=tcp://10.0.0.1:6379 in every container beside it.
        if value.starts_with(b"tcp://") || value.starts_with(b"udp://") {
            notes.push(format!("Environment variable {variable} holds an address, not a setting: ignored"));
            continue;
        }
        settings.push((variable.clone(), setting(name, value)));
    }
    settings.sort();
    settings
}

/// The words of a line. A value that cannot be split, or that is empty, is one word as it stands: passwords may
/// hold anything.
fn setting(name: &str, value: &[u8]) -> Vec<Vec<u8>> {
    let is_secret = directive::find(name.as_bytes()).is_some_and(|known| known.is_secret);
    let words = split_words(value).filter(|words| !words.is_empty() && !is_secret);
    let words = words.unwrap_or_else(|| vec![value.to_vec()]);
    std::iter::once(name.as_bytes().to_vec()).chain(words).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> (Vec<(String, String)>, Vec<String>) {
        let variables: Vec<_> = variables.iter().map(|(name, value)| (name.into(), value.into())).collect();
        let mut notes = Vec::new();
        let text = |words: Vec<Vec<u8>>| String::from_utf8(words.join(&b'|')).expect("printable");
        let settings = settings(&variables, &mut notes).into_iter().map(|(name, words)| (name, text(words))).collect();
        (settings, notes)
    }

    #[test]
    fn variables_are_settings_if_they_name_a_directive() {
        let (settings, notes) = read(&[
            ("REDIS_SAVE", "900 1 300 10"),
            ("REDIS_MAXMEMORY", "100mb"),
            ("REDIS_SLAVE_PRIORITY", "7"),
            ("REDIS_URL", "redis://host"),
            ("redis_port", "1"),
            ("PORT", "1"),
            ("REDIS_LOGFILE", ""),
        ]);
        let expected = [
            ("REDIS_LOGFILE", "logfile|"),
            ("REDIS_MAXMEMORY", "maxmemory|100mb"),
            ("REDIS_SAVE", "save|900|1|300|10"),
            ("REDIS_SLAVE_PRIORITY", "slave-priority|7"),
        ];
        assert_eq!(settings, expected.map(|(name, words)| (name.to_owned(), words.to_owned())));
        assert!(notes.is_empty());
    }

    #[test]
    fn a_password_is_taken_as_it_stands() {
        let (settings, _) = read(&[("REDIS_REQUIREPASS", "a \"b 'c")]);
        assert_eq!(settings, [("REDIS_REQUIREPASS".to_owned(), "requirepass|a \"b 'c".to_owned())]);
    }

    #[test]
    fn what_kubernetes_sets_is_not_a_port() {
        let (settings, notes) = read(&[("REDIS_PORT", "tcp://10.0.0.1:6379")]);
        assert!(settings.is_empty() && notes[0].contains("REDIS_PORT"));
    }
}
