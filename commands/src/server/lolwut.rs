//! LOLWUT: a picture, and the version.

use redis_core::prelude::*;
use redis_core::rng;

use super::{FAMILY, Undocumented};

/// Characters from light to dark.
const SHADES: &[u8] = b" .:-=+*#%@";

/// Displays computer art and the server's version.
#[command(since = "5.0.0", complexity = "O(1)", flags(READONLY, FAST), reply = Verbatim)]
fn lolwut(#[arg(token = "VERSION")] version: Option<i64>, numbers: Undocumented<0>, reply: &mut Reply) -> Result<()> {
    if version.is_some() {
        // Each version's picture has parameters of its own: numbers, all of them.
        numbers.0.iter().try_for_each(|number| redis_core::command::integer(number).map(drop))?;
    }
    let text = format!("{}\nRedis ver. {}\n", interference(64, 16), redis_core::VERSION);
    reply.verbatim("txt", text.as_bytes());
    Ok(())
}

/// Waves from three stones thrown into a pond, somewhere.
fn interference(columns: usize, rows: usize) -> String {
    let stones: [(f64, f64); 3] = std::array::from_fn(|_| (rng::below(columns) as f64, rng::below(2 * rows) as f64));
    let mut picture = String::with_capacity((columns + 1) * rows);
    for row in 0..rows {
        for column in 0..columns {
            // A character is about twice as high as it is wide.
            let (x, y) = (column as f64, 2.0 * row as f64);
            let height: f64 = stones.iter().map(|(a, b)| ((x - a).hypot(y - b) / 2.5).cos()).sum();
            let shade = (height + 3.0) / 6.0 * (SHADES.len() - 1) as f64;
            picture.push(char::from(SHADES[(shade.round() as usize).min(SHADES.len() - 1)]));
        }
        picture.truncate(picture.trim_end_matches(' ').len());
        picture.push('\n');
    }
    picture
}

#[cfg(test)]
mod tests {
    #[test]
    fn pictures_have_their_size() {
        let picture = super::interference(20, 5);
        assert_eq!(picture.lines().count(), 5);
        assert!(picture.lines().all(|line| line.len() <= 20));
    }
}
