# SPDX-License-Identifier: MIT
# Copyright (c) The roost authors
"""What is run: a row's name, and a function that runs it once on one library."""
import functools
import shlex

from . import programs, running
from .allocators import Refused

QUICK = [
    "pair:size=64", "batch-random", "live", "live:live=100000", "realloc-grow", "large",
    "xmalloc:threads=1", "larson:threads=2",
]
OPTIONS = ("threads", "consumers", "ops", "size", "mix", "live")


def check_kernel(spec):
    """Refuses what is not NAME[:OPTION=VALUE]...; roost_bench itself knows the names and the values."""
    name, *options = spec.split(":")
    if not name or name.startswith("-"):
        raise Refused(f"kernel '{spec}': not a name")
    for option in options:
        key, equals, value = option.partition("=")
        if not equals or not value or key not in OPTIONS:
            raise Refused(f"kernel '{spec}': '{option}' is not one of {', '.join(OPTIONS)} with =VALUE")
    return spec


def kernel_names(text, tools):
    """What --kernels names."""
    if text == "none":
        return []
    if not tools.bench:
        raise Refused("roost_bench was not found: build it (cmake --preset release && cmake --build --preset release; "
                      "it needs libbenchmark-dev), name its tree with --build, or give --kernels none")
    if text == "quick":
        return QUICK
    if text == "all":
        listing, problem = running.call([tools.bench, "--list"], 60)
        if problem:
            raise Refused(f"{tools.bench} --list: {problem}")
        return listing.split()
    return [check_kernel(spec) for spec in text.split(",")]


def command_row(item):
    label, equals, command = item.partition("=")
    try:
        words = shlex.split(command)
    except ValueError as problem:
        raise Refused(f"--command '{item}': {problem}") from problem
    if not equals or not words or not label:
        raise Refused(f"--command wants LABEL=COMMAND, not '{item}'")
    return label, words


def program_names(text, missing):
    """What --programs names; `missing` is told of those of `all` that this machine lacks."""
    if text == "none":
        return []
    if text == "all":
        names = []
        for name in programs.TABLE:
            lacks = programs.lacking(name)
            if lacks:
                missing(name, lacks)
            else:
                names.append(name)
        return names
    for name in text.split(","):
        if name not in programs.TABLE:
            raise Refused(f"program '{name}' is not one of {', '.join(programs.TABLE)}; others by --command")
        lacks = programs.lacking(name)
        if lacks:
            raise Refused(f"program '{name}' needs {lacks} (Debian: {programs.TABLE[name].package})")
    return text.split(",")


def choose(options, tools, scratch, missing):
    """Row name to its function, in the order in which they are shown."""
    chosen = {}
    for spec in kernel_names(options.kernels, tools):
        chosen[spec] = functools.partial(running.run_kernel, spec, tools=tools, scale=options.scale)
    for name in program_names(options.programs, missing):
        chosen[name] = functools.partial(programs.run, name, tools=tools, scratch=scratch)
    for item in options.command:
        label, words = command_row(item)
        chosen[label] = functools.partial(running.run_command, words, tools=tools)
    if not chosen:
        raise Refused("nothing to run")
    if not tools.execute and (options.command or options.programs != "none"):
        raise Refused("roost_exec was not found: build it (cmake --preset release && cmake --build --preset release)")
    return chosen
