//! `redis-server check-aof`: are the files in order, and if one just ends, shall its end be cut off?
//!
//! The lines are those of Redis's `redis-check-aof`, which scripts look at.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::Path;

use super::load::is_snapshot;
use super::manifest::Manifest;
use crate::num;
use crate::persistence::rdb;

/// The most that one argument is believed to have.
const MAX_ARGUMENT: u64 = 4 << 30;

/// What is done to a file that is not in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repair {
    /// Nothing.
    No,
    /// What is behind the last whole command goes.
    Fix,
}

/// Checks the files that a list names, or a single file of earlier versions, and writes what it finds. `agrees` is asked
/// before a file is cut. Answers whether everything is in order, or is now.
///
/// # Errors
/// If a file cannot be read or cut, or nothing can be written to `out`.
pub fn check(path: &Path, repair: Repair, out: &mut dyn Write, agrees: impl FnOnce() -> bool) -> io::Result<bool> {
    if !path.is_file() {
        let reason = std::fs::metadata(path).err().map_or("No such file".into(), |error| super::thread::plain(&error));
        writeln!(out, "Cannot open file {}: {reason}", path.display())?;
        return Ok(false);
    }
    let bytes = File::open(path).and_then(|file| {
        let mut line = Vec::new();
        BufReader::new(file).read_until(b'\n', &mut line).map(|_| line)
    })?;
    if !bytes.starts_with(b"file ") {
        writeln!(out, "Start checking Old-Style AOF")?;
        return check_part(path, "AOF ", repair, true, out, agrees);
    }
    writeln!(out, "Start checking Multi Part AOF")?;
    let manifest = match Manifest::parse(&std::fs::read(path)?) {
        Ok(manifest) => manifest,
        Err((line, reason, text)) => {
            writeln!(out, "{reason}, at line {line}: '{text}'")?;
            return Ok(false);
        }
    };
    let directory = path.parent().unwrap_or(Path::new(""));
    let mut agrees = Some(agrees);
    let last = manifest.parts().last().cloned();
    for part in manifest.parts() {
        let is_base = manifest.base.as_ref() == Some(part);
        if is_base {
            let snapshot = is_snapshot(&mut File::open(directory.join(&part.name))?)?;
            writeln!(out, "Start to check BASE AOF ({} format).", if snapshot { "RDB" } else { "RESP" })?;
        } else if manifest.increments.first() == Some(part) {
            writeln!(out, "Start to check INCR files.")?;
        }
        let is_last = last.as_ref() == Some(part);
        let agrees = || agrees.take().is_some_and(|agrees| agrees());
        let kind = if is_base { "BASE AOF " } else { "INCR AOF " };
        if !check_part(&directory.join(&part.name), kind, repair, is_last, out, agrees)? {
            return Ok(false);
        }
    }
    writeln!(out, "All AOF files and manifest are valid")?;
    Ok(true)
}

fn check_part(
    path: &Path,
    kind: &str,
    repair: Repair,
    is_last: bool,
    out: &mut dyn Write,
    agrees: impl FnOnce() -> bool,
) -> io::Result<bool> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut file = File::open(path)?;
    let size = file.metadata()?.len();
    if size == 0 {
        writeln!(out, "{kind}{name} is empty")?;
        return Ok(true);
    }
    let mut begin = 0;
    if is_snapshot(&mut file)? {
        match rdb::check(path, out, None)? {
            Some(end) => begin = end,
            None => {
                writeln!(out, "RDB preamble of AOF file is not sane, aborting.")?;
                return Ok(false);
            }
        }
        writeln!(out, "RDB preamble is OK, proceeding with AOF tail...")?;
    }
    file.seek(SeekFrom::Start(begin))?;
    let mut reader = Reader { input: BufReader::new(file), position: begin, line: 1 };
    let (whole, problem) = reader.commands()?;
    if let Some((position, problem)) = problem {
        writeln!(out, "0x{position:>16x}: {problem}")?;
    }
    let (line, rest) = (reader.line, size - whole);
    writeln!(out, "AOF analyzed: filename={name}, size={size}, ok_up_to={whole}, ok_up_to_line={line}, diff={rest}")?;
    if rest == 0 {
        writeln!(out, "{kind}{name} is valid")?;
        return Ok(true);
    }
    if repair == Repair::No {
        writeln!(out, "AOF {name} is not valid. Use the --fix option to try fixing it.")?;
        return Ok(false);
    }
    if !is_last {
        writeln!(out, "Failed to truncate AOF {name} because it is not the last file")?;
        return Ok(false);
    }
    writeln!(out, "This will shrink the AOF {name} from {size} bytes, with {rest} bytes, to {whole} bytes")?;
    write!(out, "Continue? [y/N]: ")?;
    out.flush()?;
    if !agrees() {
        writeln!(out, "Aborting...")?;
        return Ok(false);
    }
    let file = OpenOptions::new().write(true).open(path)?;
    file.set_len(whole)?;
    file.sync_all()?;
    writeln!(out, "Successfully truncated AOF {name}")?;
    Ok(true)
}

/// Reads the commands of a file one by one, and counts lines.
struct Reader<R> {
    input: BufReader<R>,
    position: u64,
    line: u64,
}

/// What is wrong, and where.
type Problem = (u64, String);

impl<R: io::Read> Reader<R> {
    /// Reads to the end. Answers where the last whole command or transaction ends, and what is wrong behind it.
    fn commands(&mut self) -> io::Result<(u64, Option<Problem>)> {
        let mut whole = self.position;
        let mut open = false;
        loop {
            match self.command()? {
                Ok(None) if open => {
                    return Ok((whole, Some((self.position, "Reached EOF before reading EXEC for MULTI".into()))));
                }
                Ok(None) => return Ok((whole, None)),
                Ok(Some(name)) => {
                    let is = |word: &str| name.eq_ignore_ascii_case(word.as_bytes());
                    match (open, is(BEGIN), is(END)) {
                        (true, true, _) => return Ok((whole, Some((self.position, "Unexpected MULTI".into())))),
                        (false, _, true) => return Ok((whole, Some((self.position, "Unexpected EXEC".into())))),
                        (_, begins, ends) => open = (open || begins) && !ends,
                    }
                    if !open {
                        whole = self.position;
                    }
                }
                Err(problem) => return Ok((whole, Some(problem))),
            }
        }
    }

    /// One command: its name. None at the end.
    fn command(&mut self) -> io::Result<Result<Option<Vec<u8>>, Problem>> {
        loop {
            match self.input.fill_buf()?.first() {
                None => return Ok(Ok(None)),
                Some(b'#') => drop(self.line()?),
                Some(_) => break,
            }
        }
        let begin = self.position;
        let count = match self.number(b'*')? {
            Ok(0) => return Ok(Err((begin, "Expected a command, got none".into()))),
            Ok(count) => count,
            Err(problem) => return Ok(Err(problem)),
        };
        let mut name = None;
        for _ in 0..count {
            let len = match self.number(b'$')? {
                Ok(len) => len,
                Err(problem) => return Ok(Err(problem)),
            };
            match self.argument(len)? {
                Ok(argument) => drop(name.get_or_insert(argument)),
                Err(problem) => return Ok(Err(problem)),
            }
        }
        Ok(Ok(Some(name.unwrap_or_default())))
    }

    fn line(&mut self) -> io::Result<Vec<u8>> {
        let mut line = Vec::new();
        self.input.read_until(b'\n', &mut line)?;
        self.position += line.len() as u64;
        self.line += u64::from(line.ends_with(b"\n"));
        Ok(line)
    }

    /// A number behind a marker.
    fn number(&mut self, marker: u8) -> io::Result<Result<u64, Problem>> {
        let begin = self.position;
        let line = self.line()?;
        let marked = match line.first() {
            Some(byte) if *byte == marker => &line[1..],
            found => {
                let found = found.map_or_else(String::new, |byte| byte.escape_ascii().to_string());
                return Ok(Err((begin, format!("Expected prefix '{}', got: '{found}'", char::from(marker)))));
            }
        };
        let Some(digits) = marked.strip_suffix(b"\r\n") else {
            return Ok(Err((begin, format!("Expected \\r\\n, got: '{}'", marked.escape_ascii()))));
        };
        let number = num::parse_i64(digits).and_then(|number| u64::try_from(number).ok());
        let number = number.filter(|number| *number <= MAX_ARGUMENT);
        Ok(number.ok_or_else(|| (begin, format!("Expected a number, got: '{}'", digits.escape_ascii()))))
    }

    /// The bytes of an argument. Only the first of a long one are kept.
    fn argument(&mut self, len: u64) -> io::Result<Result<Vec<u8>, Problem>> {
        const KEPT: usize = 16;
        let begin = self.position;
        let (mut left, mut kept) = (len + 2, Vec::new());
        let mut last = [0; 2];
        while left > 0 {
            let bytes = self.input.fill_buf()?;
            if bytes.is_empty() {
                let got = len + 2 - left;
                return Ok(Err((begin, format!("Expected to read {} bytes, got {got} bytes", len + 2))));
            }
            let taken = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            let room = KEPT.min(usize::try_from(len).unwrap_or(KEPT)).saturating_sub(kept.len());
            kept.extend_from_slice(&bytes[..taken.min(room)]);
            for byte in &bytes[taken.saturating_sub(2)..taken] {
                last = [last[1], *byte];
            }
            self.line += bytes[..taken].iter().filter(|byte| **byte == b'\n').count() as u64;
            self.input.consume(taken);
            self.position += taken as u64;
            left -= taken as u64;
        }
        if last != *b"\r\n" {
            return Ok(Err((self.position - 2, format!("Expected \\r\\n, got: {:02x}{:02x}", last[0], last[1]))));
        }
        Ok(Ok(kept))
    }
}

/// What a transaction begins and ends with.
const BEGIN: &str = "MULTI";
const END: &str = "EXEC";

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn commands(bytes: &[u8]) -> (u64, Option<Problem>) {
        let input = BufReader::with_capacity(3, Cursor::new(bytes));
        Reader { input, position: 0, line: 1 }.commands().expect("readable")
    }

    #[test]
    fn what_is_whole_is_found() {
        let set = b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n";
        let whole = set.len() as u64;
        assert_eq!(commands(set), (whole, None));
        assert_eq!(commands(&[b"#TS:7\r\n", &set[..]].concat()), (whole + 7, None));
        let cut = |tail: &[u8]| commands(&[&set[..], tail].concat());
        for tail in [
            &b"*"[..],
            b"*3\r\n$3\r\nSE",
            b"*1\r\nxx\r\n",
            b"*1\r\n$3\r\nSETxx",
            b"*x\r\n",
            b"*0\r\n",
            b"*1\r\n$-1\r\n",
        ] {
            let (end, problem) = cut(tail);
            assert!(end == whole && problem.is_some(), "{}", tail.escape_ascii());
        }
        let multi = b"*1\r\n$5\r\nMULTI\r\n";
        assert_eq!(cut(multi), (whole, Some((whole + 15, "Reached EOF before reading EXEC for MULTI".into()))));
        assert_eq!(cut(&[&multi[..], set, b"*1\r\n$4\r\nEXEC\r\n"].concat()).1, None);
        assert!(cut(b"*1\r\n$4\r\nEXEC\r\n").1.is_some());
        assert_eq!(cut(&[&multi[..], multi].concat()).0, whole);
    }
}
