//! Numbers as text, the way Redis reads and prints them.
//!
//! Keys and values are bytes, so every number a client sends is text first, and which texts count as numbers is part
//! of the protocol: `01` is no integer, `0x10` is a float, ` 1` is neither. The standard library's parsers answer
//! these questions differently, and a value that one server takes for an integer and another does not changes
//! replies, encodings and memory use. Hence one place that knows.

mod float;
mod integer;
mod long_double;
mod memory_size;

pub use float::{format_f64, parse_f64, strtod};
pub use integer::{format_i64, parse_i64, parse_u64};
pub use long_double::LongDouble;
pub use memory_size::{MemorySizeError, format_memory_size, parse_memory_size};
