#!/usr/bin/env bash
# python3: a threaded, allocation-heavy script on its own allocator and on malloc alone, and CPython's own tests where installed.
#
# SPDX-License-Identifier: MIT
# shellcheck source-path=SCRIPTDIR source=../support/programs.sh
. "$(dirname "$0")/../support/programs.sh"
need python3
python=$(real_python)

cat >"$work/script.py" <<'PYTHON'
import bz2, collections, concurrent.futures, hashlib, json, queue, random, re, subprocess, sys, threading, zlib

def churn(seed):
    r = random.Random(seed)
    alive = {}
    digest = hashlib.sha256()
    for i in range(15000):
        key = r.randrange(2000)
        kind = r.randrange(5)
        if kind == 0:
            alive[key] = "x" * r.randrange(1, 5000)
        elif kind == 1:
            alive[key] = [r.random() for _ in range(r.randrange(50))]
        elif kind == 2:
            alive[key] = {str(j): bytes(r.randrange(300)) for j in range(r.randrange(10))}
        elif kind == 3:
            alive[key] = bytearray(r.randrange(1, 200000 if i % 50 == 0 else 2000))
        else:
            alive.pop(key, None)
        if i % 500 == 0:
            digest.update(repr(sorted((k, len(v)) for k, v in alive.items())).encode())
    return digest.hexdigest()

def hand_over(results):
    q = queue.Queue(maxsize=100)
    def produce():
        for i in range(5000):
            q.put([str(i) * (i % 50), bytes(i)])
        q.put(None)
    thread = threading.Thread(target=produce)
    thread.start()
    total = 0
    while (item := q.get()) is not None:
        total += len(item[0]) + len(item[1])
    thread.join()
    results.append(total)

with concurrent.futures.ThreadPoolExecutor(8) as pool:
    for line in pool.map(churn, range(8)):
        print(line)
results = []
threads = [threading.Thread(target=hand_over, args=(results,)) for _ in range(4)]
for t in threads: t.start()
for t in threads: t.join()
print(results)
text = json.dumps({str(i): list(range(i % 40)) for i in range(20000)})
print(hashlib.sha256(json.dumps(json.loads(text), sort_keys=True).encode()).hexdigest())
data = (text * 3).encode()
print(len(zlib.decompress(zlib.compress(data))), len(bz2.decompress(bz2.compress(data))))
print(len(re.findall(r"\d+", text)), collections.Counter(text).most_common(5))
for i in range(200):
    threading.Thread(target=lambda: [bytearray(1000) for _ in range(100)]).start()
print(subprocess.run([sys.executable, "-c", "print(sum(range(1000)))"], capture_output=True, text=True).stdout)
PYTHON

on_system 120 "$python" "$work/script.py" >"$work/glibc.out"
on_roost_proved 240 "$python" "$work/script.py" >"$work/roost.out"
same "$work/glibc.out" "$work/roost.out" "the output of the script"
PYTHONMALLOC=malloc on_roost_proved 240 "$python" "$work/script.py" >"$work/roost.out"
same "$work/glibc.out" "$work/roost.out" "the output with PYTHONMALLOC=malloc"
echo "the script: same output, also with PYTHONMALLOC=malloc"

# Which tests ran and which failed: CPython's suite need not be clean on this machine, but it must be the same.
verdict() {
    grep -E '^(FAIL|ERROR): |^Total tests: |^[0-9]+ tests? (OK|failed|skipped)' "$1" | sort
}

for candidate in "$python" /usr/bin/python3; do
    [ -x "$candidate" ] || continue
    "$candidate" -c 'import test.test_threading, test.test_gc, test.test_json' 2>/dev/null || continue
    cd "$work"
    suites=(-m test test_threading test_gc test_json)
    on_system 300 "$candidate" "${suites[@]}" >glibc.tests 2>&1 || true
    verdict glibc.tests >glibc.verdict
    [ -s glibc.verdict ] || fail "python's own tests say nothing on the system's allocator"
    PYTHONMALLOC=malloc on_roost 400 "$candidate" "${suites[@]}" >roost.tests 2>&1 || true
    verdict roost.tests >roost.verdict
    same glibc.verdict roost.verdict "the verdict of python's own tests with PYTHONMALLOC=malloc"
    echo "python's own tests with PYTHONMALLOC=malloc: $(grep '^Total tests' roost.verdict)"
    exit 0
done
echo "python's own tests: SKIPPED, the package test is not installed"
