#!/usr/bin/env python3
"""Runs `roost top` in a terminal of 80 by 24 and presses keys.

    top_screen.py ROOST PID

SPDX-License-Identifier: MIT
"""
import fcntl
import os
import pty
import re
import select
import struct
import sys
import termios
import time

LEAVE = b"\x1b[?1049l"


class Screen:
    def __init__(self, *command):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.before = termios.tcgetattr(slave)
        self.slave = slave
        self.seen = b""
        self.pid = os.fork()
        if self.pid == 0:
            os.setsid()
            fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
            for fd in range(3):
                os.dup2(slave, fd)
            os.environ["TERM"] = "xterm"
            os.execv(command[0], command)

    def until(self, text, what):
        """Reads until the screen was sent `text`; what came before is forgotten."""
        end = time.monotonic() + 30
        while text not in self.seen:
            assert time.monotonic() < end, "%s: waited in vain for %r: %r" % (what, text, self.seen[-600:])
            if select.select([self.master], [], [], 1)[0]:
                self.seen += os.read(self.master, 65536)
        for row, column in re.findall(rb"\x1b\[(\d+);(\d+)H", self.seen):
            assert 1 <= int(row) <= 24 and 1 <= int(column) <= 80, (row, column)
        self.seen = self.seen[self.seen.index(text) + len(text):]

    def press(self, keys):
        os.write(self.master, keys)

    def ended(self, code):
        self.until(LEAVE, "the end")
        got = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        assert got == code, "exit code %d" % got
        assert termios.tcgetattr(self.slave) == self.before, "the terminal was left changed"
        os.close(self.master)
        os.close(self.slave)


def main():
    roost, pid = sys.argv[1:]
    one = Screen(roost, "top", "-d", "0.2", pid)
    one.until(b"BLOCK SIZE", "classes")
    one.press(b"h")
    one.until(b"UNSENT", "heaps")
    one.press(b">")
    one.press(b"<")
    one.press(b"h")
    one.until(b"BLOCK SIZE", "classes again")
    fcntl.ioctl(one.slave, termios.TIOCSWINSZ, struct.pack("HHHH", 10, 40, 0, 0))
    one.press(b"\x1b[6~ \x1b[B\x1b[A")
    one.press(b"q")
    one.ended(0)

    for last in (b"q", b"\x03"):
        everyone = Screen(roost, "top", "-d", "0.2")
        everyone.until(b"PROGRAM", "processes")
        everyone.until(pid.encode(), "the process")
        everyone.press(last)
        everyone.ended(0)
    print("screens are well")


main()
