#!/usr/bin/env bash
# redis-server under redis-benchmark, all default tests; then a fixed load whose digest must be that of redis on glibc.
#
# SPDX-License-Identifier: MIT
# shellcheck source-path=SCRIPTDIR source=../support/programs.sh
. "$(dirname "$0")/../support/programs.sh"
need redis-server redis-benchmark redis-cli perl

load() {
    perl -e '
        srand(7);
        for my $i (1 .. 60000) {
            my $value = chr(97 + $i % 26) x (($i * 7919) % ($i % 500 ? 400 : 40000));
            my @c = $i % 7 == 0 ? ("HSET", "hash" . $i % 97, "field$i", $value)
                  : $i % 7 == 1 ? ("RPUSH", "list" . $i % 53, $value)
                  : $i % 7 == 2 ? ("ZADD", "zset" . $i % 31, $i, "member$i")
                  : $i % 7 == 3 ? ("SADD", "set" . $i % 71, "member" . $i % 5000)
                  : $i % 7 == 4 ? ("APPEND", "string" . $i % 1000, $value)
                  : $i % 7 == 5 ? ("DEL", "string" . ($i * 31) % 1000)
                  : ("SET", "string" . $i % 3000, $value);
            print "*", scalar(@c), "\r\n", map { "\$" . length($_) . "\r\n$_\r\n" } @c;
        }'
}

# session NAME LIBRARY REQUESTS: run everything against one server, so many requests of each benchmark; results in $work/NAME.*
session() {
    local port
    port=$(free_port)
    mkdir "$work/$1.d"
    start_server "$2" redis-server --port "$port" --bind 127.0.0.1 --save '' --dir "$work/$1.d" \
        --enable-debug-command local --io-threads 2 --daemonize no
    until_true 20 redis-cli -p "$port" ping
    [ -z "$2" ] || in_process "$server"
    timeout 240 redis-benchmark -p "$port" -n "$3" -q --csv >"$work/$1.benchmark" 2>"$work/$1.errors" ||
        fail "redis-benchmark on $1: $(tail -n 3 "$work/$1.errors")"
    timeout 60 redis-cli -p "$port" flushall >/dev/null
    load | timeout 60 redis-cli -p "$port" --pipe >"$work/$1.pipe"
    redis-cli -p "$port" bgsave >/dev/null
    until_true 30 test -s "$work/$1.d/dump.rdb"
    {
        redis-cli -p "$port" dbsize
        redis-cli -p "$port" debug digest
        timeout 60 redis-cli -p "$port" debug reload
        redis-cli -p "$port" debug digest
    } >"$work/$1.result"
    stop_server "$server"
    cut -d, -f1 "$work/$1.benchmark" >"$work/$1.tests"
}

session glibc '' 1000 # for the list of benchmarks and the digest
session roost "$ROOST_LIB" 20000
same "$work/glibc.tests" "$work/roost.tests" "the list of benchmarks that ran"
same "$work/glibc.result" "$work/roost.result" "the data set's digest"
[ "$(wc -l <"$work/roost.tests")" -ge 15 ] || fail "only some of the default benchmarks ran"
echo "$(wc -l <"$work/roost.tests") benchmarks, digest $(sed -n 2p "$work/roost.result")"
