//! Settings with a form of their own: lists, save points, limits per class of client, event flags.

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use parking_lot::RwLock;

use super::cell::{Arity, Cell, one_of};
use crate::db::EventClasses;
use crate::num::{parse_f64, parse_i64, parse_memory_size};

/// Words in a row, such as the addresses of `bind`.
#[derive(Debug)]
pub struct Words {
    value: RwLock<Arc<[String]>>,
    default: &'static [&'static str],
    limit: Option<(usize, &'static str)>,
}

impl Words {
    pub(crate) fn new(default: &'static [&'static str]) -> Self {
        let value = default.iter().map(|word| (*word).to_owned()).collect();
        Self { value: RwLock::new(value), default, limit: None }
    }

    /// Refuses more than `count` words, and says so.
    pub(crate) fn at_most(self, count: usize, refusal: &'static str) -> Self {
        Self { limit: Some((count, refusal)), ..self }
    }

    /// The words.
    pub fn get(&self) -> Arc<[String]> {
        Arc::clone(&self.value.read())
    }
}

impl Cell for Words {
    fn text(&self) -> Vec<u8> {
        self.get().join(" ").into_bytes()
    }

    fn default_text(&self) -> Vec<u8> {
        self.default.join(" ").into_bytes()
    }

    fn store(&self, words: &[&[u8]], _continued: bool) -> Result<(), String> {
        if let Some((count, refusal)) = self.limit
            && words.len() > count
        {
            return Err(refusal.to_owned());
        }
        let text =
            |word: &&[u8]| String::from_utf8(word.to_vec()).map_err(|_| "argument must be valid UTF-8".to_owned());
        let words = words.iter().map(text).collect::<Result<Vec<_>, _>>()?;
        *self.value.write() = words.into();
        Ok(())
    }

    fn expects(&self) -> String {
        "words separated by blanks, or \"\" for none".to_owned()
    }

    fn arity(&self) -> Arity {
        Arity::Many
    }

    fn lines(&self) -> Vec<Vec<u8>> {
        let text = self.text();
        vec![if text.is_empty() { b"\"\"".to_vec() } else { text }]
    }
}

/// The primary's address, or nothing: `replicaof host port`, `replicaof no one`.
#[derive(Debug)]
pub struct Primary {
    value: RwLock<Option<(String, u16)>>,
}

impl Primary {
    pub(crate) fn new() -> Self {
        Self { value: RwLock::new(None) }
    }

    /// The host and port of the primary.
    pub fn get(&self) -> Option<(String, u16)> {
        self.value.read().clone()
    }
}

impl Cell for Primary {
    fn text(&self) -> Vec<u8> {
        self.get().map_or_else(Vec::new, |(host, port)| format!("{host} {port}").into_bytes())
    }

    fn default_text(&self) -> Vec<u8> {
        Vec::new()
    }

    fn store(&self, words: &[&[u8]], _continued: bool) -> Result<(), String> {
        let value = match words {
            // What CONFIG GET shows for "none" must be readable too.
            [] => None,
            [no, one] if no.eq_ignore_ascii_case(b"no") && one.eq_ignore_ascii_case(b"one") => None,
            [host, port] => {
                let port = parse_i64(port).and_then(|port| u16::try_from(port).ok()).ok_or("Invalid master port")?;
                Some((String::from_utf8_lossy(host).into_owned(), port))
            }
            _ => return Err("wrong number of arguments".to_owned()),
        };
        *self.value.write() = value;
        Ok(())
    }

    fn expects(&self) -> String {
        "a host and a port, or no one".to_owned()
    }

    fn arity(&self) -> Arity {
        Arity::Many
    }

    fn lines(&self) -> Vec<Vec<u8>> {
        let text = self.text();
        vec![if text.is_empty() { b"no one".to_vec() } else { text }]
    }
}

/// Save when `seconds` have passed and at least `changes` were made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SavePoint {
    /// Seconds since the last save.
    pub seconds: u64,
    /// Changes since the last save.
    pub changes: u64,
}

/// When snapshots are written. Lines of one file add up; an empty list switches snapshots off.
#[derive(Debug)]
pub struct SavePoints {
    value: RwLock<Arc<[SavePoint]>>,
    default: &'static [SavePoint],
}

impl SavePoints {
    pub(crate) fn new(default: &'static [SavePoint]) -> Self {
        Self { value: RwLock::new(default.into()), default }
    }

    /// The save points.
    pub fn get(&self) -> Arc<[SavePoint]> {
        Arc::clone(&self.value.read())
    }
}

fn save_point(pair: &[&[u8]]) -> Option<SavePoint> {
    let [seconds, changes] = pair else { return None };
    let seconds = parse_i64(seconds).and_then(|seconds| u64::try_from(seconds).ok()).filter(|seconds| *seconds > 0)?;
    Some(SavePoint { seconds, changes: u64::try_from(parse_i64(changes)?).ok()? })
}

fn points_text(points: &[SavePoint]) -> Vec<u8> {
    let texts: Vec<_> = points.iter().map(|point| format!("{} {}", point.seconds, point.changes)).collect();
    texts.join(" ").into_bytes()
}

impl Cell for SavePoints {
    fn text(&self) -> Vec<u8> {
        points_text(&self.get())
    }

    fn default_text(&self) -> Vec<u8> {
        points_text(self.default)
    }

    fn store(&self, words: &[&[u8]], continued: bool) -> Result<(), String> {
        let added = words.chunks(2).map(save_point).collect::<Option<Vec<_>>>().ok_or("Invalid save parameters")?;
        let mut value = self.value.write();
        *value =
            if continued && !added.is_empty() { value.iter().copied().chain(added).collect() } else { added.into() };
        Ok(())
    }

    fn expects(&self) -> String {
        "pairs of seconds and changes, or \"\" for none".to_owned()
    }

    fn arity(&self) -> Arity {
        Arity::Many
    }

    fn lines(&self) -> Vec<Vec<u8>> {
        match &*self.get() {
            [] => vec![b"\"\"".to_vec()],
            points => points.iter().map(|point| points_text(&[*point])).collect(),
        }
    }
}

/// The classes of clients whose output is limited separately.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientClass {
    /// Ordinary clients, MONITOR included.
    Normal,
    /// Replicas.
    Replica,
    /// Clients subscribed to at least one channel.
    Pubsub,
}

/// What a client's pending replies may amount to; 0 stands for no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutputBufferLimit {
    /// Bytes at which the client is disconnected at once.
    pub hard: u64,
    /// Bytes at which it is disconnected when it stays above them ...
    pub soft: u64,
    /// ... for so many seconds.
    pub soft_seconds: u64,
}

/// One [`OutputBufferLimit`] per [`ClientClass`].
#[derive(Debug)]
pub struct OutputBufferLimits {
    value: RwLock<[OutputBufferLimit; 3]>,
}

impl OutputBufferLimits {
    /// The classes' names in the order of [`ClientClass`]; a replica is still printed under its old name.
    const CLASSES: [&str; 3] = ["normal", "slave", "pubsub"];

    const DEFAULT: [OutputBufferLimit; 3] = [
        OutputBufferLimit { hard: 0, soft: 0, soft_seconds: 0 },
        OutputBufferLimit { hard: 256 << 20, soft: 64 << 20, soft_seconds: 60 },
        OutputBufferLimit { hard: 32 << 20, soft: 8 << 20, soft_seconds: 60 },
    ];

    pub(crate) fn new() -> Self {
        Self { value: RwLock::new(Self::DEFAULT) }
    }

    /// The limit of a class.
    pub fn get(&self, class: ClientClass) -> OutputBufferLimit {
        self.value.read()[class as usize]
    }

    fn parse(&self, words: &[&[u8]]) -> Result<[OutputBufferLimit; 3], &'static str> {
        let mut limits = *self.value.read();
        for group in words.chunks(4) {
            let [name, hard, soft, seconds] = group else {
                return Err("Wrong number of arguments in buffer limit configuration.");
            };
            let replica = name.eq_ignore_ascii_case(b"replica").then_some(ClientClass::Replica as usize);
            let class = Self::CLASSES.iter().position(|class| name.eq_ignore_ascii_case(class.as_bytes())).or(replica);
            let class = class.ok_or("Invalid client class specified in buffer limit configuration.")?;
            let parse = || {
                Some(OutputBufferLimit {
                    hard: parse_memory_size(hard).ok()?,
                    soft: parse_memory_size(soft).ok()?,
                    soft_seconds: u64::try_from(parse_i64(seconds)?).ok()?,
                })
            };
            limits[class] =
                parse().ok_or("Error in hard, soft or soft_seconds setting in buffer limit configuration.")?;
        }
        Ok(limits)
    }
}

fn limit_texts(limits: [OutputBufferLimit; 3]) -> Vec<String> {
    let text = |(name, limit): (&str, OutputBufferLimit)| {
        format!("{name} {} {} {}", limit.hard, limit.soft, limit.soft_seconds)
    };
    OutputBufferLimits::CLASSES.into_iter().zip(limits).map(text).collect()
}

impl Cell for OutputBufferLimits {
    fn text(&self) -> Vec<u8> {
        limit_texts(*self.value.read()).join(" ").into_bytes()
    }

    fn default_text(&self) -> Vec<u8> {
        limit_texts(Self::DEFAULT).join(" ").into_bytes()
    }

    fn store(&self, words: &[&[u8]], _continued: bool) -> Result<(), String> {
        let limits = self.parse(words)?;
        *self.value.write() = limits;
        Ok(())
    }

    fn expects(&self) -> String {
        "for each class (normal, replica, pubsub): its name, hard limit, soft limit, seconds above the soft limit"
            .to_owned()
    }

    fn arity(&self) -> Arity {
        Arity::Many
    }

    fn lines(&self) -> Vec<Vec<u8>> {
        limit_texts(*self.value.read()).into_iter().map(String::into_bytes).collect()
    }
}

/// Which keyspace events are published.
#[derive(Debug)]
pub struct Events {
    value: AtomicU32,
}

impl Events {
    pub(crate) fn new() -> Self {
        Self { value: AtomicU32::new(0) }
    }

    /// The classes of events to publish.
    pub fn get(&self) -> EventClasses {
        EventClasses::from_bits(self.value.load(Relaxed))
    }
}

impl Cell for Events {
    fn text(&self) -> Vec<u8> {
        self.get().letters().into_bytes()
    }

    fn default_text(&self) -> Vec<u8> {
        Vec::new()
    }

    fn store(&self, words: &[&[u8]], _continued: bool) -> Result<(), String> {
        let letters = words.first().and_then(|word| str::from_utf8(word).ok());
        let classes = letters.and_then(EventClasses::parse);
        let classes = classes.ok_or("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.")?;
        self.value.store(classes.bits(), Relaxed);
        Ok(())
    }

    fn expects(&self) -> String {
        "letters among Ag$lshzxeKEtmdn, or \"\" for none".to_owned()
    }

    fn lines(&self) -> Vec<Vec<u8>> {
        vec![super::file::quote(&self.text())]
    }
}

/// The percentiles that INFO shows.
#[derive(Debug)]
pub struct Percentiles {
    value: RwLock<Arc<[f64]>>,
    default: &'static [f64],
}

impl Percentiles {
    pub(crate) fn new(default: &'static [f64]) -> Self {
        Self { value: RwLock::new(default.into()), default }
    }

    /// The percentiles, each from 0 to 100.
    pub fn get(&self) -> Arc<[f64]> {
        Arc::clone(&self.value.read())
    }
}

fn percentiles_text(percentiles: &[f64]) -> Vec<u8> {
    percentiles.iter().map(f64::to_string).collect::<Vec<_>>().join(" ").into_bytes()
}

impl Cell for Percentiles {
    fn text(&self) -> Vec<u8> {
        percentiles_text(&self.get())
    }

    fn default_text(&self) -> Vec<u8> {
        percentiles_text(self.default)
    }

    fn store(&self, words: &[&[u8]], _continued: bool) -> Result<(), String> {
        let parse = |word: &&[u8]| {
            let value = parse_f64(word).ok_or("Invalid latency-tracking-info-percentiles parameters")?;
            let inside = (0.0..=100.0).contains(&value);
            inside.then_some(value).ok_or("latency-tracking-info-percentiles parameters should sit between [0.0,100.0]")
        };
        let percentiles = words.iter().map(parse).collect::<Result<Vec<_>, _>>()?;
        *self.value.write() = percentiles.into();
        Ok(())
    }

    fn expects(&self) -> String {
        "numbers from 0 to 100, or \"\" for none".to_owned()
    }

    fn arity(&self) -> Arity {
        Arity::Many
    }

    fn lines(&self) -> Vec<Vec<u8>> {
        let text = self.text();
        vec![if text.is_empty() { b"\"\"".to_vec() } else { text }]
    }
}

/// How a signal shuts the server down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShutdownOptions {
    /// Save even without save points.
    pub save: bool,
    /// Do not save.
    pub nosave: bool,
    /// Do not wait for replicas.
    pub now: bool,
    /// Shut down even if saving fails.
    pub force: bool,
}

/// What SIGINT or SIGTERM does.
#[derive(Debug)]
pub struct OnSignal {
    value: RwLock<ShutdownOptions>,
}

impl OnSignal {
    const NAMES: [&str; 5] = ["default", "save", "nosave", "now", "force"];

    pub(crate) fn new() -> Self {
        Self { value: RwLock::default() }
    }

    /// The options of the shutdown.
    pub fn get(&self) -> ShutdownOptions {
        *self.value.read()
    }
}

impl Cell for OnSignal {
    fn text(&self) -> Vec<u8> {
        let ShutdownOptions { save, nosave, now, force } = self.get();
        let set = [save, nosave, now, force].into_iter().zip(&Self::NAMES[1..]);
        let names: Vec<_> = set.filter(|(set, _)| *set).map(|(_, name)| *name).collect();
        if names.is_empty() { Self::NAMES[0].into() } else { names.join(" ").into() }
    }

    fn default_text(&self) -> Vec<u8> {
        Self::NAMES[0].into()
    }

    fn store(&self, words: &[&[u8]], _continued: bool) -> Result<(), String> {
        let mut options = ShutdownOptions::default();
        for word in words {
            match word.to_ascii_lowercase().as_slice() {
                b"default" => {}
                b"save" => options.save = true,
                b"nosave" => options.nosave = true,
                b"now" => options.now = true,
                b"force" => options.force = true,
                _ => return Err(one_of(Self::NAMES.into_iter())),
            }
        }
        if words.is_empty() {
            return Err(one_of(Self::NAMES.into_iter()));
        }
        if options.save && options.nosave {
            return Err("shutdown options SAVE and NOSAVE can't be used simultaneously".to_owned());
        }
        *self.value.write() = options;
        Ok(())
    }

    fn expects(&self) -> String {
        "default, or some of save, nosave, now, force".to_owned()
    }

    fn arity(&self) -> Arity {
        Arity::Many
    }
}

/// As many integers as there are by default, all within one range.
#[derive(Debug)]
pub struct Ints {
    value: RwLock<Arc<[i64]>>,
    default: &'static [i64],
    limit: i64,
}

impl Ints {
    /// Numbers from `-limit` to `limit`.
    pub(crate) fn new(default: &'static [i64], limit: i64) -> Self {
        Self { value: RwLock::new(default.into()), default, limit }
    }

    /// The integers.
    pub fn get(&self) -> Arc<[i64]> {
        Arc::clone(&self.value.read())
    }
}

fn ints_text(values: &[i64]) -> Vec<u8> {
    values.iter().map(i64::to_string).collect::<Vec<_>>().join(" ").into_bytes()
}

impl Cell for Ints {
    fn text(&self) -> Vec<u8> {
        ints_text(&self.get())
    }

    fn default_text(&self) -> Vec<u8> {
        ints_text(self.default)
    }

    fn store(&self, words: &[&[u8]], _continued: bool) -> Result<(), String> {
        if words.len() != self.default.len() {
            return Err("wrong number of arguments".to_owned());
        }
        let parse = |word: &&[u8]| parse_i64(word).filter(|value| (-self.limit..=self.limit).contains(value));
        let refusal = || format!("Invalid values, elements must be between -{0} and {0}.", self.limit);
        *self.value.write() = words.iter().map(parse).collect::<Option<_>>().ok_or_else(refusal)?;
        Ok(())
    }

    fn expects(&self) -> String {
        format!("{} integers from -{1} to {1}", self.default.len(), self.limit)
    }

    fn arity(&self) -> Arity {
        Arity::Many
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What CONFIG SET does with one value.
    fn set(cell: &dyn Cell, text: &str) -> Result<String, String> {
        let words: Vec<&[u8]> = match cell.arity() {
            Arity::One => vec![text.as_bytes()],
            Arity::Many => text.split_whitespace().map(str::as_bytes).collect(),
        };
        cell.store(&words, false)?;
        Ok(String::from_utf8(cell.text()).expect("printable"))
    }

    fn ok(text: &str) -> Result<String, String> {
        Ok(text.to_owned())
    }

    #[test]
    fn event_classes_are_printed_in_a_fixed_order() {
        let cell = Events::new();
        let cases = [
            ("KEA", "AKE"),
            ("KEAm", "AKEm"),
            ("g$lshzxetdmKE", "AKEm"),
            ("g$ldmKEt", "g$ltdKEm"),
            ("gK", "gK"),
            ("tdK", "tdK"),
            ("", ""),
        ];
        for (text, shown) in cases {
            assert_eq!(set(&cell, text), ok(shown), "{text:?}");
        }
        assert_eq!(set(&cell, "q").expect_err("it is wrong"), "Invalid event class character. Use 'Ag$lshzxeKEtmdn'.");
    }

    #[test]
    fn output_buffer_limits_are_set_by_class() {
        let cell = OutputBufferLimits::new();
        assert_eq!(set(&cell, ""), ok("normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60"));
        assert_eq!(
            set(&cell, "normal 1mb 2kb 3 PUBSUB 1gb 5 6 replica 8 9 10"),
            ok("normal 1048576 2048 3 slave 8 9 10 pubsub 1073741824 5 6")
        );
        assert_eq!(cell.get(ClientClass::Replica), OutputBufferLimit { hard: 8, soft: 9, soft_seconds: 10 });
        for (text, error) in [
            ("wrong 1 2 3", "Invalid client class specified in buffer limit configuration."),
            ("master 1 2 3", "Invalid client class specified in buffer limit configuration."),
            ("normal 1 2", "Wrong number of arguments in buffer limit configuration."),
            ("normal 1 2 abc", "Error in hard, soft or soft_seconds setting in buffer limit configuration."),
            ("normal 1 2 -3", "Error in hard, soft or soft_seconds setting in buffer limit configuration."),
        ] {
            assert_eq!(set(&cell, text).expect_err("it is wrong"), error, "{text:?}");
        }
    }

    #[test]
    fn save_points_add_up_within_one_file() {
        let cell = SavePoints::new(&[SavePoint { seconds: 3600, changes: 1 }]);
        assert_eq!(set(&cell, "900 1"), ok("900 1"));
        cell.store(&[b"300", b"10"], true).expect("a pair");
        assert_eq!(cell.text(), b"900 1 300 10");
        assert_eq!(cell.lines(), [b"900 1".to_vec(), b"300 10".to_vec()]);
        cell.store(&[], true).expect("an empty list");
        assert_eq!(cell.lines(), [b"\"\"".to_vec()]);
        for text in ["100 1 200", "10", "abc 1", "0 1", "10 -1"] {
            assert_eq!(set(&cell, text).expect_err("it is wrong"), "Invalid save parameters", "{text:?}");
        }
    }

    #[test]
    fn percentiles_keep_their_digits() {
        let cell = Percentiles::new(&[50.0, 99.0, 99.9]);
        assert_eq!(cell.text(), b"50 99 99.9");
        assert_eq!(set(&cell, "50.123456 10"), ok("50.123456 10"));
        assert_eq!(set(&cell, ""), ok(""));
        assert_eq!(set(&cell, "a").expect_err("it is wrong"), "Invalid latency-tracking-info-percentiles parameters");
        let outside = "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]";
        assert_eq!(set(&cell, "101").expect_err("it is wrong"), outside);
        assert_eq!(set(&cell, "-1").expect_err("it is wrong"), outside);
    }

    #[test]
    fn shutdown_options_are_printed_in_a_fixed_order() {
        let cell = OnSignal::new();
        assert_eq!(set(&cell, "force now"), ok("now force"));
        assert_eq!(set(&cell, "default"), ok("default"));
        assert!(set(&cell, "save nosave").expect_err("it is wrong").contains("simultaneously"));
        assert!(
            set(&cell, "")
                .expect_err("it is wrong")
                .contains("one of the following: default, save, nosave, now, force")
        );
    }

    #[test]
    fn lists_have_limits() {
        let cell = Words::new(&["*", "-::*"]).at_most(2, "Too many bind addresses specified.");
        assert_eq!(set(&cell, "a -b"), ok("a -b"));
        assert_eq!(set(&cell, "a b c").expect_err("it is wrong"), "Too many bind addresses specified.");
        assert_eq!(set(&cell, ""), ok(""));
        assert_eq!(cell.lines(), [b"\"\"".to_vec()]);
    }

    #[test]
    fn a_primary_is_a_host_and_a_port() {
        let cell = Primary::new();
        assert_eq!(set(&cell, "10.0.0.1 6379"), ok("10.0.0.1 6379"));
        assert_eq!(set(&cell, "h 99999").expect_err("it is wrong"), "Invalid master port");
        assert_eq!(set(&cell, "h").expect_err("it is wrong"), "wrong number of arguments");
        assert_eq!(set(&cell, "NO ONE"), ok(""));
    }

    #[test]
    fn integers_come_in_fixed_numbers() {
        let cell = Ints::new(&[0, 200, 800], 2000);
        assert_eq!(set(&cell, "1 -2 3"), ok("1 -2 3"));
        assert_eq!(set(&cell, "1 2").expect_err("it is wrong"), "wrong number of arguments");
        assert!(set(&cell, "1 2 3000").expect_err("it is wrong").contains("between -2000 and 2000"));
    }
}
