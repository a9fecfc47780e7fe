//! One key in a file, with what stands before it.

use crate::rdb::{Progress, ValueRef, Writer, opcode, save_part};
use crate::table::NO_DEADLINE;

/// How a key has been used, for the eviction of those that are used least.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Usage {
    /// For how many seconds it has not been used.
    Idle(u64),
    /// The logarithmic counter of its uses.
    Frequency(u8),
}

/// One key of a file.
#[derive(Debug)]
pub struct Record<'a> {
    /// The key.
    pub key: &'a [u8],
    /// Its value.
    pub value: ValueRef<'a>,
    /// When it expires, in milliseconds since 1970; [`NO_DEADLINE`] if never.
    pub expires_at: u64,
    /// How it has been used, if that is to be kept.
    pub usage: Option<Usage>,
}

impl Record<'_> {
    /// Appends the bytes of the key: expiry, usage, type, name, value.
    ///
    /// What has expired is written like everything else; whoever reads it leaves it out.
    pub fn write(&self, writer: &mut Writer) {
        self.write_part(writer, &mut Progress::whole());
    }

    /// As [`Record::write`], in parts. Answers whether the key is complete; it must not change until then.
    pub fn write_part(&self, writer: &mut Writer, progress: &mut Progress) -> bool {
        if !progress.has_begun() {
            self.write_head(writer);
        }
        save_part(writer, &self.value, 0, progress)
    }

    fn write_head(&self, writer: &mut Writer) {
        if self.expires_at != NO_DEADLINE {
            writer.byte(opcode::EXPIRE_TIME_MS);
            writer.millis(i64::try_from(self.expires_at).unwrap_or(i64::MAX));
        }
        match self.usage {
            Some(Usage::Idle(seconds)) => {
                writer.byte(opcode::IDLE);
                writer.length(seconds);
            }
            Some(Usage::Frequency(counter)) => {
                writer.byte(opcode::FREQ);
                writer.byte(counter);
            }
            None => {}
        }
        writer.type_byte(self.value.form());
        writer.string(self.key);
    }
}
