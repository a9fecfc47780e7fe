//! Where one setting lives, and what it accepts.
//!
//! A cell is read on hot paths and written rarely, so numbers, switches and choices are atomics and texts are shared
//! slices behind a lock held for the length of a clone. Everything that is not a hot path (CONFIG GET, CONFIG SET, the
//! file, roll-back, CONFIG REWRITE) sees cells only as [`Cell`]: text in, text out. That is sufficient because of one rule,
//! which a test holds for every directive: the text of a value, stored again, gives the same value.

use std::fmt::Debug;
use std::io;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering::Relaxed};

use parking_lot::RwLock;

use crate::num::{parse_i64, parse_memory_size};

/// How many words follow the directive's name on a line of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arity {
    /// Exactly one.
    One,
    /// Any number; a single word is split at its blanks, so that a quoted list and CONFIG SET work alike.
    Many,
}

/// One setting as those see it who do not know its type.
pub trait Cell: Debug + Send + Sync {
    /// The value as CONFIG GET shows it.
    fn text(&self) -> Vec<u8>;

    /// What [`Cell::text`] is before anybody sets anything.
    fn default_text(&self) -> Vec<u8>;

    /// Reads a value and takes it over, or says in Redis's words why not and changes nothing.
    ///
    /// `continued` is true where an earlier line of the same file or command line has set this directive already:
    /// a directive that lists things (`save`) then adds to its list.
    fn store(&self, words: &[&[u8]], continued: bool) -> Result<(), String>;

    /// What a user may write, as half a sentence for the example file.
    fn expects(&self) -> String;

    /// How many words make a value.
    fn arity(&self) -> Arity {
        Arity::One
    }

    /// The value as arguments of one or several lines of a configuration file.
    fn lines(&self) -> Vec<Vec<u8>> {
        vec![self.text()]
    }
}

/// The only word of a directive with [`Arity::One`]; the caller has counted.
fn only<'a>(words: &[&'a [u8]]) -> &'a [u8] {
    words.first().copied().unwrap_or_default()
}

fn check_range(value: i64, range: &RangeInclusive<i64>) -> Result<i64, String> {
    if range.contains(&value) {
        return Ok(value);
    }
    Err(format!("argument must be between {} and {} inclusive", range.start(), range.end()))
}

/// An integer within a range.
#[derive(Debug)]
pub struct Int {
    value: AtomicI64,
    default: i64,
    range: RangeInclusive<i64>,
    clamp: Option<RangeInclusive<i64>>,
}

impl Int {
    pub(crate) fn new(default: i64, range: RangeInclusive<i64>) -> Self {
        Self { value: AtomicI64::new(default), default, range, clamp: None }
    }

    /// Accepts all of its range, but keeps only what lies in `clamp`, silently, as Redis does for a few directives.
    pub(crate) fn clamped(self, clamp: RangeInclusive<i64>) -> Self {
        Self { clamp: Some(clamp), ..self }
    }

    /// The value.
    pub fn get(&self) -> i64 {
        self.value.load(Relaxed)
    }

    /// The value as a count or a size; a negative one is zero.
    pub fn get_usize(&self) -> usize {
        usize::try_from(self.get()).unwrap_or(0)
    }
}

impl Cell for Int {
    fn text(&self) -> Vec<u8> {
        self.get().to_string().into_bytes()
    }

    fn default_text(&self) -> Vec<u8> {
        self.default.to_string().into_bytes()
    }

    fn store(&self, words: &[&[u8]], _continued: bool) -> Result<(), String> {
        let value = parse_i64(only(words)).ok_or("argument couldn't be parsed into an integer")?;
        let value = check_range(value, &self.range)?;
        let value = self.clamp.as_ref().map_or(value, |clamp| value.clamp(*clamp.start(), *clamp.end()));
        self.value.store(value, Relaxed);
        Ok(())
    }

    fn expects(&self) -> String {
        let range = self.clamp.as_ref().unwrap_or(&self.range);
        match (*range.start(), *range.end()) {
            (low, i64::MAX) => format!("an integer, {low} or more"),
            (low, high) => format!("an integer from {low} to {high}"),
        }
    }
}

/// `yes` or `no`.
#[derive(Debug)]
pub struct Bool {
    value: AtomicBool,
    default: bool,
}

impl Bool {
    pub(crate) fn new(default: bool) -> Self {
        Self { value: AtomicBool::new(default), default }
    }

    /// The value.
    pub fn get(&self) -> bool {
        self.value.load(Relaxed)
    }
}

fn yes_or_no(value: bool) -> Vec<u8> {
    if value { b"yes".to_vec() } else { b"no".to_vec() }
}

impl Cell for Bool {
    fn text(&self) -> Vec<u8> {
        yes_or_no(self.get())
    }

    fn default_text(&self) -> Vec<u8> {
        yes_or_no(self.default)
    }

    fn store(&self, words: &[&[u8]], _continued: bool) -> Result<(), String> {
        let value = match only(words) {
            word if word.eq_ignore_ascii_case(b"yes") => true,
            word if word.eq_ignore_ascii_case(b"no") => false,
            _ => return Err("argument must be 'yes' or 'no'".to_owned()),
        };
        self.value.store(value, Relaxed);
        Ok(())
    }

    fn expects(&self) -> String {
        "yes or no".to_owned()
    }
}

/// An amount of memory such as `100mb`, or, where that is allowed, a percentage of `maxmemory`.
#[derive(Debug)]
pub struct Memory {
    /// Bytes; a percentage is kept as its negative.
    value: AtomicI64,
    default: i64,
    range: RangeInclusive<i64>,
    percent: bool,
}

impl Memory {
    pub(crate) fn new(default: i64, range: RangeInclusive<i64>) -> Self {
        Self { value: AtomicI64::new(default), default, range, percent: false }
    }

    /// Accepts `5%` too.
    pub(crate) fn or_percent(self) -> Self {
        Self { percent: true, ..self }
    }

    /// The value in bytes. Of a directive that may be a percentage, ask [`Memory::get_of`].
    pub fn get(&self) -> u64 {
        u64::try_from(self.value.load(Relaxed)).unwrap_or(0)
    }

    /// The value in bytes as a size.
    pub fn get_usize(&self) -> usize {
        usize::try_from(self.get()).unwrap_or(usize::MAX)
    }

    /// The value in bytes, a percentage being one of `whole`.
    pub fn get_of(&self, whole: u64) -> u64 {
        match self.value.load(Relaxed) {
            percent if percent < 0 => (u128::from(whole) * u128::from(percent.unsigned_abs()) / 100) as u64,
            bytes => bytes.unsigned_abs(),
        }
    }

    fn parse(&self, word: &[u8]) -> Result<i64, String> {
        if self.percent
            && let Some(number) = word.strip_suffix(b"%")
        {
            return match parse_i64(number) {
                Some(0..=100) => Ok(-parse_i64(number).unwrap_or(0)),
                Some(101..) => Err("percentage argument must be less or equal to 100".to_owned()),
                _ => Err(self.refusal()),
            };
        }
        // No digits at all count as zero in Redis; here they are the typing error that they are.
        if !word.first().is_some_and(u8::is_ascii_digit) {
            return Err(self.refusal());
        }
        let bytes = parse_memory_size(word).map_err(|_| self.refusal())?;
        check_range(i64::try_from(bytes).unwrap_or(i64::MAX), &self.range)
    }

    fn refusal(&self) -> String {
        let what = if self.percent { "memory or percent" } else { "memory" };
        format!("argument must be a {what} value")
    }
}

fn memory_text(value: i64) -> Vec<u8> {
    if value < 0 { format!("{}%", -value).into_bytes() } else { value.to_string().into_bytes() }
}

impl Cell for Memory {
    fn text(&self) -> Vec<u8> {
        memory_text(self.value.load(Relaxed))
    }

    fn default_text(&self) -> Vec<u8> {
        memory_text(self.default)
    }

    fn store(&self, words: &[&[u8]], _continued: bool) -> Result<(), String> {
        self.value.store(self.parse(only(words))?, Relaxed);
        Ok(())
    }

    fn expects(&self) -> String {
        if self.percent {
            "an amount of memory such as 100mb, or a percentage of maxmemory"
        } else {
            "an amount of memory such as 100mb"
        }
        .to_owned()
    }
}

/// The permissions of a file, in octal.
#[derive(Debug)]
pub struct Octal {
    value: AtomicI64,
}

impl Octal {
    pub(crate) fn new() -> Self {
        Self { value: AtomicI64::new(0) }
    }

    /// The permission bits; 0 leaves them to the process's umask.
    pub fn get(&self) -> u32 {
        self.value.load(Relaxed) as u32
    }
}

impl Cell for Octal {
    fn text(&self) -> Vec<u8> {
        format!("{:o}", self.value.load(Relaxed)).into_bytes()
    }

    fn default_text(&self) -> Vec<u8> {
        b"0".to_vec()
    }

    fn store(&self, words: &[&[u8]], _continued: bool) -> Result<(), String> {
        let text = str::from_utf8(only(words)).unwrap_or("x");
        let value = i64::from_str_radix(text, 8).map_err(|_| "argument couldn't be parsed as an octal number")?;
        if !(0..=0o777).contains(&value) {
            return Err("argument must be between 0 and 777 inclusive".to_owned());
        }
        self.value.store(value, Relaxed);
        Ok(())
    }

    fn expects(&self) -> String {
        "an octal number from 0 to 777".to_owned()
    }
}

/// A type whose values have names in the configuration.
pub trait Named: Copy + Debug + Eq + Send + Sync + 'static {
    /// Every value with its name, in the order in which an error lists them.
    const NAMES: &'static [(&'static str, Self)];

    /// The name of this value.
    fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, value)| *value == self).map_or("", |(name, _)| name)
    }
}

/// One of the values of an enumeration.
#[derive(Debug)]
pub struct Enum<T> {
    /// The place in `T::NAMES`.
    value: AtomicUsize,
    default: T,
}

impl<T: Named> Enum<T> {
    pub(crate) fn new(default: T) -> Self {
        let value = T::NAMES.iter().position(|(_, value)| *value == default).unwrap_or(0);
        Self { value: AtomicUsize::new(value), default }
    }

    /// The value.
    pub fn get(&self) -> T {
        T::NAMES.get(self.value.load(Relaxed)).map_or(self.default, |(_, value)| *value)
    }
}

/// What is said to a word that is none of `names`.
pub(super) fn one_of<'a>(names: impl Iterator<Item = &'a str>) -> String {
    format!("argument(s) must be one of the following: {}", names.collect::<Vec<_>>().join(", "))
}

impl<T: Named> Cell for Enum<T> {
    fn text(&self) -> Vec<u8> {
        self.get().name().into()
    }

    fn default_text(&self) -> Vec<u8> {
        self.default.name().into()
    }

    fn store(&self, words: &[&[u8]], _continued: bool) -> Result<(), String> {
        let mut names = T::NAMES.iter().map(|(name, _)| *name);
        let place = names.clone().position(|name| name.as_bytes().eq_ignore_ascii_case(only(words)));
        self.value.store(place.ok_or_else(|| one_of(names.by_ref()))?, Relaxed);
        Ok(())
    }

    fn expects(&self) -> String {
        format!("one of {}", T::NAMES.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", "))
    }
}

/// One of a few words that nothing in the server distinguishes yet; what does gets an [`Enum`].
#[derive(Debug)]
pub struct Choice {
    value: AtomicUsize,
    default: &'static str,
    names: &'static [&'static str],
}

impl Choice {
    pub(crate) fn new(default: &'static str, names: &'static [&'static str]) -> Self {
        let value = names.iter().position(|name| *name == default).unwrap_or(0);
        Self { value: AtomicUsize::new(value), default, names }
    }

    /// The word chosen.
    pub fn get(&self) -> &'static str {
        self.names.get(self.value.load(Relaxed)).copied().unwrap_or(self.default)
    }
}

impl Cell for Choice {
    fn text(&self) -> Vec<u8> {
        self.get().into()
    }

    fn default_text(&self) -> Vec<u8> {
        self.default.into()
    }

    fn store(&self, words: &[&[u8]], _continued: bool) -> Result<(), String> {
        let place = self.names.iter().position(|name| name.as_bytes().eq_ignore_ascii_case(only(words)));
        self.value.store(place.ok_or_else(|| one_of(self.names.iter().copied()))?, Relaxed);
        Ok(())
    }

    fn expects(&self) -> String {
        format!("one of {}", self.names.join(", "))
    }
}

/// A text: a path, a name, a template.
#[derive(Debug)]
pub struct Text {
    value: RwLock<Arc<str>>,
    default: &'static str,
    check: fn(&str) -> Result<(), String>,
}

impl Text {
    pub(crate) fn new(default: &'static str) -> Self {
        Self { value: RwLock::new(default.into()), default, check: |_| Ok(()) }
    }

    /// Accepts only what passes `check`.
    pub(crate) fn checked(self, check: fn(&str) -> Result<(), String>) -> Self {
        Self { check, ..self }
    }

    /// The value.
    pub fn get(&self) -> Arc<str> {
        Arc::clone(&self.value.read())
    }
}

impl Cell for Text {
    fn text(&self) -> Vec<u8> {
        self.get().as_bytes().to_vec()
    }

    fn default_text(&self) -> Vec<u8> {
        self.default.into()
    }

    fn store(&self, words: &[&[u8]], _continued: bool) -> Result<(), String> {
        let text = str::from_utf8(only(words)).map_err(|_| "argument must be valid UTF-8")?;
        (self.check)(text)?;
        *self.value.write() = text.into();
        Ok(())
    }

    fn expects(&self) -> String {
        "a text".to_owned()
    }

    fn lines(&self) -> Vec<Vec<u8>> {
        vec![super::file::quote(&self.text())]
    }
}

/// A password: any bytes, never logged.
pub struct Secret {
    value: RwLock<Arc<[u8]>>,
}

impl Secret {
    pub(crate) fn new() -> Self {
        Self { value: RwLock::new(Arc::from([])) }
    }

    /// The password; empty for none.
    pub fn get(&self) -> Arc<[u8]> {
        Arc::clone(&self.value.read())
    }

    /// Whether there is a password.
    pub fn is_set(&self) -> bool {
        !self.value.read().is_empty()
    }
}

impl Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Secret").field("is_set", &self.is_set()).finish()
    }
}

impl Cell for Secret {
    fn text(&self) -> Vec<u8> {
        self.get().to_vec()
    }

    fn default_text(&self) -> Vec<u8> {
        Vec::new()
    }

    fn store(&self, words: &[&[u8]], _continued: bool) -> Result<(), String> {
        *self.value.write() = only(words).into();
        Ok(())
    }

    fn expects(&self) -> String {
        "a password, or file:/path for the contents of a file".to_owned()
    }

    fn lines(&self) -> Vec<Vec<u8>> {
        vec![super::file::quote(&self.text())]
    }
}

/// A directory that exists. The process's own working directory stays what it is: several servers may share a process.
#[derive(Debug)]
pub struct Directory {
    value: RwLock<Arc<Path>>,
    default: PathBuf,
}

impl Directory {
    /// The default is the directory in which the process was started.
    pub(crate) fn new() -> Self {
        let default = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/"));
        Self { value: RwLock::new(default.as_path().into()), default }
    }

    /// The directory, absolute.
    pub fn get(&self) -> Arc<Path> {
        Arc::clone(&self.value.read())
    }
}

impl Cell for Directory {
    fn text(&self) -> Vec<u8> {
        self.get().as_os_str().as_encoded_bytes().to_vec()
    }

    fn default_text(&self) -> Vec<u8> {
        self.default.as_os_str().as_encoded_bytes().to_vec()
    }

    fn store(&self, words: &[&[u8]], _continued: bool) -> Result<(), String> {
        let path = super::file::path(only(words));
        // A relative path starts from the directory set so far, as with Redis, which changes into it.
        let resolve = || {
            let path = self.get().join(path).canonicalize()?;
            if path.metadata()?.is_dir() { Ok(path) } else { Err(io::ErrorKind::NotADirectory.into()) }
        };
        let path: PathBuf = resolve().map_err(|error: io::Error| plain(&error))?;
        *self.value.write() = path.into();
        Ok(())
    }

    fn expects(&self) -> String {
        "the path of a directory".to_owned()
    }

    fn lines(&self) -> Vec<Vec<u8>> {
        vec![super::file::quote(&self.text())]
    }
}

/// Refuses a path where `directive` wants a name.
pub(super) fn file_name(directive: &str, name: &str) -> Result<(), String> {
    if name.contains('/') { Err(format!("{directive} can't be a path, just a filename")) } else { Ok(()) }
}

/// The words of the operating system for an error, without Rust's `(os error 2)` behind them.
pub(super) fn plain(error: &io::Error) -> String {
    if error.kind() == io::ErrorKind::NotADirectory {
        return "Not a directory".to_owned();
    }
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(cell: &dyn Cell, word: &str) -> Result<String, String> {
        cell.store(&[word.as_bytes()], false)?;
        Ok(String::from_utf8(cell.text()).expect("printable"))
    }

    fn check(cell: &dyn Cell, cases: &[(&str, Result<&str, &str>)]) {
        for (word, expected) in cases {
            assert_eq!(stored(cell, word), expected.map(str::to_owned).map_err(str::to_owned), "{word:?}");
        }
    }

    #[test]
    fn integers_are_strict_and_bounded() {
        let not = Err("argument couldn't be parsed into an integer");
        let outside = Err("argument must be between 1 and 9 inclusive");
        let cases = [
            ("5", Ok("5")),
            ("05", not),
            ("+5", not),
            (" 5", not),
            ("5x", not),
            ("", not),
            ("0", outside),
            ("10", outside),
        ];
        check(&Int::new(3, 1..=9), &cases);
        check(&Int::new(10, 0..=1000).clamped(1..=500), &[("0", Ok("1")), ("700", Ok("500")), ("50", Ok("50"))]);
    }

    #[test]
    fn a_refused_value_changes_nothing() {
        let cell = Int::new(3, 1..=9);
        assert!(stored(&cell, "77").is_err());
        assert_eq!(cell.get(), 3);
    }

    #[test]
    fn switches_ignore_case() {
        let not = Err("argument must be 'yes' or 'no'");
        check(&Bool::new(false), &[("YES", Ok("yes")), ("no", Ok("no")), ("1", not), ("", not)]);
    }

    #[test]
    fn memory_takes_units_and_maybe_percentages() {
        let not = Err("argument must be a memory value");
        let low = Err("argument must be between 1024 and 9223372036854775807 inclusive");
        let cases = [
            ("1gb", Ok("1073741824")),
            ("2K", Ok("2000")),
            ("1", low),
            ("-1", not),
            ("1.5gb", not),
            ("10%", not),
            ("", not),
        ];
        check(&Memory::new(4096, 1024..=i64::MAX), &cases);

        let not = Err("argument must be a memory or percent value");
        let high = Err("percentage argument must be less or equal to 100");
        let cases =
            [("10%", Ok("10%")), ("0%", Ok("0")), ("101%", high), ("-1%", not), ("%", not), ("1kb", Ok("1024"))];
        check(&Memory::new(0, 0..=i64::MAX).or_percent(), &cases);
    }

    #[test]
    fn a_percentage_is_one_of_the_whole() {
        let cell = Memory::new(0, 0..=i64::MAX).or_percent();
        stored(&cell, "10%").expect("a percentage");
        assert_eq!((cell.get(), cell.get_of(2000)), (0, 200));
        stored(&cell, "7").expect("bytes");
        assert_eq!((cell.get(), cell.get_of(2000)), (7, 7));
    }

    #[test]
    fn permissions_are_octal() {
        let not = Err("argument couldn't be parsed as an octal number");
        let outside = Err("argument must be between 0 and 777 inclusive");
        check(
            &Octal::new(),
            &[("0700", Ok("700")), ("777", Ok("777")), ("9", not), ("1000", outside), ("-1", outside)],
        );
    }

    #[test]
    fn choices_list_themselves() {
        let not = Err("argument(s) must be one of the following: one, two");
        check(&Choice::new("two", &["one", "two"]), &[("TWO", Ok("two")), ("", not), ("three", not)]);
    }

    #[test]
    fn a_directory_must_exist() {
        let missing = Err("No such file or directory");
        check(&Directory::new(), &[("/", Ok("/")), ("/no-such-place", missing), ("no-such-place", missing)]);
        let file = std::env::current_exe().expect("a test has a path");
        assert_eq!(stored(&Directory::new(), file.to_str().expect("printable")), Err("Not a directory".to_owned()));
    }

    #[test]
    fn a_password_is_not_shown_by_debug() {
        let cell = Secret::new();
        stored(&cell, "hunter2").expect("any bytes");
        assert!(!format!("{cell:?}").contains("hunter2"));
    }
}
