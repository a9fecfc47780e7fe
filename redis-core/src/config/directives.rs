//! The directives that have effect.
//!
//! Names, ranges and defaults are those of Redis 7.0 and Valkey 9.1; where the two differ, Redis's. To make a directive
//! of [`inert`](super::inert) live, move its declaration here.

use super::cell::{Bool, Choice, Directory, Enum, Int, Memory, Octal, Secret, Text, file_name};
use super::directive::declare;
use super::names::{MaxmemoryPolicy, Permission};
use super::structured::{Events, Ints, OnSignal, OutputBufferLimits, Percentiles, SavePoint, SavePoints, Words};
use crate::observe::log::LogLevel;

const I32: i64 = i32::MAX as i64;
const U32: i64 = u32::MAX as i64;
const MAX: i64 = i64::MAX;
const MIB: i64 = 1 << 20;

const SAVE_POINTS: &[SavePoint] = &[
    SavePoint { seconds: 3600, changes: 1 },
    SavePoint { seconds: 300, changes: 100 },
    SavePoint { seconds: 60, changes: 10_000 },
];

declare! {
    /// The settings that have effect, each readable as a field.
    pub struct Live at live;

    section "Network" {
        /// The addresses to listen on. A leading - makes an address optional: it does not matter if the host does
        /// not have it. * stands for all IPv4 addresses, ::* for all IPv6 ones.
        bind: Words(&["*", "-::*"]).at_most(16, "Too many bind addresses specified.") => Mutable;
        /// The TCP port to listen on; 0 for none.
        port: Int(6379, 0..=65535) => Mutable;
        /// The path of a Unix socket to listen on; none if empty.
        unixsocket: Text("") => Immutable;
        /// The permissions of the Unix socket; 0 leaves them to the umask.
        unixsocketperm: Octal() => Immutable;
        /// How many connections may wait to be accepted.
        tcp_backlog: Int(511, 0..=I32) => Immutable;
        /// After so many idle seconds, ask whether the client's host is still there; 0 for never.
        tcp_keepalive: Int(300, 0..=I32) => Mutable;
        /// Close connections that are idle for so many seconds; 0 for never.
        timeout: Int(0, 0..=I32) => Mutable;
        /// Connections beyond this number are refused.
        maxclients: Int(10_000, 1..=U32) => Mutable;
        /// Without a password, serve only clients of the same host.
        protected_mode: Bool(true) => Mutable;
        /// How many threads serve connections. Commands on different keys run at the same time.
        io_threads: Int(1, 1..=256) => Immutable;
    }

    section "Security" {
        /// The password of the default user; none if empty. Prefer file:/path, which keeps it out of this file.
        requirepass: Secret() => Mutable;
        /// Whether CONFIG SET may change directives that could be used to write files.
        enable_protected_configs: Enum<Permission>(Permission::No) => Immutable;
        /// Whether DEBUG may be used.
        enable_debug_command: Enum<Permission>(Permission::No) => Immutable;
    }

    section "Clients" {
        /// The longest argument that a client may send.
        proto_max_bulk_len: Memory(512 * MIB, MIB..=MAX) => Mutable;
        /// A client whose unfinished request needs more memory than this is disconnected.
        client_query_buffer_limit: Memory(1024 * MIB, MIB..=MAX) => Mutable;
        /// A client that does not read its replies is disconnected when more than the hard limit waits for it, or
        /// more than the soft limit for longer than the seconds given; 0 for no limit.
        client_output_buffer_limit: OutputBufferLimits() => Mutable;
        /// The memory that all clients may use together, or a percentage of maxmemory; 0 for no limit. When they use more,
        /// those that use most are disconnected.
        maxmemory_clients: Memory(0, 0..=MAX).or_percent() => Mutable;
        /// The number of keys that are remembered for client side caching; 0 for no limit.
        tracking_table_max_keys: Int(1_000_000, 0..=MAX) => Mutable;
    }

    section "General" {
        /// The number of databases that SELECT knows.
        databases: Int(16, 1..=I32) => Immutable;
        /// The working directory: where files without a path of their own are written.
        dir: Directory() => Protected;
        /// Run in the background.
        daemonize: Bool(false) => Immutable;
        /// The file to which the process id is written; none if empty.
        pidfile: Text("") => Immutable;
        /// What is logged: everything from this level up.
        loglevel: Enum<LogLevel>(LogLevel::Notice) => Mutable;
        /// The file to log to; standard output if empty.
        logfile: Text("") => Immutable;
        /// How often a second background work is done.
        hz: Int(10, 0..=I32).clamped(1..=500) => Mutable;
        /// Whether the kernel is told how readily to end this process when memory runs out: by adding to its score, or
        /// by giving one.
        oom_score_adj: Choice("no", &["no", "yes", "relative", "absolute"]) => Mutable;
        /// The scores as a primary, as a replica and of background processes.
        oom_score_adj_values: Ints(&[0, 200, 800], 2000) => Mutable;
        /// Keep the system from giving the data huge pages. With them, a server of millions of keys takes less of the
        /// processor's time; what is deleted may stay resident for longer.
        disable_thp: Bool(true) => Immutable;
    }

    section "Memory" {
        /// The memory that data may use; 0 for no limit.
        maxmemory: Memory(0, 0..=MAX) => Mutable;
        /// What is evicted when that much is used. The tinylfu policies are this server's own: they remember for a while how
        /// often keys were used that were evicted since, so that scans do not drive out what is used always.
        maxmemory_policy: Enum<MaxmemoryPolicy>(MaxmemoryPolicy::Noeviction) => Mutable;
        /// How many keys are looked at to find one to evict. More is more exact and slower.
        maxmemory_samples: Int(5, 1..=64) => Mutable;
        /// How long a command may be held up by eviction: 10 for half a millisecond, 100 for as long as it takes.
        maxmemory_eviction_tenacity: Int(10, 0..=100) => Mutable;
        /// How fast the counter of a key's uses saturates: the higher, the more uses it takes.
        lfu_log_factor: Int(10, 0..=I32) => Mutable;
        /// After how many minutes the counter of a key's uses is lowered by one; 0 for never.
        lfu_decay_time: Int(1, 0..=I32) => Mutable;
        /// Move data together to free whole pages.
        activedefrag: Bool(false) => Mutable;
        /// Begin when at least so much is lost ...
        active_defrag_ignore_bytes: Memory(100 * MIB, 1..=MAX) => Mutable;
        /// ... and at least so many percent; ...
        active_defrag_threshold_lower: Int(10, 0..=1000) => Mutable;
        /// ... do all that is possible from so many percent on.
        active_defrag_threshold_upper: Int(100, 0..=1000) => Mutable;
        /// The least percentage of time to spend.
        active_defrag_cycle_min: Int(1, 1..=99) => Mutable;
        /// The largest percentage of time to spend.
        active_defrag_cycle_max: Int(25, 1..=99) => Mutable;
        /// How many microseconds to spend at a time.
        active_defrag_cycle_us: Int(500, 0..=100_000) => Mutable;
        /// How hard the server looks for expired keys.
        active_expire_effort: Int(1, 1..=10) => Mutable;
        /// Free expired keys in the background.
        lazyfree_lazy_expire: Bool(false) => Mutable;
        /// Free what other commands replace, such as the target of RENAME, in the background.
        lazyfree_lazy_server_del: Bool(false) => Mutable;
        /// Let FLUSHDB, FLUSHALL, SCRIPT FLUSH and FUNCTION FLUSH without SYNC or ASYNC mean ASYNC.
        lazyfree_lazy_user_flush: Bool(false) => Mutable;
    }

    section "Slow log and latency" {
        /// Log commands that ran longer than so many microseconds; 0 for all, -1 for none.
        slowlog_log_slower_than: Int(10_000, -1..=MAX) => Mutable, alias "commandlog-execution-slower-than";
        /// How many slow commands are kept.
        slowlog_max_len: Int(128, 0..=MAX) => Mutable, alias "commandlog-slow-execution-max-len";
        /// Log requests larger than so many bytes; -1 for none.
        commandlog_request_larger_than: Int(MIB, -1..=MAX) => Mutable;
        /// How many large requests are kept.
        commandlog_large_request_max_len: Int(128, 0..=MAX) => Mutable;
        /// Log replies larger than so many bytes; -1 for none.
        commandlog_reply_larger_than: Int(MIB, -1..=MAX) => Mutable;
        /// How many large replies are kept.
        commandlog_large_reply_max_len: Int(128, 0..=MAX) => Mutable;
        /// Events that take so many milliseconds are recorded for LATENCY; 0 for none.
        latency_monitor_threshold: Int(0, 0..=MAX) => Mutable;
        /// Measure how long each command takes, for LATENCY HISTOGRAM and INFO latencystats.
        latency_tracking: Bool(true) => Mutable;
        /// The percentiles that INFO latencystats shows.
        latency_tracking_info_percentiles: Percentiles(&[50.0, 99.0, 99.9]) => Mutable;
    }

    section "Keyspace events" {
        /// Which events are published. K: on channels named after the key; E: on channels named after the event. Of
        /// what: g generic, $ strings, l lists, s sets, h hashes, z sorted sets, t streams, d custom types, x expired,
        /// e evicted; A is all of these; m missed and n new keys.
        notify_keyspace_events: Events() => Mutable;
    }

    section "Encodings" {
        /// Hashes of at most so many fields ...
        hash_max_listpack_entries: Int(512, 0..=MAX) => Mutable, alias "hash-max-ziplist-entries";
        /// ... none of them longer than this, use the compact encoding.
        hash_max_listpack_value: Memory(64, 0..=MAX) => Mutable, alias "hash-max-ziplist-value";
        /// The size of a node of a list: elements if positive, or -1 for 4 kb, -2 for 8 kb, up to -5 for 64 kb.
        list_max_listpack_size: Int(-2, i32::MIN as i64..=I32) => Mutable, alias "list-max-ziplist-size";
        /// Sets of at most so many integers use the most compact encoding.
        set_max_intset_entries: Int(512, 0..=MAX) => Mutable;
        /// Sets of at most so many members ...
        set_max_listpack_entries: Int(128, 0..=MAX) => Mutable;
        /// ... none of them longer than this, use the compact encoding.
        set_max_listpack_value: Int(64, 0..=MAX) => Mutable;
        /// Sorted sets of at most so many members ...
        zset_max_listpack_entries: Int(128, 0..=MAX) => Mutable, alias "zset-max-ziplist-entries";
        /// ... none of them longer than this, use the compact encoding.
        zset_max_listpack_value: Memory(64, 0..=MAX) => Mutable, alias "zset-max-ziplist-value";
        /// The size of a node of a stream; 0 for any.
        stream_node_max_bytes: Memory(4096, 0..=MAX) => Mutable;
        /// The entries of a node of a stream; 0 for any.
        stream_node_max_entries: Int(100, 0..=MAX) => Mutable;
        /// A HyperLogLog larger than this uses the dense representation.
        hll_sparse_max_bytes: Memory(3000, 0..=MAX) => Mutable;
    }

    section "Snapshots" {
        /// How SIGINT shuts the server down.
        shutdown_on_sigint: OnSignal() => Mutable;
        /// How SIGTERM shuts the server down.
        shutdown_on_sigterm: OnSignal() => Mutable;
        /// After so many seconds with at least so many changes, write a snapshot.
        save: SavePoints(SAVE_POINTS) => Mutable;
        /// Refuse writes when snapshots fail.
        stop_writes_on_bgsave_error: Bool(true) => Mutable;
        /// Wait so many microseconds before each key of a snapshot. For tests.
        rdb_key_save_delay: Int(0, i32::MIN as i64..=i32::MAX as i64) => Mutable Hidden;
        /// The name of the snapshot.
        dbfilename: Text("dump.rdb").checked(|name| file_name("dbfilename", name)) => Protected;
        /// Protect snapshots by a checksum.
        rdbchecksum: Bool(true) => Immutable;
        /// Whether snapshots of newer versions are tried.
        rdb_version_check: Choice("strict", &["strict", "relaxed"]) => Mutable;
        /// Wait so many microseconds at each key loaded; negative, a microsecond for so many keys. For tests.
        key_load_delay: Int(0, i32::MIN as i64..=I32) => Mutable Hidden;
        /// Compress long strings in snapshots and in what DUMP replies.
        rdbcompression: Bool(true) => Mutable;
    }

    section "Append only file" {
        /// Log every change to a file, from which the data are loaded at the start.
        appendonly: Bool(false) => Mutable;
        /// The name of that file.
        appendfilename: Text("appendonly.aof").checked(|name| file_name("appendfilename", name)) => Immutable;
        /// The directory of its parts.
        appenddirname: Text("appendonlydir").checked(|name| file_name("appenddirname", name)) => Immutable;
        /// When the file is flushed to the disk.
        appendfsync: Choice("everysec", &["everysec", "always", "no"]) => Mutable;
        /// Do not flush while a snapshot is being written.
        no_appendfsync_on_rewrite: Bool(false) => Mutable;
        /// Rewrite the file when it has grown by so many percent ...
        auto_aof_rewrite_percentage: Int(100, 0..=I32) => Mutable;
        /// ... and is at least this large.
        auto_aof_rewrite_min_size: Memory(64 * MIB, 0..=MAX) => Mutable;
        /// Load a file whose end is missing.
        aof_load_truncated: Bool(true) => Mutable;
        /// Begin a rewritten file with a snapshot.
        aof_use_rdb_preamble: Bool(true) => Mutable;
        /// Note times in the file.
        aof_timestamp_enabled: Bool(false) => Mutable;
        /// Leave parts of the file that are no longer needed.
        aof_disable_auto_gc: Bool(false) => Mutable;
    }
}
