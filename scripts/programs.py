#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) The roost authors
"""Runs big real programs with an allocator preloaded and compares: answers, time, CPU time, peak memory.

Each row is run once on each library in every round, in an order that turns by one from round to round. Servers listen on the loopback alone, on
free ports, and in directories of their own under a temporary one. What a row needs and is not installed leaves the row out, by name. A run that
fails, crashes, hangs or answers differently makes the exit status 1.
"""
import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "scripts" / "lib"), str(ROOT / "bench")]
from comparing import allocators, running  # noqa: E402
from drop_in import builds, databases, languages, process, report, stressors, web  # noqa: E402
from drop_in.report import Row  # noqa: E402

PG = databases.POSTGRES_BIN
ROWS = {
    "postgres": Row("pgbench, 8 clients; a process per transaction; sorts, hashes, JSON", "postgresql", [PG + "postgres", PG + "pgbench", "setpriv"],
                    [PG + "postgres", "--version"], databases.postgres, databases.postgres_prepare),
    "mariadb": Row("6 clients: changes, sorts, JSON; 150 connections", "mariadb-server mariadb-client", ["mariadbd", "mariadb", "mariadb-install-db"],
                   ["mariadbd", "--version"], databases.mariadb, databases.mariadb_prepare),
    "redis": Row("redis-benchmark; data changed under BGSAVE and AOF rewrites; reloads", "redis-server redis-tools", ["redis-server", "redis-benchmark"],
                 ["redis-server", "--version"], databases.redis),
    "nginx": Row("wrk, 64 connections: files, gzip, SSI, proxy; per 100,000 requests", "nginx-light wrk", ["nginx", "wrk"], ["nginx", "-v"], web.nginx),
    "memcached": Row("4 clients: set, append, get, delete; 400 connections", "memcached", ["memcached"], ["memcached", "--version"], web.memcached),
    "chromium": Row("headless, a page filled, laid out and drawn by a script", "chromium", [web.CHROMIUM], [web.CHROMIUM, "--version"], web.chromium),
    "node": Row("buffers, zlib, crypto, JSON; 9 workers", "nodejs", ["node"], ["node", "--version"], languages.node),
    "java": Row("zlib, direct buffers, collections, 500 threads", "openjdk-17-jdk-headless", ["java", "javac"], ["java", "--version"], languages.java,
                languages.java_prepare),
    "javac": Row("200 classes", "openjdk-17-jdk-headless", ["javac"], ["javac", "--version"], languages.javac),
    "ruby": Row("trees, hashes, JSON, threads, forks, compaction", "ruby", ["ruby"], ["ruby", "--version"], languages.ruby),
    "php": Row("arrays, JSON, regular expressions, DOM, on malloc", "php8.2-cli php8.2-xml", ["php"], ["php", "--version"], languages.php),
    "python": Row("objects, JSON, threads, on malloc", "python3", ["python3"], ["python3", "--version"], languages.python),
    "compile": Row("make -j 3: C, C++, LTO", "gcc g++ make", ["gcc", "g++", "make"], ["gcc", "--version"], builds.compile_all, builds.compile_prepare),
    **stressors.rows(Row),
}


def number(kind, least, what):
    def parse(text):
        try:
            value = kind(text)
        except ValueError:
            value = None
        if value is None or not least <= value < 1e6:
            raise argparse.ArgumentTypeError(f"'{text}' is not {what}")
        return value
    return parse


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("row", nargs="*", help="rows to run (default: all; see --list); a name ending in * stands for all that begin so")
    add("--libs", default="glibc,roost", metavar="A,B=PATH", help="glibc, roost (as built), others found here, or name=/path/lib.so; the first one is "
        "what the others are compared with (default: glibc,roost)")
    add("--rounds", type=number(int, 1, "a whole number from 1 on"), default=3, metavar="N", help="default 3")
    add("--timeout", type=number(float, 0.1, "a time in seconds"), default=120, metavar="S", help="seconds after which a program counts as hanging (120)")
    add("--warm", type=number(int, 0, "a whole number from 0 on"), default=1024, metavar="MIB",
        help="memory touched and given back before each run, so that the machine has pages at hand alike (default 1024, 0: none)")
    add("--build", metavar="DIR", help="build tree with libroost.so (default: newest under build/)")
    add("--output", metavar="FILE", help="write the table there too")
    add("--install", action="store_true", help="install what the rows need (Debian), without starting any server")
    add("--list", action="store_true", help="name the rows, then stop")
    return parser.parse_args()


def chosen_rows(names):
    if not names:
        return dict(ROWS)
    chosen = {}
    for name in names:
        fitting = [row for row in ROWS if row == name or (name.endswith("*") and row.startswith(name[:-1]))]
        if not fitting:
            raise allocators.Refused(f"there is no row '{name}'; --list names them")
        chosen.update((row, ROWS[row]) for row in fitting)
    return chosen


def install(rows):
    packages = sorted({package for row in rows.values() for package in row.packages.split()})
    script = '. "$0"; packages_install_servers "$@"'
    log = Path(tempfile.gettempdir()) / f"programs-apt-{os.getpid()}.log"
    if subprocess.run(["bash", "-eu", "-c", script, str(ROOT / "scripts/lib/packages.sh"), str(log), *packages], check=False).returncode:
        report.note("programs.py: not everything could be installed; what is missing is left out")
    else:
        log.unlink(missing_ok=True)


def leave_out_missing(rows):
    for name in list(rows):
        lacks = report.lacking(rows[name])
        if lacks:
            report.note(f"SKIPPED: {name}: {lacks} not installed (Debian: {rows[name].packages})")
            del rows[name]
    return rows


def copied(libraries, scratch):
    """Copies that servers' own users may read. What brings an allocator of its own is put on glibc's by preloading libc."""
    copies = {}
    for name, path in libraries.items():
        path = path or allocators.in_library_dirs("libc.so.6")
        target = Path(scratch) / name / Path(path).name
        target.parent.mkdir(mode=0o755)
        shutil.copy(path, target)
        target.chmod(0o755)
        copies[name] = str(target)
    return copies


def warm(mib):
    """In a process of its own: the kernel counts what a process held before it executed a program to the program's peak."""
    pid = os.fork()
    if pid == 0:
        running.warm(mib)
        os._exit(0)
    os.waitpid(pid, 0)


def run(options, scratch):
    rows = chosen_rows(options.row)
    if options.list:
        for name, row in rows.items():
            print(f"{name:<20} {row.about} (Debian: {row.packages})")
        return 0
    libraries = allocators.choose(options.libs, allocators.find(options.build))
    if options.output and not Path(options.output).resolve().parent.is_dir():
        raise allocators.Refused(f"there is no directory for {options.output}")
    if options.install:
        install(rows)
    if not leave_out_missing(rows):
        raise allocators.Refused("nothing to run")
    os.chmod(scratch, 0o755)
    process.adopt_orphans()
    results = report.measure(rows, copied(libraries, scratch), options.rounds, options.timeout, scratch, lambda: warm(options.warm))
    text = f"{report.table(rows, results)}\n\n{report.machine()}; {options.rounds} rounds, medians.\n" + "; ".join(report.versions(rows)) + "\n"
    print(text, end="")
    if options.output:
        Path(options.output).write_text(text, encoding="utf-8")
    return 1 if report.bad(results) else 0


def main():
    options = parse_arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="programs-") as scratch:
        try:
            return run(options, scratch)
        except allocators.Refused as problem:
            sys.exit(f"programs.py: {problem}")
        except KeyboardInterrupt:
            sys.exit("programs.py: interrupted")
        finally:
            process.end_leftovers()


if __name__ == "__main__":
    sys.exit(main())
