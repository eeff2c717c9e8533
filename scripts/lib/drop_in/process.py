# SPDX-License-Identifier: MIT
# Copyright (c) The roost authors
"""How a measured program is started, watched and ended.

The library is preloaded into the measured program alone, not into what starts, feeds or asks it. Whatever a run has started, directly or not, is
a descendant of this process, which adopts orphans: nothing else is ever looked at or ended.
"""
import contextlib
import ctypes
import os
import pwd
import re
import resource
import shutil
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")
SAMPLE_S = 0.05
# What a program's own log says when one of its processes crashed, and what roost says of a bad pointer.
BAD_LINE = re.compile(r"terminated by signal|exited on signal|got signal|Segmentation fault|SIGSEGV|SIGABRT|PANIC|crashed by signal"
                      r"|^roost: .*(free|realloc|malloc_usable_size)\(|cannot be preloaded", re.MULTILINE)


class Problem(Exception):
    """The run went wrong; becomes its outcome, in one line."""


def adopt_orphans():
    """Descendants whose parents end become children of this process, so that none escapes."""
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER


def parents():
    """Each process's parent."""
    found = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError, ValueError):
                text = Path(f"/proc/{entry}/stat").read_text(encoding="ascii", errors="replace")
                found[int(entry)] = int(text.rpartition(")")[2].split()[1])
    return found


def descendants(root):
    """The process and all below it."""
    by_parent = {}
    for pid, parent in parents().items():
        by_parent.setdefault(parent, []).append(pid)
    found = [root]
    for pid in found:
        found += by_parent.get(pid, [])
    return found


def cpu_seconds(pids):
    """User and system time of processes and of their children that were waited for."""
    ticks = 0
    for pid in pids:
        with contextlib.suppress(OSError, ValueError):
            text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
            ticks += sum(int(n) for n in text.rpartition(")")[2].split()[11:15])
    return ticks / TICK


def field_kib(path, name):
    with contextlib.suppress(OSError, ValueError, StopIteration):
        text = Path(path).read_text(encoding="ascii", errors="replace")
        return int(next(line for line in text.splitlines() if line.startswith(name)).split()[1])
    return 0


class Memory:
    """The most that a process and its descendants held, in KiB: their proportional shares (PSS), looked at 20 times a second. Of a process
    that is alone, the kernel's own mark of its highest RSS."""

    def __init__(self, root, tree):
        self.root, self.tree, self.peak = root, tree, 0
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)

    def _look(self):
        if self.tree:
            held = sum(field_kib(f"/proc/{pid}/smaps_rollup", "Pss:") for pid in descendants(self.root))
        else:
            held = field_kib(f"/proc/{self.root}/status", "VmHWM:")
        self.peak = max(self.peak, held)

    def _watch(self):
        while not self.ended.wait(SAMPLE_S):
            self._look()

    def __enter__(self):
        self._look()
        if self.tree:
            self.thread.start()
        return self

    def __exit__(self, *_):
        if self.tree:
            self.ended.set()
            self.thread.join()
        self._look()


def wait_for(pids, patience):
    """Waits for processes that this one has started or adopted; those that are still there after so many seconds."""
    give_up = time.monotonic() + patience
    while pids and time.monotonic() < give_up:
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        pids = [pid for pid in pids if Path(f"/proc/{pid}").exists()]
        time.sleep(0.005)
    return pids


def end_leftovers(patience=0.0):
    """Ends what a run has left running, after so many seconds in which it may end by itself, and waits for it."""
    left = wait_for(descendants(os.getpid())[1:], patience)
    for number in (signal.SIGTERM, signal.SIGKILL):
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        left = wait_for(left, 5)


class Context:
    """One run of one row on one library."""

    def __init__(self, library, scratch, prepared, timeout):
        self.library, self.scratch, self.prepared, self.timeout = library, Path(scratch), Path(prepared), timeout
        self.seconds = self.cpu = 0.0
        self.peak_kib = 0
        self.log = self.scratch / "log"

    # --- starting ---

    def environment(self, preload, more=None):
        clean = {k: v for k, v in os.environ.items() if k not in ("LD_PRELOAD", "LD_LIBRARY_PATH") and not k.startswith("ROOST_")}
        clean.update(LC_ALL="C", TZ="UTC", HOME=str(self.scratch), TMPDIR=str(self.scratch))
        clean.update(more or {})
        if preload and self.library:
            clean["LD_PRELOAD"] = self.library
        return clean

    def give_to(self, user):
        """Lets a server's own user write in the scratch directory; returns the words that make a command that user's."""
        if not user or os.geteuid() != 0:
            return []
        entry = pwd.getpwnam(user)
        for path in [self.scratch, *self.scratch.rglob("*")]:
            os.lchown(path, entry.pw_uid, entry.pw_gid)
        return ["setpriv", f"--reuid={entry.pw_uid}", f"--regid={entry.pw_gid}", "--clear-groups"]

    def _started(self, words, user=None, env=None, **options):
        """The measured program. What changes the user runs without the library."""
        before = self.give_to(user)
        preload = ["env", f"LD_PRELOAD={self.library}"] if before and self.library else []
        return subprocess.Popen([*before, *preload, *words], env=self.environment(not before, env), cwd=self.scratch, **options)

    def helper(self, words, user=None, feed=None, env=None, check=True, timeout=None):
        """A program that is not measured; its standard output."""
        prefix = self.give_to(user) if user else []
        try:
            done = subprocess.run([*prefix, *words], env=self.environment(False, env), cwd=self.scratch, input=feed, text=True, check=False,
                                  capture_output=True, timeout=timeout or self.timeout, errors="replace")
        except subprocess.TimeoutExpired:
            raise Problem(f"{words[0]}: no end after {timeout or self.timeout:g} s") from None
        if check and done.returncode != 0:
            lines = (done.stderr.strip() or done.stdout.strip()).splitlines() or [""]
            raise Problem(f"{Path(words[0]).name}: status {done.returncode}: {lines[-1][:300]}")
        return done.stdout

    # --- a program that runs to its end ---

    def command(self, words, tree=False, env=None, user=None):
        """Runs the measured program; its standard output. Its time and memory are added to the run's."""
        output, errors = self.scratch / "stdout", self.scratch / "stderr"
        with open(output, "wb") as out, open(errors, "wb") as err:
            before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
            process = self._started(words, user, env, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
            with Memory(process.pid, True) if tree else contextlib.nullcontext() as memory:
                status, usage = self._wait(process, begin)
            self.seconds += time.monotonic() - begin
            end_leftovers(patience=2)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.cpu += after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
        self.peak_kib = max(self.peak_kib, memory.peak if tree else usage.ru_maxrss)
        said = errors.read_text(encoding="utf-8", errors="replace")
        if status != 0:
            raise Problem(f"{Path(words[0]).name}: {ended(status)}: {last_line(said)}")
        self.look_for_trouble(said)
        return output.read_text(encoding="utf-8", errors="replace")

    def _wait(self, process, begin):
        while True:
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            if pid:
                process.returncode = os.waitstatus_to_exitcode(status)
                return process.returncode, usage
            if time.monotonic() - begin > self.timeout:
                raise Problem(f"{Path(process.args[0]).name}: no end after {self.timeout:g} s")
            time.sleep(0.001)

    # --- a server ---

    @contextlib.contextmanager
    def server(self, words, ready, user=None, stop=signal.SIGTERM, tree=False, env=None, good=(0,)):
        """A server that is up, watched until the end of the block, then ended; its log must be without crashes."""
        with open(self.log, "ab") as log:
            process = self._started(words, user, env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.until(ready, process)
        if self.library and self.library not in Path(f"/proc/{process.pid}/maps").read_text(encoding="utf-8", errors="replace"):
            raise Problem(f"{Path(words[0]).name} runs without the library")
        with Memory(process.pid, tree) as memory:
            yield process
            if process.poll() is not None:
                raise Problem(f"{Path(words[0]).name} ended under the load: {ended(process.returncode)}: {self.last_logged()}")
        self.peak_kib = max(self.peak_kib, memory.peak)
        process.send_signal(stop)
        try:
            status = process.wait(60)
        except subprocess.TimeoutExpired:
            raise Problem(f"{Path(words[0]).name} does not end") from None
        if status not in good:
            raise Problem(f"{Path(words[0]).name}: at its end {ended(status)}: {self.last_logged()}")
        self.look_for_trouble(self.log.read_text(encoding="utf-8", errors="replace"))

    def until(self, ready, process=None, patience=60):
        give_up = time.monotonic() + patience
        while not ready():
            if process and process.poll() is not None:
                raise Problem(f"{Path(process.args[-1]).name} does not come up: {ended(process.returncode)}: {self.last_logged()}")
            if time.monotonic() > give_up:
                raise Problem(f"waited {patience} s in vain: {self.last_logged()}")
            time.sleep(0.02)

    @contextlib.contextmanager
    def load(self, process):
        """What happens inside is the measured time."""
        before, begin = cpu_seconds(descendants(process.pid)), time.monotonic()
        yield
        self.seconds += time.monotonic() - begin
        self.cpu += cpu_seconds(descendants(process.pid)) - before

    # --- logs ---

    def last_logged(self):
        return last_line(self.log.read_text(encoding="utf-8", errors="replace")) if self.log.exists() else ""

    def look_for_trouble(self, text):
        found = BAD_LINE.search(text)
        if found:
            line = text[text.rfind("\n", 0, found.start()) + 1:].splitlines()[0]
            raise Problem(f"it said: {line.strip()[:300]}")


def ended(status):
    return f"signal {-status} ({signal.Signals(-status).name})" if status < 0 else f"status {status}"


def last_line(text):
    lines = text.strip().splitlines()
    return lines[-1].strip()[:300] if lines else ""


def in_parallel(function, count):
    """Calls function(0), function(1), ... in threads; what they return. The first problem of one is raised."""
    results, problems = [None] * count, []

    def call(i):
        try:
            results[i] = function(i)
        except (Problem, OSError) as problem:
            problems.append(problem)

    threads = [threading.Thread(target=call, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if problems:
        raise problems[0]
    return results


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def listens(port):
    def ask():
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return True
        return False
    return ask


def tool(name, *places):
    """The path of a program, also outside PATH; None when it is not installed."""
    for pattern in places:
        found = sorted(Path("/").glob(pattern.lstrip("/")))
        if found:
            return str(found[-1])
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
