# SPDX-License-Identifier: MIT
# Copyright (c) The roost authors
"""Which allocators there are: name to path of the library to preload; glibc is the path None."""
import glob
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent

# Of Debian's libraries, those that replace malloc when preloaded.
KNOWN = {
    "jemalloc": "libjemalloc.so.2",
    "mimalloc": "libmimalloc.so.[0-9]*",
    "tcmalloc": "libtcmalloc_minimal.so.4",
    "tbbmalloc": "libtbbmalloc_proxy.so.2",
}
LIBRARY_DIRS = ["/usr/local/lib", "/usr/lib/*-linux-gnu", "/usr/lib64", "/usr/lib"]


class Refused(Exception):
    """What was asked for cannot be done; one line says why."""


def newest(paths):
    found = [p for p in map(Path, paths) if p.exists()]
    return max(found, key=lambda p: p.stat().st_mtime) if found else None


def in_build_tree(build, *names):
    """The newest file of one of these names under the build tree; without one named, a release build first."""
    trees = [build] if build else [str(ROOT / "build" / "release"), str(ROOT / "build*"), str(ROOT / "build" / "*")]
    for tree in trees:
        hit = newest(p for n in names for d in ("", "*/", "*/*/") for p in glob.glob(f"{tree}/{d}{n}"))
        if hit:
            return str(hit)
    return None


def in_library_dirs(pattern):
    for directory in LIBRARY_DIRS:
        hits = sorted(glob.glob(f"{directory}/{pattern}"))
        if hits:
            return hits[-1]
    return None


def find(build):
    """All that this machine has, roost last."""
    libraries = {"glibc": None}
    for name, pattern in KNOWN.items():
        path = in_library_dirs(pattern)
        if path:
            libraries[name] = path
    roost = in_build_tree(build, "libroost.so")
    if roost:
        libraries["roost"] = roost
    return libraries


def choose(text, found):
    """What --libs names: NAME of those found, NAME=PATH, or all."""
    if not text:
        return found
    libraries = {}
    for item in text.split(","):
        name, equals, path = item.partition("=")
        if name == "all" and not equals:
            libraries.update(found)
        elif equals and name:
            if not Path(path).is_file():
                raise Refused(f"no such library: {path}")
            libraries[name] = str(Path(path).resolve())
        elif name in found:
            libraries[name] = found[name]
        else:
            raise Refused(f"allocator '{name}' was not found here; give {name or 'NAME'}=/path/lib.so "
                          f"(found: {', '.join(found)})")
    return libraries
