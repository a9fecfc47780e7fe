//! The sizes at which values leave their compact encodings.

/// What the configuration says about encodings. Copied into every command, so that a write never asks the
/// configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// `hash-max-listpack-entries`: fields of a hash that is one listpack.
    pub hash_max_listpack_entries: usize,
    /// `hash-max-listpack-value`: the longest field or value in it.
    pub hash_max_listpack_value: usize,
    /// `list-max-listpack-size`: what one node of a list holds; elements if positive, -1 to -5 for 4 to 64 KiB.
    pub list_max_listpack_size: i64,
    /// `DEBUG QUICKLIST-PACKED-THRESHOLD`: the length from which an element of a list gets a node of its own, 0 for
    /// what `list_max_listpack_size` says. For tests.
    pub quicklist_packed_threshold: usize,
    /// `set-max-intset-entries`: members of a set that is an intset.
    pub set_max_intset_entries: usize,
    /// `set-max-listpack-entries`: members of a set that is a listpack.
    pub set_max_listpack_entries: usize,
    /// `set-max-listpack-value`: the longest member in it.
    pub set_max_listpack_value: usize,
    /// `zset-max-listpack-entries`: members of a sorted set that is a listpack.
    pub zset_max_listpack_entries: usize,
    /// `zset-max-listpack-value`: the longest member in it.
    pub zset_max_listpack_value: usize,
    /// `stream-node-max-bytes`: the size of one node of a stream, 0 for any.
    pub stream_node_max_bytes: usize,
    /// `stream-node-max-entries`: the entries of one node of a stream, 0 for any.
    pub stream_node_max_entries: usize,
    /// `hll-sparse-max-bytes`: the longest sparse HyperLogLog.
    pub hll_sparse_max_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            hash_max_listpack_entries: 512,
            hash_max_listpack_value: 64,
            list_max_listpack_size: -2,
            quicklist_packed_threshold: 0,
            set_max_intset_entries: 512,
            set_max_listpack_entries: 128,
            set_max_listpack_value: 64,
            zset_max_listpack_entries: 128,
            zset_max_listpack_value: 64,
            stream_node_max_bytes: 4096,
            stream_node_max_entries: 100,
            hll_sparse_max_bytes: 3000,
        }
    }
}
