//! A load generator that costs little: what `scale.py` measures servers with.
//!
//! ```console
//! $ cargo run --release --example load -- --port 6379 --pipeline 16 --seconds 2 --range 1000000 GET 'key:{r}'
//! ```
//!
//! `{r}` in a word stands for a random number below the range, `{n}` for one more each time and `{t}` for the number of
//! the thread, all of twelve digits. Each thread serves its connections by turns: it reads all replies of one, sends the
//! next batch there, and goes on to the next connection; so there are two system calls for a batch and none to wait.
//! What it prints is a line of JSON. A latency is that of a whole batch; with many connections to a thread it says
//! little, as one waits for the other.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::{Arg, ArgMatches, Command, value_parser};
use redis_tests::Random;

/// Digits of a number that is put in.
const DIGITS: usize = 12;

fn main() -> io::Result<()> {
    let number = |name: &'static str, default: &'static str, help: &'static str| {
        Arg::new(name).long(name).default_value(default).value_parser(value_parser!(u64)).help(help)
    };
    let options = Command::new("load")
        .arg(number("port", "6379", "Where the server listens"))
        .arg(number("pid", "0", "The server's process, to tell its processor time; 0 for none"))
        .arg(number("threads", "1", "Threads of this program"))
        .arg(number("connections", "50", "Connections of a thread"))
        .arg(number("pipeline", "1", "Requests in a batch"))
        .arg(number("range", "1", "Random numbers are below this"))
        .arg(number("from", "0", "The first of the numbers that count up"))
        .arg(number("count", "0", "End after so many requests; 0 for the time"))
        .arg(number("seconds", "2", "End after so long, if there is no count"))
        .arg(number("portions", "1", "Tell the slowest batch of so many parts of the count"))
        .arg(Arg::new("words").num_args(1..).required(true).trailing_var_arg(true).help("The command"))
        .get_matches();
    let job = Job::new(&options);
    let (start, before) = (Instant::now(), processor_time(job.pid)?);
    let done: io::Result<Vec<Done>> = std::thread::scope(|scope| {
        let job = &job;
        let threads: Vec<_> = (0..job.threads).map(|thread| scope.spawn(move || job.run(thread, start))).collect();
        threads.into_iter().map(|thread| thread.join().expect("no thread panics")).collect()
    });
    let (seconds, after) = (start.elapsed().as_secs_f64(), processor_time(job.pid)?);
    let done = done?;
    let requests: u64 = done.iter().map(|done| done.requests).sum();
    let errors: u64 = done.iter().map(|done| done.errors).sum();
    println!(
        "{{\"requests\": {requests}, \"errors\": {errors}, \"seconds\": {seconds:.3}, \"server_us\": {:.4}, \"threads\": [{}]}}",
        (after - before).as_secs_f64() * 1e6 / requests as f64,
        done.iter().map(Done::json).collect::<Vec<_>>().join(", ")
    );
    Ok(())
}

/// What is to be done.
struct Job {
    port: u16,
    pid: u64,
    threads: u64,
    connections: u64,
    pipeline: u64,
    range: usize,
    /// Requests of each thread.
    count: Option<u64>,
    time: Duration,
    portions: u64,
    next: AtomicU64,
    template: Template,
}

impl Job {
    fn new(options: &ArgMatches) -> Self {
        let number = |name: &str| *options.get_one::<u64>(name).expect("there is a default");
        let words: Vec<&String> = options.get_many("words").expect("words are required").collect();
        let (threads, count) = (number("threads").max(1), number("count"));
        Self {
            port: number("port") as u16,
            pid: number("pid"),
            threads,
            connections: number("connections").max(1),
            pipeline: number("pipeline").max(1),
            range: number("range") as usize,
            count: (count > 0).then(|| count.div_ceil(threads)),
            time: Duration::from_secs(number("seconds")),
            portions: number("portions").max(1),
            next: AtomicU64::new(number("from")),
            template: Template::new(&words),
        }
    }

    fn run(&self, thread: u64, start: Instant) -> io::Result<Done> {
        let mut random = Random::new(thread + 1);
        let mut batch = Vec::new();
        let mut prepare = |batch: &mut Vec<u8>| {
            batch.clear();
            for _ in 0..self.pipeline {
                self.template.append(batch, |kind| match kind {
                    b'r' => random.below(self.range) as u64,
                    b't' => thread,
                    _ => self.next.fetch_add(1, Ordering::Relaxed),
                });
            }
        };
        let mut connections = Vec::new();
        for _ in 0..self.connections {
            connections.push(Connection::new(self.port)?);
        }
        let mut clock = Clock::new(self.pid)?;
        let mut done = Done { slowest: vec![(0, 0); self.portions as usize], ..Done::default() };
        for connection in &mut connections {
            prepare(&mut batch);
            connection.send(&batch)?;
        }
        // Requests that were sent and whose replies were not all read.
        let mut open = self.connections;
        while open > 0 {
            for connection in connections.iter_mut().filter(|connection| connection.sent.is_some()) {
                done.errors += connection.receive(self.pipeline)?;
                let latency = connection.sent.take().map_or(0, |sent| sent.elapsed().as_nanos() as u64);
                done.latencies.push(latency);
                let slowest = &mut done.slowest[self.portion(done.requests)];
                if self.portions > 1 {
                    slowest.1 = slowest.1.max(clock.lap()?);
                }
                slowest.0 = slowest.0.max(latency);
                done.requests += self.pipeline;
                let over = match self.count {
                    Some(count) => done.requests + (open - 1) * self.pipeline >= count,
                    None => start.elapsed() >= self.time,
                };
                if over {
                    open -= 1;
                } else {
                    prepare(&mut batch);
                    connection.send(&batch)?;
                }
            }
        }
        Ok(done)
    }

    fn portion(&self, requests: u64) -> usize {
        let count = self.count.unwrap_or(u64::MAX);
        (requests.min(count - 1) as u128 * u128::from(self.portions) / u128::from(count)) as usize
    }
}

/// A request with places for numbers.
struct Template {
    bytes: Vec<u8>,
    /// Where a number goes, and which.
    places: Vec<(usize, u8)>,
}

impl Template {
    fn new(words: &[&String]) -> Self {
        let mut template = Self { bytes: format!("*{}\r\n", words.len()).into_bytes(), places: Vec::new() };
        for word in words {
            let mut parts = word.split('{');
            let mut text = parts.next().unwrap_or_default().as_bytes().to_vec();
            let mut places = Vec::new();
            for part in parts {
                match part.as_bytes() {
                    [kind @ (b'r' | b'n' | b't'), b'}', rest @ ..] => {
                        places.push((text.len(), *kind));
                        text.extend([b'0'; DIGITS]);
                        text.extend(rest);
                    }
                    other => text.extend([b"{", other].concat()),
                }
            }
            template.bytes.extend(format!("${}\r\n", text.len()).bytes());
            template.places.extend(places.iter().map(|(place, kind)| (template.bytes.len() + place, *kind)));
            template.bytes.extend([&text[..], b"\r\n"].concat());
        }
        template
    }

    fn append(&self, batch: &mut Vec<u8>, mut number: impl FnMut(u8) -> u64) {
        let start = batch.len();
        batch.extend(&self.bytes);
        for &(place, kind) in &self.places {
            let mut number = number(kind);
            for digit in batch[start + place..start + place + DIGITS].iter_mut().rev() {
                *digit = b'0' + (number % 10) as u8;
                number /= 10;
            }
        }
    }
}

/// A connection, and when the batch that is on the way was sent.
struct Connection {
    stream: BufReader<TcpStream>,
    line: Vec<u8>,
    sent: Option<Instant>,
}

impl Connection {
    fn new(port: u16) -> io::Result<Self> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream: BufReader::with_capacity(64 << 10, stream), line: Vec::new(), sent: None })
    }

    fn send(&mut self, batch: &[u8]) -> io::Result<()> {
        self.sent = Some(Instant::now());
        self.stream.get_mut().write_all(batch)
    }

    /// Reads so many replies. Answers how many errors were among them.
    fn receive(&mut self, replies: u64) -> io::Result<u64> {
        let (mut errors, mut left) = (0, replies as i64);
        while left > 0 {
            left -= 1;
            self.line.clear();
            self.stream.read_until(b'\n', &mut self.line)?;
            let length = || str::from_utf8(&self.line[1..]).ok().and_then(|text| text.trim_end().parse::<i64>().ok());
            match (self.line.first(), length()) {
                (Some(b'-'), _) => errors += 1,
                (Some(b'$'), Some(length @ 0..)) => {
                    io::copy(&mut self.stream.by_ref().take(length as u64 + 2), &mut io::sink())?;
                }
                (Some(b'*' | b'~'), Some(length @ 0..)) => left += length,
                (Some(b'%'), Some(length @ 0..)) => left += 2 * length,
                (Some(_), _) => {}
                (None, _) => return Err(io::ErrorKind::UnexpectedEof.into()),
            }
        }
        Ok(errors)
    }
}

/// What a thread has done.
#[derive(Default)]
struct Done {
    requests: u64,
    errors: u64,
    /// Of batches, in nanoseconds.
    latencies: Vec<u64>,
    /// The slowest batch of each portion, in nanoseconds: its latency, and the server's processor time.
    slowest: Vec<(u64, u64)>,
}

impl Done {
    fn json(&self) -> String {
        let mut sorted = self.latencies.clone();
        sorted.sort_unstable();
        let micros = |nanos: u64| format!("{:.1}", nanos as f64 / 1e3);
        let at = |share: f64| micros(sorted.get((sorted.len() as f64 * share) as usize).copied().unwrap_or(0));
        let list = |pick: fn(&(u64, u64)) -> u64| {
            self.slowest.iter().map(|slowest| micros(pick(slowest))).collect::<Vec<_>>().join(", ")
        };
        format!(
            "{{\"p50\": {}, \"p99\": {}, \"p999\": {}, \"max\": {}, \"slowest\": [{}], \"slowest_cpu\": [{}]}}",
            at(0.5),
            at(0.99),
            at(0.999),
            micros(sorted.last().copied().unwrap_or(0)),
            list(|slowest| slowest.0),
            list(|slowest| slowest.1)
        )
    }
}

/// The processor time of all threads that a process had when the clock was made, read quickly.
struct Clock {
    files: Vec<File>,
    last: u64,
    text: String,
}

impl Clock {
    fn new(pid: u64) -> io::Result<Self> {
        let mut clock = Self { files: Vec::new(), last: 0, text: String::new() };
        for task in tasks(pid)? {
            clock.files.extend(File::open(task));
        }
        clock.lap()?;
        Ok(clock)
    }

    /// Nanoseconds since the last lap.
    fn lap(&mut self) -> io::Result<u64> {
        let mut sum = 0;
        for file in &mut self.files {
            self.text.clear();
            file.rewind()?;
            file.read_to_string(&mut self.text)?;
            sum += nanos(&self.text);
        }
        Ok(sum - std::mem::replace(&mut self.last, sum))
    }
}

/// The scheduler's files about the threads of a process.
fn tasks(pid: u64) -> io::Result<Vec<std::path::PathBuf>> {
    if pid == 0 {
        return Ok(Vec::new());
    }
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task"))?;
    tasks.map(|task| Ok(task?.path().join("schedstat"))).collect()
}

fn processor_time(pid: u64) -> io::Result<Duration> {
    // A thread may end while it is asked.
    let times = tasks(pid)?.into_iter().filter_map(|task| std::fs::read_to_string(task).ok());
    Ok(Duration::from_nanos(times.map(|text| nanos(&text)).sum()))
}

fn nanos(text: &str) -> u64 {
    text.split(' ').next().and_then(|number| number.parse().ok()).unwrap_or(0)
}
