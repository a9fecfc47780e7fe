//! `FileReader`: a file, item by item, of which only a window is in memory.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, Read};

use super::Usage;
use crate::rdb::{
    Crc64, Error, Loaded, Loading, Reader, Type, VERSION_MAX, VERSION_VALKEY, is_readable, load_object, opcode,
};
use crate::table::NO_DEADLINE;
use crate::value::Limits;

/// Bytes that are read at once.
const PORTION: usize = 1 << 20;

/// Magic and version.
const HEADER: usize = 9;

/// Files of this version and later have a checksum.
const VERSION_CHECKSUM: u16 = 5;

/// How the mark begins of when a module wants to read what it keeps besides its values.
const MODULE_AUX_WHEN: u64 = 2;

/// How a file is read.
#[derive(Clone, Copy, Debug)]
pub struct ReadOptions {
    /// Which encodings to choose.
    pub limits: Limits,
    /// The time, in milliseconds since 1970: fields of hashes that end before it are left out.
    pub now: u64,
    /// Whether the checksum is compared.
    pub checksum: bool,
    /// Whether files of versions that nobody knew when this was written are tried.
    pub any_version: bool,
}

/// What stands in a file.
#[derive(Debug)]
pub enum Item<'a> {
    /// A fact about the file: a name and a value.
    Aux(Cow<'a, [u8]>, Cow<'a, [u8]>),
    /// A library of functions.
    Function(Cow<'a, [u8]>),
    /// What a module keeps besides its values, which only the module could read; its id is all that is told.
    ModuleAux(u64),
    /// The number of the database that the next keys are in.
    Database(usize),
    /// How many keys the database has, and how many of them expire.
    Size(u64, u64),
    /// A key.
    Key(KeyItem<'a>),
}

/// A key with its value.
#[derive(Debug)]
pub struct KeyItem<'a> {
    /// The key.
    pub key: Cow<'a, [u8]>,
    /// The value.
    pub value: ValueItem<'a>,
    /// The byte that said of which type and form the value is.
    pub type_byte: u8,
    /// When it expires, in milliseconds since 1970; [`NO_DEADLINE`] if never.
    pub expires_at: u64,
    /// How it has been used.
    pub usage: Option<Usage>,
    /// How many bytes all this takes in the file.
    pub size: usize,
}

/// The value of a key in a file.
#[derive(Debug)]
pub enum ValueItem<'a> {
    /// A string.
    Str(Cow<'a, [u8]>),
    /// Any other value; never [`Loaded::Str`].
    Object(Loaded),
    /// A collection without elements, which Redis has sometimes written by mistake.
    Empty,
    /// A collection all of whose elements have expired.
    Expired,
}

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
pub enum Reason {
    /// It cannot be read.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// It does not begin as such files do.
    #[error("Wrong signature: not an RDB file")]
    Signature,
    /// It is of a version that cannot be read.
    #[error("Can't handle RDB format version {0}")]
    Version(u32),
    /// Something in it is not what it should be.
    #[error("integrity check failed: {0}")]
    Content(#[from] Error),
    /// The checksum is another one.
    #[error("RDB CRC error: the checksum in the file is {expected:016x}, that of its content {found:016x}")]
    Checksum {
        /// What stands at the end of the file.
        expected: u64,
        /// What should.
        found: u64,
    },
    /// Functions as no release of Redis has written them.
    #[error("functions in the form of a pre-release")]
    OldFunction,
    /// The receiver of the items does not want to go on.
    #[error("{0}")]
    Refused(String),
}

/// What is wrong with a file, and where.
#[derive(Debug)]
pub struct FileError {
    /// What is wrong.
    pub reason: Reason,
    /// Where the item begins with which something is wrong, in bytes from the beginning of the file.
    pub offset: u64,
    /// The database and the key of that item, as far as they are known.
    pub key: Option<(usize, Vec<u8>)>,
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at offset {}", self.reason, self.offset)?;
        match &self.key {
            Some((database, key)) => write!(f, ", key '{}' of database {database}", key.escape_ascii()),
            None => Ok(()),
        }
    }
}

impl std::error::Error for FileError {}

/// Reads a file.
pub struct FileReader<R> {
    input: R,
    options: ReadOptions,
    /// The window: what has been read and not been worked off is behind `start`.
    window: Vec<u8>,
    start: usize,
    /// Where in the file the window begins.
    offset: u64,
    /// That of everything before the window.
    crc: Crc64,
    ended: bool,
    version: u16,
    database: usize,
}

/// What stands at one place.
enum Parsed<'a> {
    Item(Item<'a>),
    /// Something that nobody needs to know.
    Nothing,
    End,
}

impl<R: Read> FileReader<R> {
    /// Begins to read: the header.
    ///
    /// # Errors
    /// If the file is none, or of a version that cannot be read.
    pub fn new(input: R, options: ReadOptions) -> Result<Self, FileError> {
        let mut reader = Self {
            input,
            options,
            window: Vec::new(),
            start: 0,
            offset: 0,
            crc: Crc64::new(),
            ended: false,
            version: 0,
            database: 0,
        };
        reader.version = reader.header().map_err(|reason| reader.error(reason))?;
        Ok(reader)
    }

    /// The version of the file.
    #[must_use]
    pub fn version(&self) -> u16 {
        self.version
    }

    /// How many bytes have been worked off: when all has been read, how long the file is. What is behind it has nothing to
    /// do with it.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.offset + self.start as u64
    }

    /// Reads to the end and shows each item with the [position](Self::position) behind it.
    ///
    /// # Errors
    /// What is wrong with the file, or what `visit` has against it.
    pub fn read(&mut self, mut visit: impl FnMut(Item<'_>, u64) -> Result<(), String>) -> Result<(), FileError> {
        loop {
            let bytes = &self.window[self.start..];
            let mut reader = Reader::new(bytes);
            let parsed = parse(&mut reader, self.version, &self.options);
            let size = bytes.len() - reader.rest().len();
            match parsed {
                Ok(Parsed::Item(item)) => {
                    if let Item::Database(number) = item {
                        self.database = number;
                    }
                    let position = self.offset + (self.start + size) as u64;
                    if let Err(refusal) = visit(item, position) {
                        return Err(self.error(Reason::Refused(refusal)));
                    }
                }
                Ok(Parsed::Nothing) => {}
                Ok(Parsed::End) => {
                    self.start += size;
                    return self.end().map_err(|reason| self.error(reason));
                }
                Err(Reason::Content(Error::Truncated)) if !self.ended => {
                    // Begun again when more is there: twice as much, so that a long one is not begun too often.
                    let more = PORTION.max(bytes.len());
                    if let Err(error) = self.fill(more) {
                        return Err(self.error(error.into()));
                    }
                    continue;
                }
                Err(reason) => return Err(self.error(reason)),
            }
            self.start += size;
        }
    }

    /// Compares the checksum.
    fn end(&mut self) -> Result<(), Reason> {
        if self.version < VERSION_CHECKSUM {
            return Ok(());
        }
        self.leave_behind();
        let found = std::mem::take(&mut self.crc).finish();
        while self.window.len() < size_of::<u64>() && !self.ended {
            self.fill(size_of::<u64>())?;
        }
        let expected = self.window.first_chunk().ok_or(Error::Truncated)?;
        let expected = u64::from_le_bytes(*expected);
        self.start = size_of::<u64>();
        // Zero is written where there shall be no checksum.
        if self.options.checksum && expected != 0 && expected != found {
            return Err(Reason::Checksum { expected, found });
        }
        Ok(())
    }

    fn header(&mut self) -> Result<u16, Reason> {
        while self.window.len() < HEADER && !self.ended {
            self.fill(PORTION)?;
        }
        let header = self.window.get(..HEADER).ok_or(Error::Truncated)?;
        let digits =
            header.strip_prefix(b"REDIS").or_else(|| header.strip_prefix(b"VALKEY")).ok_or(Reason::Signature)?;
        let version = str::from_utf8(digits).ok().and_then(|digits| digits.parse::<u16>().ok());
        let version = version.filter(|version| *version > 0).ok_or(Reason::Version(0))?;
        let version = match version {
            known if is_readable(known) => known,
            unknown if !self.options.any_version => return Err(Reason::Version(unknown.into())),
            // Read as the nearest that is known.
            unknown if unknown < VERSION_VALKEY => VERSION_MAX,
            _ => VERSION_VALKEY,
        };
        self.start = HEADER;
        Ok(version)
    }

    /// Forgets what has been worked off.
    fn leave_behind(&mut self) {
        if self.options.checksum {
            self.crc.update(&self.window[..self.start]);
        }
        self.window.copy_within(self.start.., 0);
        self.window.truncate(self.window.len() - self.start);
        self.offset += self.start as u64;
        self.start = 0;
    }

    /// Reads up to so many bytes.
    fn fill(&mut self, count: usize) -> io::Result<()> {
        self.leave_behind();
        let old = self.window.len();
        let read = self.input.by_ref().take(count as u64).read_to_end(&mut self.window)?;
        debug_assert_eq!(old + read, self.window.len());
        self.ended = read < count;
        Ok(())
    }

    /// Says where something is wrong.
    fn error(&self, reason: Reason) -> FileError {
        let at_item = matches!(reason, Reason::Content(_) | Reason::Refused(_));
        let key = if at_item { key_at(&self.window[self.start..]) } else { None };
        FileError { reason, offset: self.position(), key: key.map(|key| (self.database, key)) }
    }
}

impl<R> fmt::Debug for FileReader<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileReader")
            .field("version", &self.version)
            .field("offset", &self.offset)
            .finish_non_exhaustive()
    }
}

/// What stands before a key.
struct Before {
    expires_at: u64,
    usage: Option<Usage>,
}

/// Passes over what stands before a key, if anything does, and answers it with the byte behind it: a type, or another
/// opcode.
fn before(reader: &mut Reader<'_>) -> Result<(Before, u8), Error> {
    let mut before = Before { expires_at: NO_DEADLINE, usage: None };
    loop {
        match reader.byte()? {
            opcode::EXPIRE_TIME => {
                let seconds = i64::from(i32::from_le_bytes(reader.array()?));
                before.expires_at = u64::try_from(seconds * 1000).unwrap_or(0);
            }
            opcode::EXPIRE_TIME_MS => before.expires_at = deadline(reader.millis()?),
            opcode::IDLE => before.usage = Some(Usage::Idle(reader.length()?)),
            opcode::FREQ => before.usage = Some(Usage::Frequency(reader.byte()?)),
            other => return Ok((before, other)),
        }
    }
}

/// A deadline as it is written: -1 for none, and what is before 1970 has passed.
fn deadline(millis: i64) -> u64 {
    if millis == -1 { NO_DEADLINE } else { u64::try_from(millis).unwrap_or(0) }
}

/// The key that stands at the beginning of these bytes, if one does.
fn key_at(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut reader = Reader::new(bytes);
    let (_, byte) = before(&mut reader).ok()?;
    if byte >= opcode::SLOT_IMPORT {
        return None;
    }
    reader.string().ok().map(Cow::into_owned)
}

fn parse<'a>(reader: &mut Reader<'a>, version: u16, options: &ReadOptions) -> Result<Parsed<'a>, Reason> {
    let begin = reader.rest().len();
    let (before, byte) = before(reader)?;
    Ok(Parsed::Item(match byte {
        opcode::EOF => return Ok(Parsed::End),
        opcode::SELECT_DB => {
            let number = usize::try_from(reader.length()?);
            Item::Database(number.map_err(|_| Error::Malformed("no database has this number"))?)
        }
        opcode::RESIZE_DB => Item::Size(reader.length()?, reader.length()?),
        opcode::AUX => Item::Aux(reader.string()?, reader.string()?),
        opcode::FUNCTION2 => Item::Function(reader.string()?),
        opcode::FUNCTION_PRE_GA => return Err(Reason::OldFunction),
        opcode::SLOT_INFO => {
            // Its number, its keys, and those that expire.
            for _ in 0..3 {
                reader.length()?;
            }
            return Ok(Parsed::Nothing);
        }
        opcode::MODULE_AUX => Item::ModuleAux(module_aux(reader)?),
        type_byte => {
            let key = reader.string()?;
            let value = value(reader, type_byte, version, options)?;
            let size = begin - reader.rest().len();
            let Before { expires_at, usage } = before;
            Item::Key(KeyItem { key, value, type_byte, expires_at, usage, size })
        }
    }))
}

fn value<'a>(
    reader: &mut Reader<'a>,
    type_byte: u8,
    version: u16,
    options: &ReadOptions,
) -> Result<ValueItem<'a>, Reason> {
    if type_byte == Type::Str.byte() {
        return Ok(ValueItem::Str(reader.string()?));
    }
    let loading = Loading { version, limits: options.limits, now: options.now };
    match load_object(reader, type_byte, &loading) {
        Ok(loaded) => Ok(ValueItem::Object(loaded)),
        // These two are found out when everything has been read.
        Err(Error::Empty) => Ok(ValueItem::Empty),
        Err(Error::Expired) => Ok(ValueItem::Expired),
        Err(error) => Err(error.into()),
    }
}

/// Passes over what a module keeps besides its values, and answers the id of its type.
fn module_aux(reader: &mut Reader<'_>) -> Result<u64, Error> {
    let id = reader.length()?;
    if reader.length()? != MODULE_AUX_WHEN {
        return Err(Error::Malformed("data of a module without a mark of when they are to be read"));
    }
    reader.length()?;
    reader.skip_fields()?;
    Ok(id)
}
