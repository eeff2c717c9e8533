# SPDX-License-Identifier: MIT
# Copyright (c) The roost authors
"""Known programs, each with a fixed load: servers on loopback, and tools with generated input.

A server's figure is the time that the load took, its memory the server's alone. The library is preloaded into the measured
program, not into what starts or loads it.
"""
import contextlib
import json
import shutil
import signal
import socket
import subprocess
import time
from collections import namedtuple
from pathlib import Path

from . import figures, running
from .allocators import in_library_dirs

Program = namedtuple("Program", "package needs run")


class Problem(Exception):
    """The program could not be measured; becomes the outcome of the run."""


def resident_kib(pid):
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS:")).split()[1])


class Redis:
    """A connection that sends many commands at once and reads as many answers."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), 30)
        self.file = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()
        self.socket.close()

    def batch(self, commands):
        """Runs commands whose answers are single lines; none may be an error."""
        waiting, data = 0, bytearray()
        for words in [*commands, None]:
            if words is not None:
                data += b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%b\r\n" % (len(w), w) for w in words)
                waiting += 1
            if waiting == 1000 or words is None:
                self.socket.sendall(data)
                for _ in range(waiting):
                    answer = self.file.readline()
                    if answer[:1] not in (b"+", b":"):
                        raise Problem(f"redis answered {answer!r}")
                waiting, data = 0, bytearray()

    def info(self, section):
        self.socket.sendall(b"INFO %b\r\n" % section.encode("ascii"))
        length = int(self.file.readline()[1:])
        text = self.file.read(length + 2).decode("ascii", "replace")
        return dict(line.split(":", 1) for line in text.split("\r\n") if ":" in line)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def memory_of(pid):
    """Peak RSS in KiB and minor faults so far of a process."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    peak = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    # After the name, which may have blanks: state is field 3, minflt field 10.
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    return int(peak.split()[1]), int(fields[7])


@contextlib.contextmanager
def server(words, library, port, scratch):
    """A server that is up; ended on leaving. A server that links an allocator is preloaded libc.so.6 for glibc."""
    library = library or in_library_dirs("libc.so.6")
    with open(Path(scratch) / "server.log", "w", encoding="utf-8") as log:
        process = subprocess.Popen(words, env=running.environment(library), stdout=log, stderr=log, cwd=scratch)
    try:
        give_up = time.monotonic() + 20
        while True:
            if process.poll() is not None or time.monotonic() > give_up:
                lines = Path(log.name).read_text(encoding="utf-8", errors="replace").strip().splitlines() or [""]
                raise Problem(f"{words[0]} does not come up: {lines[-1]}")
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.02)
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def timed_on_server(words, library, port, scratch, load):
    with server(words, library, port, scratch) as process:
        begin = time.monotonic()
        load(port)
        seconds = time.monotonic() - begin
        if process.poll() is not None:
            raise Problem(f"{words[0]} ended under the load")
        return figures.outcome(seconds, "s", *memory_of(process.pid))


def redis(library, tools, scratch):
    def load(port):
        words = ["redis-benchmark", "-p", str(port), "-q", "-n", "150000", "-P", "16", "-r", "100000", "-d", "120",
                 "-t", "set,get,incr,lpush,sadd,hset,zadd"]
        problem = running.call(words, tools.timeout)[1]
        if problem:
            raise Problem(f"redis-benchmark: {problem}")

    port = free_port()
    words = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    return timed_on_server(words, library, port, scratch, load)


def memcached_load(port):
    """Sets, deletions and reads of 60,000 keys with values of 1 to 8,000 bytes, in batches, by one connection at a time."""
    payload = b"v" * 8000
    for turn in range(4):
        with socket.create_connection(("127.0.0.1", port), 20) as s:
            for first in range(0, 60000, 200):
                batch = bytearray()
                for key in range(first, first + 200):
                    size = 1 + (key * 7919 + turn * 104729) % (8000 if key % 20 == 0 else 400)
                    batch += b"set k%d 0 0 %d noreply\r\n%b\r\n" % (key, size, payload[:size])
                    if key % 3 == turn:
                        batch += b"delete k%d noreply\r\n" % key
                batch += b"get " + b" ".join(b"k%d" % key for key in range(first, first + 200, 4)) + b"\r\n"
                s.sendall(batch)
                answer = b""
                while not answer.endswith(b"END\r\n"):
                    piece = s.recv(1 << 18)
                    if not piece:
                        raise Problem("memcached closed the connection")
                    answer = answer[-8:] + piece


def memcached(library, _tools, scratch):
    port = free_port()
    words = ["memcached", "-l", "127.0.0.1", "-p", str(port), "-U", "0", "-m", "256", "-t", "2", "-u", "nobody"]
    return timed_on_server(words, library, port, scratch, memcached_load)


def kvserver(library, tools, _scratch):
    text, problem = running.call([tools.kvserver, "--bench", "--seconds", "3", "--idle", "0", "--json"], tools.timeout,
                                 env=running.environment(library))
    if problem:
        return problem
    said = json.loads(text)
    return figures.outcome(said["requests_per_second"] / 1e6, "Mreq/s", said["peak_rss_kib"], 0,
                           cpu_us=said["cpu_user_us_per_request"] + said["cpu_system_us_per_request"])


def made(scratch, name, text):
    """A file of generated input, written once."""
    path = Path(scratch) / name
    if not path.exists():
        path.write_text(text, encoding="utf-8")
    return str(path)


PYTHON_SCRIPT = """
import random
random.seed(7)
def tree(depth):
    return [str(random.random()), tree(depth - 1), tree(depth - 1)] if depth else {"leaf": random.random()}
forest = [tree(10) for _ in range(40)]
words = {}
for i in range(300000):
    words.setdefault("w%d" % random.randrange(20000), []).append(i)
for _ in range(20):
    forest[random.randrange(40)] = tree(10)
text = ",".join(str(len(v)) for v in words.values())
print(len(text) > 0, sum(int(n) for n in text.split(",")))
"""


def python(library, tools, scratch):
    script = made(scratch, "heavy.py", PYTHON_SCRIPT)
    return running.run_command(["env", "PYTHONMALLOC=malloc", "python3", script], library, tools)


def gcc(library, tools, scratch):
    functions = "".join(
        f"int f{i}(int *a, int n) {{ int s = {i}; for (int k = 0; k < n; k++) switch ((a[k] * {i}) & 7) {{ "
        + " ".join(f"case {c}: s += a[k & {c}] * {i + c}; break;" for c in range(7))
        + " default: s ^= n; } return s; }\n" for i in range(600))
    source = made(scratch, "large.c", functions)
    return running.run_command(["gcc", "-O2", "-c", source, "-o", f"{scratch}/large.o"], library, tools)


SQLITE_SCRIPT = """
CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT, blob BLOB, n INTEGER);
WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 150000)
  INSERT INTO t SELECT i, 'name' || (i * 7919 % 100003), zeroblob(i % 97 * 4), i % 1013 FROM c;
CREATE INDEX t_name ON t(name);
CREATE INDEX t_n ON t(n, id);
SELECT count(*), sum(length(blob)) FROM t GROUP BY n HAVING count(*) > 10 LIMIT 1;
SELECT count(*) FROM t a JOIN t b ON a.name = b.name;
DELETE FROM t WHERE id % 3 = 0;
UPDATE t SET name = name || n WHERE id % 5 = 0;
SELECT name, group_concat(id) FROM t GROUP BY n ORDER BY 2 LIMIT 3;
"""


def sqlite(library, tools, scratch):
    script = made(scratch, "heavy.sql", SQLITE_SCRIPT)
    return running.run_command(["sqlite3", ":memory:", f".read {script}"], library, tools)


def rocksdb(library, tools, scratch):
    place = Path(scratch) / "rocksdb"
    shutil.rmtree(place, ignore_errors=True)
    outcome = running.run_command(["db_bench", "--benchmarks=fillrandom,readrandom", "--num=150000", "--value_size=200",
                                   "--threads=2", "--disable_wal=1", "--compression_type=none", f"--db={place}"], library,
                                  tools)
    shutil.rmtree(place, ignore_errors=True)
    return outcome


TABLE = {
    "kvserver": Program("the example, as built", [], kvserver),
    "redis": Program("redis-server redis-tools", ["redis-server", "redis-benchmark"], redis),
    "memcached": Program("memcached", ["memcached"], memcached),
    "python": Program("python3", ["python3"], python),
    "gcc": Program("gcc", ["gcc"], gcc),
    "sqlite": Program("sqlite3", ["sqlite3"], sqlite),
    "rocksdb": Program("rocksdb-tools", ["db_bench"], rocksdb),
}


def lacking(name):
    """What of the program's needs is not installed, in words; empty when nothing is."""
    return ", ".join(need for need in TABLE[name].needs if not shutil.which(need))


def run(name, library, tools, scratch):
    """One measurement of a program of TABLE."""
    if name == "kvserver" and not tools.kvserver:
        return "kvserver was not built"
    try:
        return TABLE[name].run(library, tools, scratch)
    except (Problem, OSError, ValueError, KeyError, StopIteration) as problem:
        return f"{type(problem).__name__}: {problem}" if not isinstance(problem, Problem) else str(problem)
