//! The server's log, in the line format of Redis: `PID:M 22 Nov 2026 16:00:00.123 * message`.
//!
//! The code logs through `tracing`; this is the subscriber that a server program installs. An embedding program
//! that has a subscriber of its own simply does not call [`init`].
//!
//! | directive `loglevel` | sign | from `tracing` level |
//! |---|---|---|
//! | debug | `.` | TRACE |
//! | verbose | `-` | DEBUG |
//! | notice | `*` | INFO |
//! | warning | `#` | WARN, ERROR |
//!
//! Times are UTC: the local time zone cannot be read without unsafe code or a further dependency, and logs of several
//! machines are compared more easily this way.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

use parking_lot::Mutex;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, MakeWriter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{Registry, reload};

use crate::clock;

/// The values of the directive `loglevel`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    /// Everything.
    Debug,
    /// Much that is rarely of use.
    Verbose,
    /// What is wanted in production.
    Notice,
    /// Only what is important or critical.
    Warning,
    /// Nothing.
    Nothing,
}

impl LogLevel {
    fn filter(self) -> LevelFilter {
        match self {
            Self::Debug => LevelFilter::TRACE,
            Self::Verbose => LevelFilter::DEBUG,
            Self::Notice => LevelFilter::INFO,
            Self::Warning => LevelFilter::WARN,
            Self::Nothing => LevelFilter::OFF,
        }
    }
}

/// What the process is, as the letter after the process id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum LogRole {
    /// A master, and whatever is not one of the others.
    Master = b'M',
    /// A replica.
    Replica = b'S',
    /// Before the configuration is known.
    Starting = b'C',
}

type LevelHandle = reload::Handle<LevelFilter, Registry>;

/// The handle to change the level with, once [`init`] has installed the subscriber.
static LEVEL: OnceLock<LevelHandle> = OnceLock::new();

static ROLE: AtomicU8 = AtomicU8::new(LogRole::Master as u8);

/// Sends the process's log to `logfile`, or to standard output without one.
///
/// A process has one log: when several servers live in it, the first one to call this decides. Returns whether this
/// call did.
///
/// # Errors
/// If the file cannot be opened for appending.
pub fn init(logfile: Option<&Path>, level: LogLevel) -> io::Result<bool> {
    if LEVEL.get().is_some() {
        return Ok(false);
    }
    let target = match logfile {
        Some(path) => Target::File(LogFile::open(path)?),
        None => Target::Stdout,
    };
    let (subscriber, handle) = build(target, level);
    let installed = tracing::subscriber::set_global_default(subscriber).is_ok();
    // Two servers starting at once: only one of them got here with `installed`.
    Ok(installed && LEVEL.set(handle).is_ok())
}

/// Changes the level, if the log is ours.
pub fn set_level(level: LogLevel) {
    if let Some(handle) = LEVEL.get() {
        // It fails only when the subscriber is gone, and a global one never goes.
        let _ = handle.modify(|filter| *filter = level.filter());
    }
}

/// Changes the letter after the process id.
pub fn set_role(role: LogRole) {
    ROLE.store(role as u8, Relaxed);
}

fn build(target: Target, level: LogLevel) -> (impl Subscriber + Send + Sync, LevelHandle) {
    let (filter, handle) = reload::Layer::new(level.filter());
    let lines = tracing_subscriber::fmt::layer()
        .event_format(RedisFormat)
        .with_ansi(false)
        // A full disk must not turn every line into a complaint on standard error.
        .log_internal_errors(false)
        .with_writer(target);
    (Registry::default().with(filter).with(lines), handle)
}

/// Writes an event as a line.
struct RedisFormat;

impl<S, N> FormatEvent<S, N> for RedisFormat
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let role = ROLE.load(Relaxed) as char;
        let time = LogTime(clock::unix_millis());
        let sign = sign(event.metadata());
        write!(writer, "{}:{role} {time} {sign} ", std::process::id())?;
        context.format_fields(writer.by_ref(), event)?;
        writeln!(writer)
    }
}

fn sign(metadata: &Metadata<'_>) -> char {
    match *metadata.level() {
        Level::TRACE => '.',
        Level::DEBUG => '-',
        Level::INFO => '*',
        Level::WARN | Level::ERROR => '#',
    }
}

/// Unix milliseconds, shown as `22 Nov 2026 16:00:00.123`.
struct LogTime(u64);

impl fmt::Display for LogTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        let (seconds, millis) = (self.0 / 1_000, self.0 % 1_000);
        let (days, second) = (seconds / 86_400, seconds % 86_400);
        let (year, month, day) = civil_date(days);
        let (hour, minute) = (second / 3_600, second / 60 % 60);
        let month = MONTHS[month];
        write!(f, "{day:02} {month} {year} {hour:02}:{minute:02}:{:02}.{millis:03}", second % 60)
    }
}

/// The year, the month (from 0) and the day (from 1) of a day counted from 1 January 1970.
///
/// Counts in years that begin in March, so that the leap day is the last of its year and every month starts at
/// a fixed day: months of 31, 30, 31, 30, 31 days repeat, which is 153 days for five.
fn civil_date(days: u64) -> (u64, usize, u64) {
    const DAYS_IN_400_YEARS: u64 = 146_097;
    // Days from 1 March of the year 0 to 1 January 1970.
    let days = days + 719_468;
    let (era, day) = (days / DAYS_IN_400_YEARS, days % DAYS_IN_400_YEARS);
    let year_of_era = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = ((march_month + 2) % 12) as usize;
    let year = era * 400 + year_of_era + u64::from(march_month >= 10);
    (year, month, day_of_month)
}

/// Where lines go.
enum Target {
    Stdout,
    File(LogFile),
}

impl<'a> MakeWriter<'a> for Target {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Self::Writer {
        Line(self)
    }
}

/// Writes one line. The formatter hands it over in one piece.
struct Line<'a>(&'a Target);

impl Write for Line<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        match self.0 {
            Target::Stdout => io::stdout().lock().write_all(line)?,
            Target::File(file) => file.write_line(line)?,
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        match self.0 {
            Target::Stdout => io::stdout().flush(),
            Target::File(_) => Ok(()),
        }
    }
}

/// A log file that may be renamed or deleted under the server, as log rotation does.
///
/// Redis opens the file anew for every line. Here the open file is kept, and each line first looks whether the path
/// still leads to it, which is cheaper and has the same effect: the line after a rotation starts a new file.
struct LogFile {
    path: PathBuf,
    open: Mutex<Option<File>>,
}

impl LogFile {
    fn open(path: &Path) -> io::Result<Self> {
        let file = open_append(path)?;
        Ok(Self { path: path.to_owned(), open: Mutex::new(Some(file)) })
    }

    fn write_line(&self, line: &[u8]) -> io::Result<()> {
        let mut open = self.open.lock();
        if !open.as_ref().is_some_and(|file| self.leads_to(file)) {
            // Closed first, so that a failure leaves nothing behind and the next line tries again.
            *open = None;
            *open = Some(open_append(&self.path)?);
        }
        match open.as_mut() {
            Some(file) => file.write_all(line),
            None => Ok(()),
        }
    }

    #[cfg(unix)]
    fn leads_to(&self, file: &File) -> bool {
        use std::os::unix::fs::MetadataExt;
        match (std::fs::metadata(&self.path), file.metadata()) {
            (Ok(path), Ok(file)) => path.dev() == file.dev() && path.ino() == file.ino(),
            _ => false,
        }
    }

    #[cfg(not(unix))]
    fn leads_to(&self, _file: &File) -> bool {
        self.path.exists()
    }
}

fn open_append(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn temporary(name: &str) -> PathBuf {
        let unique = format!("redis-core-log-{}-{name}", std::process::id());
        let path = std::env::temp_dir().join(unique);
        let _ = std::fs::remove_file(&path);
        path
    }

    #[test]
    fn times() {
        let text = |millis| LogTime(millis).to_string();
        assert_eq!(text(0), "01 Jan 1970 00:00:00.000");
        assert_eq!(text(951_782_400_000), "29 Feb 2000 00:00:00.000");
        assert_eq!(text(1_795_366_758_370), "22 Nov 2026 16:59:18.370");
        assert_eq!(text(4_107_542_399_999), "28 Feb 2100 23:59:59.999");
        assert_eq!(text(4_107_542_400_000), "01 Mar 2100 00:00:00.000");
    }

    #[test]
    fn lines_levels_and_rotation() {
        let path = temporary("rotate");
        let (subscriber, level) = build(Target::File(LogFile::open(&path).unwrap()), LogLevel::Notice);
        let rotated = temporary("rotate.1");
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!("Ready to accept {}", "connections");
            tracing::debug!("too detailed");
            std::fs::rename(&path, &rotated).unwrap();
            tracing::warn!(port = 6379, "after rotation");
            level.modify(|filter| *filter = LogLevel::Debug.filter()).unwrap();
            tracing::trace!("now shown");
        });
        let before = std::fs::read_to_string(&rotated).unwrap();
        assert!(before.starts_with(&format!("{}:M ", std::process::id())), "{before}");
        assert!(before.ends_with(" * Ready to accept connections\n"), "{before}");
        assert_eq!(before.lines().count(), 1);
        let after = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<_> = after.lines().collect();
        assert!(lines[0].ends_with(" # after rotation port=6379"), "{after}");
        assert!(lines[1].ends_with(" . now shown"), "{after}");
        for path in [path, rotated] {
            std::fs::remove_file(path).unwrap();
        }
    }

    #[test]
    fn an_impossible_path_is_an_error() {
        assert!(init(Some(Path::new("/nonexistent/x.log")), LogLevel::Notice).is_err());
    }
}
