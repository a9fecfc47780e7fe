//! The binary as a person or a supervisor meets it: its arguments, its messages, its exit codes, its signals.

#![allow(clippy::unwrap_used)]

use std::fs::{self, File};
use std::net::{Ipv6Addr, SocketAddr, TcpListener};
use std::process::{Command, Output, Stdio};

use redis_core::resp::Value;
use redis_tests::{Process, Wire, free_port, our_server, temporary_folder};

/// Runs the server with arguments with which it does not stay.
fn run(arguments: &[&str]) -> (i32, String, String) {
    output(Command::new(our_server()).args(arguments))
}

fn output(command: &mut Command) -> (i32, String, String) {
    let Output { status, stdout, stderr } = command.stdin(Stdio::null()).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (status.code().expect("it exits by itself"), text(stdout), text(stderr))
}

#[track_caller]
fn refused(arguments: &[&str], reasons: &[&str]) {
    let (code, stdout, stderr) = run(arguments);
    assert_eq!(code, 1, "{stdout}{stderr}");
    for reason in reasons {
        assert_eq!(stderr.matches(reason).count(), 1, "{reason:?} in:\n{stderr}");
    }
}

/// One value of CONFIG GET.
fn setting(server: &Process, name: &str) -> String {
    match Wire::connect(server.address).unwrap().run(&["CONFIG", "GET", name]).unwrap() {
        Value::Array(pair) => pair[1].to_string(),
        reply => panic!("{reply}"),
    }
}

#[test]
fn it_tells_its_version() {
    for option in ["--version", "-v"] {
        let (code, stdout, stderr) = run(&[option]);
        assert_eq!((code, stderr.as_str()), (0, ""));
        assert!(stdout.starts_with("Redis server v=") && stdout.contains(" bits="), "{stdout}");
        assert_eq!(stdout.lines().count(), 1);
    }
}

#[test]
fn it_tells_its_usage() {
    for option in ["--help", "-h"] {
        let (code, stdout, stderr) = run(&[option]);
        assert_eq!((code, stderr.as_str()), (0, ""));
        assert!(stdout.starts_with("Usage: redis-server ") && stdout.contains("--port 7777"), "{stdout}");
    }
}

#[test]
fn a_bad_command_line_is_refused() {
    let fatal = "*** FATAL CONFIG FILE ERROR";
    refused(&["--no-such-directive", "1"], &[fatal, ">>> 'no-such-directive \"1\"'", "Bad directive"]);
    refused(&["--port", "many"], &[fatal, ">>> 'port \"many\"'", "couldn't be parsed into an integer"]);
    refused(&["--port", "65536"], &[fatal, "must be between 0 and 65535"]);
    refused(&["--port"], &[fatal, "wrong number of arguments"]);
    refused(&["--maxmemory", "much"], &[fatal, "must be a memory value"]);
    refused(&["--loglevel", "loud"], &[fatal, "must be one of the following"]);
    refused(&["--daemonize", "yes"], &["daemonize is not supported"]);
    refused(&["--sentinel"], &["--sentinel is not supported"]);
    refused(&["--port", "0"], &["not listen anywhere"]);
}

#[test]
fn a_bad_file_is_refused() {
    let folder = temporary_folder();
    let missing = folder.path().join("missing.conf");
    refused(&[missing.to_str().unwrap()], &["can't open config file", "missing.conf", "No such file or directory"]);
    refused(&[folder.path().to_str().unwrap()], &["can't open config file", "Is a directory"]);

    let wrong = folder.path().join("wrong.conf");
    fs::write(&wrong, "port 0\nappendonly perhaps\n").unwrap();
    let reasons = ["*** FATAL CONFIG FILE ERROR", "at line 2", ">>> 'appendonly perhaps'", "must be 'yes' or 'no'"];
    refused(&[wrong.to_str().unwrap()], &reasons);
}

#[test]
fn a_taken_port_is_refused() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    refused(&["--port", &port, "--bind", "127.0.0.1"], &[&format!("Failed listening on port {port} (tcp)")]);
}

#[test]
fn a_useless_socket_path_is_refused() {
    refused(&["--port", "0", "--unixsocket", "/no-such-folder/socket"], &["/no-such-folder/socket"]);
}

#[test]
fn it_says_when_it_is_ready_and_ends_on_request() {
    for signal in ["TERM", "INT"] {
        let mut server = Process::server(our_server(), &[]);
        assert!(server.log().contains(&format!("PID: {}", server.id())), "{}", server.log());
        assert_eq!(server.log().matches("Ready to accept connections").count(), 1, "{}", server.log());
        // Clients that stay do not keep it.
        let mut client = Wire::connect(server.address).unwrap();
        client.run(&["PING"]).unwrap();
        server.signal(signal);
        assert_eq!(server.wait().code(), Some(0), "{}", server.log());
        assert!(server.log().contains("bye bye"), "{}", server.log());
        assert!(client.receive().is_err());
    }
}

#[test]
fn shutdown_ends_it() {
    let mut server = Process::server(our_server(), &[]);
    // Nobody is left to answer.
    assert!(Wire::connect(server.address).unwrap().run(&["SHUTDOWN", "NOSAVE"]).is_err());
    assert_eq!(server.wait().code(), Some(0), "{}", server.log());
}

#[test]
fn the_configuration_is_written_back() {
    let server = Process::start(|port, folder| {
        fs::write(folder.join("redis.conf"), "# mine\nmaxclients 77\n").unwrap();
        let mut command = Command::new(our_server());
        command.args(["redis.conf", "--port", &port.to_string(), "--dir", folder.to_str().unwrap()]);
        command
    });
    let mut client = Wire::connect(server.address).unwrap();
    client.run(&["CONFIG", "SET", "maxclients", "78"]).unwrap();
    assert_eq!(client.run(&["CONFIG", "REWRITE"]).unwrap().to_string(), "OK");
    let file = fs::read_to_string(server.folder().join("redis.conf")).unwrap();
    assert!(file.starts_with("# mine\nmaxclients 78\n"), "{file}");
}

#[test]
fn the_file_is_read_and_options_go_over_it() {
    let server = Process::start(|port, folder| {
        let text =
            format!("# mine\nport 1\nbind 127.0.0.1\nmaxclients 77\nhz 50\nsave \"\"\ndir {}\n", folder.display());
        fs::write(folder.join("redis.conf"), text).unwrap();
        let mut command = Command::new(our_server());
        command.args(["redis.conf", "--port", &port.to_string(), "--hz", "20"]);
        command
    });
    assert_eq!(setting(&server, "maxclients"), "\"77\"");
    assert_eq!(setting(&server, "hz"), "\"20\"");
    assert!(server.log().contains("redis.conf"), "{}", server.log());
}

#[test]
fn settings_come_from_standard_input() {
    let server = Process::start(|port, folder| {
        let path = folder.join("input");
        fs::write(&path, format!("port {port}\nbind 127.0.0.1\nmaxclients 78\n")).unwrap();
        let mut command = Command::new(our_server());
        command.arg("-").stdin(File::open(path).unwrap());
        command
    });
    assert_eq!(setting(&server, "maxclients"), "\"78\"");
}

#[test]
fn settings_come_from_the_environment() {
    let server = Process::start(|port, _| {
        let mut command = Command::new(our_server());
        command.env("REDIS_PORT", port.to_string()).env("REDIS_MAXCLIENTS", "79").env("REDIS_HZ", "50");
        command.args(["--hz", "20"]);
        command
    });
    assert_eq!(setting(&server, "maxclients"), "\"79\"");
    assert_eq!(setting(&server, "hz"), "\"20\"");

    let (code, _, stderr) = output(Command::new(our_server()).env("REDIS_MAXCLIENTS", "some"));
    assert_eq!(code, 1);
    assert!(stderr.contains("environment variable REDIS_MAXCLIENTS"), "{stderr}");
}

#[test]
fn it_listens_wherever_it_is_told_to() {
    let has_v6 = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok();
    // An address with a minus sign may be missing: 192.0.2.0/24 is nobody's.
    let addresses = ["127.0.0.1", "127.0.0.2", "-192.0.2.1", "-::1"];
    let server = Process::start(|port, _| {
        let mut command = Command::new(our_server());
        command.args(["--port", &port.to_string(), "--bind"]).args(addresses);
        command
    });
    let mut expected = vec!["127.0.0.1", "127.0.0.2"];
    expected.extend(has_v6.then_some("::1"));
    for address in expected {
        let address = SocketAddr::new(address.parse().unwrap(), server.address.port());
        let reply = Wire::connect(address).unwrap().run(&["PING"]).unwrap();
        assert_eq!(reply, Value::Simple("PONG".into()), "{address}");
    }

    let port = free_port().to_string();
    refused(&["--port", &port, "--bind", "127.0.0.1", "192.0.2.1"], &["192.0.2.1"]);
}

#[cfg(unix)]
#[test]
fn a_unix_socket_works_without_tcp() {
    use std::os::unix::fs::PermissionsExt as _;
    use std::os::unix::net::UnixStream;

    let mut server = Process::start(|_, folder| {
        let mut command = Command::new(our_server());
        command.args(["--port", "0", "--unixsocketperm", "700", "--unixsocket"]).arg(folder.join("socket"));
        command
    });
    let path = server.folder().join("socket");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
    let mut client = Wire::over(UnixStream::connect(&path).unwrap());
    assert_eq!(client.run(&["PING"]).unwrap(), Value::Simple("PONG".into()));
    assert!(Wire::connect(server.address).is_err());
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0));
    assert!(!path.exists());
}

#[test]
fn the_log_and_the_process_id_go_to_files() {
    let mut server = Process::start(|port, folder| {
        let mut command = Command::new(our_server());
        // Where `Process` looks for what a server prints.
        command.args(["--port", &port.to_string(), "--logfile"]).arg(folder.join("log"));
        command.arg("--pidfile").arg(folder.join("pid"));
        command
    });
    let pidfile = server.folder().join("pid");
    assert_eq!(fs::read_to_string(&pidfile).unwrap().trim(), server.id().to_string());
    server.signal("TERM");
    server.wait();
    assert!(!pidfile.exists());
}

#[test]
fn a_password_is_asked_for() {
    let server = Process::server(our_server(), &["--requirepass", "secret"]);
    let mut client = Wire::connect(server.address).unwrap();
    assert_eq!(client.run(&["GET", "key"]).unwrap(), Value::Error("NOAUTH Authentication required.".into()));
    assert_eq!(client.run(&["AUTH", "secret"]).unwrap(), Value::Simple("OK".into()));
    assert_eq!(client.run(&["DBSIZE"]).unwrap(), Value::Integer(0));
}
