//! DEBUG OBJECT, POPULATE and HTSTATS: single values and whole tables.

use redis_core::db::Entry;
use redis_core::num;
use redis_core::prelude::*;
use redis_core::rdb::{Writer, save_object};
use redis_core::value::{Object, StrEncoding};

/// DEBUG OBJECT.
pub(super) fn describe(call: &mut Call, key: &[u8], fast: bool) -> Result<()> {
    let keyspace = &*call.keyspace;
    let entry = keyspace.find(key).ok_or(Error::NO_SUCH_KEY)?;
    // The address tells whether a value was changed in place.
    let mut text = format!("Value at:{:p} refcount:1 encoding:{}", entry.key().as_ptr(), encoding(entry));
    if !fast {
        let compress = call.server().config.rdbcompression.get();
        text += &format!(" serializedlength:{}", serialized_len(entry, keyspace.now(), compress));
    }
    text += &format!(" lru:{} lru_seconds_idle:{}", entry.access(), keyspace.clock().idle_seconds(entry.access()));
    if let Some(Object::List(list)) = keyspace.object(entry)
        && list.encoding() == "quicklist"
    {
        let nodes = list.node_count();
        text += &format!(
            " ql_nodes:{nodes} ql_avg_node:{:.2} ql_listpack_max:{} ql_compressed:0",
            list.len() as f64 / nodes.max(1) as f64,
            keyspace.limits().list_max_listpack_size,
        );
        if !fast {
            text += &format!(" ql_uncompressed_size:{}", list.memory());
        }
    }
    call.reply.simple(&text);
    Ok(())
}

fn encoding(entry: &Entry) -> &'static str {
    match entry.object() {
        Some(object) => object.encoding(),
        None => match entry.encoding() {
            StrEncoding::Int => "int",
            StrEncoding::Embstr => "embstr",
            StrEncoding::Raw => "raw",
        },
    }
}

/// How many bytes the value takes in a snapshot.
fn serialized_len(entry: &Entry, now: u64, compress: bool) -> usize {
    let mut writer = Writer::new(compress);
    save_object(&mut writer, &entry.value(), now);
    writer.as_bytes().len()
}

/// DEBUG POPULATE: string keys that are not there yet. It is no change that anybody is told of.
pub(super) fn populate(call: &mut Call, count: &[u8], prefix: &[u8], size: Option<&&[u8]>) -> Result<()> {
    let number = |raw: &[u8]| match num::parse_i64(raw) {
        Some(number) if number >= 0 => Ok(number.unsigned_abs()),
        _ => Err(Error::NOT_POSITIVE),
    };
    let count = number(count)?;
    let size = size.map(|size| number(size)).transpose()?.and_then(|size| usize::try_from(size).ok());
    for n in 0..count {
        let name = [prefix, b":", n.to_string().as_bytes()].concat();
        if call.keyspace.find(&name).is_some() {
            continue;
        }
        let mut value = format!("value:{n}").into_bytes();
        if let Some(size) = size.filter(|size| *size > 0) {
            value.resize(size, 0);
        }
        let key = call.keyspace.key(&name);
        call.keyspace.set(key, &value, Ttl::Clear);
    }
    call.reply.simple("OK");
    Ok(())
}

/// DEBUG HTSTATS.
pub(super) fn table_stats(call: &mut Call, database: &[u8]) -> Result<()> {
    let database = num::parse_i64(database).ok_or(Error::NOT_INTEGER)?;
    let database = usize::try_from(database).ok().filter(|database| *database < call.keyspace.databases());
    let database = database.ok_or(Error::new("ERR Out of range database"))?;
    let stats = call.keyspace.stats(database);
    let text = format!("[Dictionary HT]\n{}[Expires HT]\n", table_text(stats.keys, stats.table_memory));
    call.reply.verbatim("txt", text.as_bytes());
    Ok(())
}

/// DEBUG HTSTATS-KEY.
pub(super) fn value_table_stats(call: &mut Call, key: &[u8]) -> Result<()> {
    let entry = call.keyspace.find(key).ok_or(Error::NO_SUCH_KEY)?;
    let table = entry.object().filter(|object| object.encoding() == "hashtable");
    let table =
        table.ok_or(Error::new("ERR The value stored at the specified key is not represented using an hash table"))?;
    let text = table_text(table.len(), table.memory());
    call.reply.verbatim("txt", text.as_bytes());
    Ok(())
}

/// Tables are made of buckets that split one at a time, so there are no chains and no second table.
fn table_text(elements: usize, memory: usize) -> String {
    /// Bytes of a place in a bucket.
    const PLACE: usize = 8;
    if elements == 0 {
        return "No stats available for empty dictionaries\n".into();
    }
    let places = (memory / PLACE).max(elements);
    format!(
        "Hash table 0 stats (main hash table):\n table size: {places}\n number of elements: {elements}\n rehashing \
         index: -1\n"
    )
}
