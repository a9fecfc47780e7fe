//! The directives of Redis and Valkey that have no effect here yet.
//!
//! A user's configuration file has them, so it must be possible to start with them, and nothing may pretend that they
//! work. There are three kinds, and each declaration says which:
//!
//! - [`Dormant`](super::Flag::Dormant): a detail of something that is not there (how often, how large, under which
//!   name). Keeping the value promises nothing.
//! - [`Absent`](super::Flag::Absent): a request for the thing itself (`appendonly yes`, `replicaof`). CONFIG GET goes on
//!   showing what is true.
//! - [`Refused`](super::Flag::Refused): a request for protection. To ignore it would be worse than not to start.

use super::cell::{Bool, Choice, Enum, Int, Memory, Secret, Text};
use super::directive::declare;
use super::names::Permission;
use super::structured::Primary;

const I32: i64 = i32::MAX as i64;
const U32: i64 = u32::MAX as i64;
const MAX: i64 = i64::MAX;
const MIB: i64 = 1 << 20;

const FACILITIES: &[&str] = &["user", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7"];

/// `{title}` and the other variables of `proc-title-template`.
const TITLE_VARIABLES: [&str; 7] =
    ["title", "listen-addr", "server-mode", "port", "tls-port", "unixsocket", "config-file"];

/// Refuses unknown variables, and templates in which nothing but the title and blanks is left.
fn title_template(template: &str) -> Result<(), String> {
    let refusal = || "template format is invalid or contains unknown variables".to_owned();
    let mut rest = template;
    let mut says_something = false;
    while let Some((before, after)) = rest.split_once('{') {
        let (variable, after) = after.split_once('}').ok_or_else(refusal)?;
        if !TITLE_VARIABLES.contains(&variable) {
            return Err(refusal());
        }
        says_something |= !before.trim().is_empty() || variable != "title";
        rest = after;
    }
    if says_something || !rest.trim().is_empty() { Ok(()) } else { Err(refusal()) }
}

declare! {
    /// The settings without effect.
    pub struct Inert at inert;

    section "Snapshots" {
        /// Delete snapshots that served replication only.
        rdb_del_sync_files: Bool(false) => Mutable Dormant;
        /// Flush snapshots to the disk bit by bit.
        rdb_save_incremental_fsync: Bool(true) => Mutable Dormant;
        /// Check the data that RESTORE and snapshots bring.
        sanitize_dump_payload: Choice("no", &["no", "yes", "clients"]) => Mutable Dormant;
        /// Serve clients each time so many bytes are loaded.
        loading_process_events_interval_bytes: Memory(2 * MIB, 1024..=MAX) => Mutable Hidden Dormant;
    }

    section "Append only file" {
        /// Flush a file that is being rewritten bit by bit.
        aof_rewrite_incremental_fsync: Bool(true) => Mutable Dormant;
    }

    section "Replication" {
        /// Copy another server's data.
        replicaof: Primary() => Immutable Absent, alias "slaveof";
        /// The password to give to the primary.
        masterauth: Secret() => Mutable Dormant, alias "primaryauth";
        /// The user to be at the primary.
        masteruser: Text("") => Mutable Dormant, alias "primaryuser";
        /// Refuse writes unless so many replicas are connected ...
        min_replicas_to_write: Int(0, 0..=I32) => Mutable Absent, alias "min-slaves-to-write";
        /// ... and at most so many seconds behind.
        min_replicas_max_lag: Int(10, 0..=I32) => Mutable Dormant, alias "min-slaves-max-lag";
        /// The address that a replica gives to its primary.
        replica_announce_ip: Text("") => Mutable Dormant, alias "slave-announce-ip";
        /// The port that a replica gives to its primary.
        replica_announce_port: Int(0, 0..=65535) => Mutable Dormant, alias "slave-announce-port";
        /// Whether Sentinel is told of this replica.
        replica_announced: Bool(true) => Mutable Dormant;
        /// Let the primary alone evict.
        replica_ignore_maxmemory: Bool(true) => Mutable Dormant, alias "slave-ignore-maxmemory";
        /// Go on when a replica cannot write to its disk.
        replica_ignore_disk_write_errors: Bool(false) => Mutable Dormant;
        /// Free the old data in the background during a full synchronisation.
        replica_lazy_flush: Bool(false) => Mutable Dormant, alias "slave-lazy-flush";
        /// The order in which Sentinel promotes; 0 for never.
        replica_priority: Int(100, 0..=I32) => Mutable Dormant, alias "slave-priority";
        /// Refuse clients' writes on a replica.
        replica_read_only: Bool(true) => Mutable Dormant, alias "slave-read-only";
        /// Serve old data while the primary cannot be reached.
        replica_serve_stale_data: Bool(true) => Mutable Dormant, alias "slave-serve-stale-data";
        /// How much of the change stream is kept for replicas that come back.
        repl_backlog_size: Memory(MIB, 1..=MAX) => Mutable Dormant;
        /// For how many seconds without replicas it is kept; 0 for ever.
        repl_backlog_ttl: Int(3600, 0..=MAX) => Mutable Dormant;
        /// Let the kernel gather small packets to replicas.
        repl_disable_tcp_nodelay: Bool(false) => Mutable Dormant;
        /// Whether a replica keeps a snapshot on its disk before it loads it.
        repl_diskless_load: Choice("disabled", &["disabled", "on-empty-db", "swapdb", "flush-before-load"])
            => Mutable Dormant;
        /// Send snapshots to replicas without a file in between.
        repl_diskless_sync: Bool(true) => Mutable Dormant;
        /// Wait so many seconds for more replicas before sending.
        repl_diskless_sync_delay: Int(5, 0..=I32) => Mutable Dormant;
        /// Do not wait when so many replicas are there; 0 to wait always.
        repl_diskless_sync_max_replicas: Int(0, 0..=I32) => Mutable Dormant;
        /// How often, in seconds, replicas are sent a sign of life.
        repl_ping_replica_period: Int(10, 1..=I32) => Mutable Dormant, alias "repl-ping-slave-period";
        /// After so many seconds of silence a link is broken.
        repl_timeout: Int(60, 1..=I32) => Mutable Dormant;
        /// Send the snapshot and the changes since over two connections.
        dual_channel_replication_enabled: Bool(false) => Mutable Absent;
        /// What to do when a replicated command fails.
        propagation_error_behavior: Choice("ignore", &["ignore", "panic", "panic-on-replicas"]) => Mutable Dormant;
        /// The address from which connections to other servers are made.
        bind_source_addr: Text("") => Mutable Dormant;
        /// Connect to the primary by multipath TCP.
        repl_mptcp: Bool(false) => Immutable Dormant;
    }

    section "Cluster" {
        /// Be a node of a cluster.
        cluster_enabled: Bool(false) => Immutable Absent;
        /// Where the node keeps what it knows of the cluster.
        cluster_config_file: Text("nodes.conf") => Immutable Dormant;
        /// When that file may fail to be written.
        cluster_config_save_behavior: Choice("sync", &["sync", "best-effort"]) => Mutable Dormant;
        /// How many databases a cluster has.
        cluster_databases: Int(1, 1..=I32) => Immutable Dormant;
        /// The port for other nodes; 0 for the client port plus 10000.
        cluster_port: Int(0, 0..=65535) => Immutable Dormant;
        /// After so many milliseconds of silence a node is suspected.
        cluster_node_timeout: Int(15_000, 0..=MAX) => Mutable Dormant;
        /// For so many seconds a forgotten node is not met again.
        cluster_blacklist_ttl: Int(60, 0..=MAX) => Mutable Dormant;
        /// For how long a failover by hand is tried, in milliseconds.
        cluster_manual_failover_timeout: Int(5000, 1..=I32) => Mutable Dormant;
        /// How many replicas a primary keeps before one of them moves to another.
        cluster_migration_barrier: Int(1, 0..=I32) => Mutable Dormant;
        /// Let replicas move to primaries without one.
        cluster_allow_replica_migration: Bool(true) => Mutable Dormant;
        /// Let messages to shards through while the cluster is down.
        cluster_allow_pubsubshard_when_down: Bool(true) => Mutable Dormant;
        /// Serve reads while the cluster is down.
        cluster_allow_reads_when_down: Bool(false) => Mutable Dormant;
        /// Stop when a slot is served by nobody.
        cluster_require_full_coverage: Bool(true) => Mutable Dormant;
        /// Never let this replica be promoted by the cluster.
        cluster_replica_no_failover: Bool(false) => Mutable Dormant, alias "cluster-slave-no-failover";
        /// How old a replica's data may be for it to be promoted, in node timeouts.
        cluster_replica_validity_factor: Int(10, 0..=I32) => Mutable Dormant, alias "cluster-slave-validity-factor";
        /// The memory that a link to another node may use; 0 for no limit.
        cluster_link_sendbuf_limit: Memory(0, 0..=MAX) => Mutable Dormant;
        /// The address that is told to others.
        cluster_announce_ip: Text("") => Mutable Dormant;
        /// The client port that is told to others.
        cluster_announce_port: Int(0, 0..=65535) => Mutable Dormant;
        /// The client port with TLS that is told to others.
        cluster_announce_tls_port: Int(0, 0..=65535) => Mutable Dormant;
        /// The port for nodes that is told to others.
        cluster_announce_bus_port: Int(0, 0..=65535) => Mutable Dormant;
        /// The host name that is told to others.
        cluster_announce_hostname: Text("") => Mutable Dormant;
        /// The name under which logs speak of this node.
        cluster_announce_human_nodename: Text("") => Mutable Dormant;
        /// The IPv4 address that is told to clients.
        cluster_announce_client_ipv4: Text("") => Mutable Dormant;
        /// The IPv6 address that is told to clients.
        cluster_announce_client_ipv6: Text("") => Mutable Dormant;
        /// The port that is told to clients.
        cluster_announce_client_port: Int(0, 0..=65535) => Mutable Dormant;
        /// The port with TLS that is told to clients.
        cluster_announce_client_tls_port: Int(0, 0..=65535) => Mutable Dormant;
        /// How clients are told to reach a node.
        cluster_preferred_endpoint_type: Choice("ip", &["ip", "hostname", "unknown-endpoint"]) => Mutable Dormant;
        /// Count the use of each slot.
        cluster_slot_stats_enabled: Bool(false) => Mutable Absent;
        /// How many migrations of slots are remembered.
        cluster_slot_migration_log_max_len: Int(1000, 0..=MAX) => Mutable Dormant;
        /// How far behind a slot's new owner may be when it takes over.
        slot_migration_max_failover_repl_bytes: Memory(0, 0..=MAX) => Mutable Dormant;
    }

    section "TLS" {
        /// The port to listen on with TLS; 0 for none.
        tls_port: Int(0, 0..=65535) => Mutable Absent;
        /// Talk TLS to the primary.
        tls_replication: Bool(false) => Mutable Absent;
        /// Talk TLS to other nodes.
        tls_cluster: Bool(false) => Mutable Absent;
        /// The server's certificate.
        tls_cert_file: Text("") => Mutable Dormant;
        /// Its key.
        tls_key_file: Text("") => Mutable Dormant;
        /// The password of that key.
        tls_key_file_pass: Secret() => Mutable Dormant;
        /// The certificate shown to other servers.
        tls_client_cert_file: Text("") => Mutable Dormant;
        /// Its key.
        tls_client_key_file: Text("") => Mutable Dormant;
        /// The password of that key.
        tls_client_key_file_pass: Secret() => Mutable Dormant;
        /// Parameters for Diffie-Hellman.
        tls_dh_params_file: Text("") => Mutable Dormant;
        /// The certificates by which others are checked ...
        tls_ca_cert_file: Text("") => Mutable Dormant;
        /// ... or a directory of them.
        tls_ca_cert_dir: Text("") => Mutable Dormant;
        /// Whether clients must have a certificate.
        tls_auth_clients: Choice("yes", &["no", "yes", "optional"]) => Mutable Dormant;
        /// Which field of a client's certificate names its user.
        tls_auth_clients_user: Choice("off", &["CN", "URI", "off"]) => Mutable Dormant;
        /// Read certificates again every so many seconds; 0 for never.
        tls_auto_reload_interval: Int(0, 0..=I32) => Mutable Dormant;
        /// The versions of TLS to speak.
        tls_protocols: Text("") => Mutable Dormant;
        /// The ciphers of TLS 1.2.
        tls_ciphers: Text("") => Mutable Dormant;
        /// The ciphers of TLS 1.3.
        tls_ciphersuites: Text("") => Mutable Dormant;
        /// Follow the server's order of ciphers.
        tls_prefer_server_ciphers: Bool(false) => Mutable Dormant;
        /// Let clients resume sessions.
        tls_session_caching: Bool(true) => Mutable Dormant;
        /// How many sessions are kept.
        tls_session_cache_size: Int(20_480, 0..=I32) => Mutable Dormant;
        /// For how many seconds they are kept.
        tls_session_cache_timeout: Int(300, 0..=I32) => Mutable Dormant;
    }

    section "Access control lists" {
        /// The file with the users.
        aclfile: Text("") => Immutable Refused;
        /// Which channels a new user may use.
        acl_pubsub_default: Choice("resetchannels", &["allchannels", "resetchannels"]) => Mutable Dormant;
        /// How many refusals ACL LOG remembers.
        acllog_max_len: Int(128, 0..=MAX) => Mutable Dormant;
    }

    section "Connections" {
        /// The group of the Unix socket.
        unixsocketgroup: Text("") => Immutable Absent;
        /// Let threads read; here they always do.
        io_threads_do_reads: Bool(false) => Immutable Dormant;
        /// How many connections are accepted at a time.
        max_new_connections_per_cycle: Int(10, 1..=1000) => Mutable Dormant;
        /// How many connections with TLS are accepted at a time.
        max_new_tls_connections_per_cycle: Int(1, 1..=1000) => Mutable Dormant;
        /// Accept multipath TCP.
        mptcp: Bool(false) => Immutable Absent;
        /// How many commands are looked at ahead.
        prefetch_batch_max_size: Int(16, 0..=128) => Mutable Dormant;
        /// The address to listen on by RDMA.
        rdma_bind: Text("") => Mutable Absent;
        /// The port to listen on by RDMA; 0 for none.
        rdma_port: Int(0, 0..=65535) => Mutable Absent;
        /// The size of an RDMA receive buffer.
        rdma_rx_size: Int(MIB, 65_536..=16 * MIB) => Immutable Dormant;
        /// The RDMA completion vector; -1 for any.
        rdma_completion_vector: Int(-1, -1..=1024) => Immutable Dormant;
        /// Mark outgoing packets of listening sockets with this number, for routing and filtering; 0 for none.
        socket_mark_id: Int(0, 0..=U32) => Immutable Absent;
    }

    section "Process" {
        /// The system that supervises the server.
        supervised: Choice("no", &["upstart", "systemd", "auto", "no"]) => Immutable Absent;
        /// Log to syslog.
        syslog_enabled: Bool(false) => Immutable Absent;
        /// The name in syslog.
        syslog_ident: Text("redis") => Immutable Dormant;
        /// The facility of syslog.
        syslog_facility: Choice("local0", FACILITIES) => Immutable Dormant;
        /// The format of log lines.
        log_format: Choice("legacy", &["legacy", "logfmt", "json"]) => Mutable Absent;
        /// The format of times in the log.
        log_timestamp_format: Choice("legacy", &["legacy", "iso8601", "milliseconds"]) => Mutable Absent;
        /// The processors for the threads that serve clients.
        server_cpulist: Text("") => Immutable Absent, alias "server_cpulist";
        /// The processors for background threads.
        bio_cpulist: Text("") => Immutable Absent, alias "bio_cpulist";
        /// The processors for rewriting the append only file.
        aof_rewrite_cpulist: Text("") => Immutable Absent, alias "aof_rewrite_cpulist";
        /// The processors for snapshots.
        bgsave_cpulist: Text("") => Immutable Absent, alias "bgsave_cpulist";
        /// Warnings at the start that do not matter.
        ignore_warnings: Text("") => Mutable Dormant;
        /// Let a crash report check the memory.
        crash_memcheck_enabled: Bool(true) => Mutable Dormant;
        /// Report what takes longer than so many milliseconds; 0 for nothing.
        watchdog_period: Int(0, 0..=I32) => Mutable Hidden Dormant;
        /// Let the allocator clean up in the background.
        jemalloc_bg_thread: Bool(true) => Mutable Dormant;
        /// The zone in which the server runs.
        availability_zone: Text("") => Mutable Dormant;
        /// The language whose order SORT ALPHA follows; here it is the order of the bytes.
        locale_collate: Text("") => Mutable Absent;
        /// Show the banner even where the log is not a terminal.
        always_show_logo: Bool(false) => Immutable Dormant;
        /// Show in process listings what the server is doing.
        set_proc_title: Bool(true) => Immutable Dormant;
        /// What process listings show. Variables: {title}, {listen-addr}, {server-mode}, {port}, {tls-port},
        /// {unixsocket}, {config-file}.
        proc_title_template: Text("{title} {listen-addr} {server-mode}").checked(title_template) => Mutable Dormant;
        /// Do background work more often when many clients are connected.
        dynamic_hz: Bool(true) => Mutable Dormant;
        /// How many seconds a shutdown waits for replicas to catch up.
        shutdown_timeout: Int(10, 0..=I32) => Mutable Dormant;
        /// Log a report when the server crashes.
        crash_log_enabled: Bool(true) => Mutable Dormant;
        /// End with an exit code, and not by a signal, when a panic is the end.
        use_exit_on_panic: Bool(false) => Mutable Hidden Dormant;
        /// Keep what users store out of the log, crash reports included.
        hide_user_data_from_log: Bool(true) => Mutable Dormant;
        /// Whether MODULE may be used.
        enable_module_command: Enum<Permission>(Permission::No) => Immutable Dormant;
    }

    section "Data" {
        /// Move hash tables along in idle moments.
        activerehashing: Bool(true) => Mutable Dormant;
        /// Collections larger than this are moved bit by bit. Here all large ones are.
        active_defrag_max_scan_fields: Int(1000, 1..=MAX) => Mutable Dormant;
        /// The seed from which key hashes are made.
        hash_seed: Text("") => Immutable Absent;
        /// Do not expire anything while data are brought in.
        import_mode: Bool(false) => Mutable Absent;
        /// Call the server Redis in every reply.
        extended_redis_compatibility: Bool(false) => Mutable Absent;
        /// Free evicted keys in the background. Here whatever is large always is.
        lazyfree_lazy_eviction: Bool(false) => Mutable Dormant;
        /// Let DEL do what UNLINK does.
        lazyfree_lazy_user_del: Bool(false) => Mutable Dormant;
        /// After so many milliseconds of a script or function, other clients are told BUSY; 0 for never.
        busy_reply_threshold: Int(5000, 0..=MAX) => Mutable Dormant, alias "lua-time-limit";
        /// How many nodes at each end of a list stay uncompressed; 0 compresses none.
        list_compress_depth: Int(0, 0..=I32) => Mutable Dormant;
    }
}

#[cfg(test)]
mod tests {
    use super::title_template;

    #[test]
    fn title_templates_name_known_variables_and_say_something() {
        for template in ["{title} {listen-addr}", "server", "{port}", "a {title} b"] {
            assert_eq!(title_template(template), Ok(()), "{template:?}");
        }
        for template in ["", "{title}", " ", "{nosuch}", "{title", "a {", "{}"] {
            assert!(title_template(template).is_err(), "{template:?}");
        }
    }
}
