#!/usr/bin/env bash
# memcached: a client over the loopback stores, changes, reads and deletes values, until memcached evicts.
#
# SPDX-License-Identifier: MIT
# shellcheck source-path=SCRIPTDIR source=../support/programs.sh
. "$(dirname "$0")/../support/programs.sh"
need memcached python3 setpriv perl
python=$(real_python)

cat >"$work/client.py" <<'PYTHON'
import hashlib, socket, sys, threading

def conversation(port, number, results):
    with socket.create_connection(("127.0.0.1", port), timeout=30) as s:
        f = s.makefile("rwb")
        digest = hashlib.sha256()
        def ask(line, data=None):
            f.write(line + b"\r\n" + (data + b"\r\n" if data is not None else b""))
            f.flush()
            answer = f.readline()
            digest.update(answer)
            return answer
        for i in range(8000):
            key = b"key-%d-%d" % (number, i * 7919 % 997)
            size = (i * 31) % 900 if i % 40 else (i * 613) % 300000
            kind = i % 5
            if kind < 2:
                assert ask(b"set %s 0 0 %d" % (key, size), bytes([65 + i % 26]) * size) == b"STORED\r\n"
            elif kind == 2:
                ask(b"append %s 0 0 3" % key, b"xyz")
            elif kind == 3:
                answer = ask(b"get %s" % key)
                while answer.startswith(b"VALUE"):
                    value = f.read(int(answer.split()[3]) + 2)
                    digest.update(value)
                    answer = f.readline()
                assert answer == b"END\r\n", answer
            else:
                ask(b"delete %s" % key)
        results[number] = digest.hexdigest()

port = int(sys.argv[1])
results = {}
threads = [threading.Thread(target=conversation, args=(port, n, results)) for n in range(6)]
for t in threads: t.start()
for t in threads: t.join()
assert len(results) == 6
for n in sorted(results): print(n, results[n])
PYTHON

answers() {
    "$python" -c 'import socket, sys; socket.create_connection(("127.0.0.1", int(sys.argv[1])), 1)' "$1"
}

session() {
    local port
    port=$(free_port)
    start_server "$2" memcached -l 127.0.0.1 -p "$port" -U 0 -t 4 -m 512 -u nobody
    until_true 20 answers "$port"
    [ -z "$2" ] || in_process "$server"
    timeout 120 "$python" "$work/client.py" "$port" >"$work/$1.out" || fail "the client on $1"
    stop_server "$server"
}

session glibc ''
session roost "$ROOST_LIB"
same "$work/glibc.out" "$work/roost.out" "what memcached answered"
echo "six connections got the same answers"
