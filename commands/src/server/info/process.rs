//! INFO server, cpu, modules, cluster: the process and what it was built with.

use std::sync::atomic::Ordering::Relaxed;

use redis_core::observe::info::Section;

use super::Source;

/// Who runs, since when, where.
pub(super) fn server(source: &Source<'_>, section: &mut Section<'_>) {
    let (server, config) = (source.server, &source.server.config);
    let uptime = source.now.saturating_sub(server.lifecycle.started) / 1000;
    let executable = std::env::current_exe().map(|path| path.display().to_string()).unwrap_or_default();
    let config_file = config.file().map(|path| path.display().to_string()).unwrap_or_default();
    section
        .field("redis_version", redis_core::VERSION)
        .field("server_name", "redis")
        .field("redis_git_sha1", "00000000")
        .field("redis_git_dirty", 0)
        .field("redis_mode", "standalone")
        .field("server_mode", "standalone")
        .field("os", system())
        .field("arch_bits", usize::BITS)
        .field("monotonic_clock", "POSIX clock_gettime")
        .field("multiplexing_api", if cfg!(target_os = "linux") { "epoll" } else { "kqueue" })
        .field("process_id", std::process::id())
        .field("process_supervised", "no")
        .field("run_id", &server.lifecycle.run_id)
        .field("tcp_port", server.lifecycle.port.load(Relaxed))
        .field("server_time_usec", redis_core::clock::unix_micros())
        .field("uptime_in_seconds", uptime)
        .field("uptime_in_days", uptime / 86_400)
        .field("hz", config.hz.get())
        .field("configured_hz", config.hz.get())
        .field("lru_clock", (source.now / 1000) & 0xff_ffff)
        .field("executable", executable)
        .field("config_file", config_file)
        .field("io_threads_active", u8::from(config.io_threads.get() > 1));
    let listeners = server.lifecycle.listeners.read();
    for (n, listeners) in listeners.chunk_by(|a, b| a.0 == b.0).enumerate() {
        let (name, _, port) = &listeners[0];
        let binds: String = listeners.iter().map(|(_, address, _)| format!(",bind={address}")).collect();
        let port = if *port == 0 { String::new() } else { format!(",port={port}") };
        section.field(format_args!("listener{n}"), format_args!("name={name}{binds}{port}"));
    }
}

/// The operating system: name, release, architecture.
fn system() -> String {
    let fact = |name: &str| std::fs::read_to_string(format!("/proc/sys/kernel/{name}"));
    let name = fact("ostype").unwrap_or_else(|_| std::env::consts::OS.into());
    let release = fact("osrelease").unwrap_or_default();
    format!("{} {} {}", name.trim(), release.trim(), std::env::consts::ARCH)
}

/// Processor time in seconds.
pub(super) fn cpu(_: &Source<'_>, section: &mut Section<'_>) {
    let process = times("/proc/self/stat");
    let thread = times("/proc/thread-self/stat");
    section
        .field("used_cpu_sys", seconds(process.system))
        .field("used_cpu_user", seconds(process.user))
        .field("used_cpu_sys_children", seconds(process.children_system))
        .field("used_cpu_user_children", seconds(process.children_user))
        .field("used_cpu_sys_main_thread", seconds(thread.system))
        .field("used_cpu_user_main_thread", seconds(thread.user));
}

/// Processor times in hundredths of a second.
#[derive(Debug, Default, PartialEq, Eq)]
struct Times {
    user: u64,
    system: u64,
    children_user: u64,
    children_system: u64,
}

fn seconds(hundredths: u64) -> String {
    format!("{}.{:02}0000", hundredths / 100, hundredths % 100)
}

/// What the system says in a file of process times; zeros where it says nothing.
fn times(path: &str) -> Times {
    std::fs::read_to_string(path).ok().and_then(|text| parse_times(&text)).unwrap_or_default()
}

/// The numbers stand behind the program's name, which is in parentheses and may hold spaces.
fn parse_times(text: &str) -> Option<Times> {
    let (_, numbers) = text.rsplit_once(')')?;
    let mut numbers = numbers.split_ascii_whitespace().skip(11).map_while(|word| word.parse().ok());
    Some(Times {
        user: numbers.next()?,
        system: numbers.next()?,
        children_user: numbers.next()?,
        children_system: numbers.next()?,
    })
}

/// None can be loaded: commands are compiled in.
pub(super) fn modules(_: &Source<'_>, _: &mut Section<'_>) {}

/// Whether the server is part of a cluster.
pub(super) fn cluster(_: &Source<'_>, section: &mut Section<'_>) {
    section.field("cluster_enabled", 0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_stand_behind_the_name() {
        let text = "1 (a ) b) S 0 1 1 0 -1 4194560 1 2 3 4 250 75 6 7 20 0 1";
        let times = parse_times(text).expect("well formed");
        assert_eq!(times, Times { user: 250, system: 75, children_user: 6, children_system: 7 });
        assert_eq!(seconds(times.user), "2.500000");
        assert_eq!(parse_times("1 (a) S"), None);
    }
}
