# SPDX-License-Identifier: MIT
# Copyright (c) The roost authors
"""PostgreSQL, MariaDB, redis."""
import shutil
import signal
import socket

from .process import Problem, free_port, in_parallel, listens, tool

# --- PostgreSQL ---

POSTGRES_BIN = "/usr/lib/postgresql/*/bin/"
POSTGRES_QUERIES = """
SET work_mem = '64MB';
CREATE TEMP TABLE t AS SELECT i, md5(i::text) AS name, i % 977 AS n, i * 7919 % 100003 AS k FROM generate_series(1, 150000) AS i;
SELECT md5(string_agg(s, ',' ORDER BY s)) FROM (SELECT name || n AS s FROM t WHERE i % 3 = 0) AS q;
SELECT count(*), sum(c) FROM (SELECT k % 5000 AS g, count(*) AS c, array_agg(name) FROM t GROUP BY 1) AS q;
SELECT md5(jsonb_agg(jsonb_build_object('i', i, 'name', name, 'list', ARRAY[n, k]))::text) FROM t WHERE i <= 60000;
SELECT count(*) FROM t a JOIN t b ON a.name = b.name AND a.i < b.k;
SELECT sum(r) FROM (SELECT rank() OVER (PARTITION BY n ORDER BY name) AS r FROM t) AS q;
SELECT count(*), sum(length(regexp_replace(name, '[a-f]+', 'x', 'g'))) FROM t;
WITH RECURSIVE w(i, s) AS (SELECT 1, 'a' UNION ALL SELECT i + 1, left(s || md5(s), 500) FROM w WHERE i < 3000) SELECT md5(max(s)) FROM w;
DO $$ DECLARE a text[] := '{}'; m jsonb := '{}'; BEGIN
  FOR i IN 1..8000 LOOP a := a || md5(i::text); IF i % 100 = 0 THEN m := m || jsonb_build_object(a[i], i); END IF; END LOOP;
  RAISE NOTICE '%', md5(a::text || m::text); END $$;
"""
POSTGRES_SUMS = """SELECT sum(abalance), count(*), md5(string_agg(aid || ':' || abalance, ',' ORDER BY aid)) FROM pgbench_accounts;
SELECT sum(tbalance) FROM pgbench_tellers; SELECT sum(bbalance) FROM pgbench_branches; SELECT count(*), sum(delta) FROM pgbench_history;"""


def postgres_prepare(context):
    context.helper([tool("initdb", POSTGRES_BIN + "initdb"), "-D", str(context.scratch / "data"), "-N", "-A", "trust", "-U", "bench", "-E", "UTF8",
                    "--locale=C"], user="postgres")


def postgres_load(context, process, base):
    def bench(*words):
        return context.helper([tool("pgbench", POSTGRES_BIN + "pgbench"), *base, "-n", "--random-seed=7", *words, "bench"])

    def query(_=None):
        return context.helper([tool("psql", POSTGRES_BIN + "psql"), *base, "-X", "-q", "-A", "-t", "-d", "bench", "-c", "SET client_min_messages=notice"]
                              + ["-f", str(context.scratch / "queries.sql")])

    with context.load(process):
        context.helper([tool("pgbench", POSTGRES_BIN + "pgbench"), *base, "-i", "-q", "-s", "4", "bench"])
        bench("-c", "8", "-j", "2", "-t", "1500", "-M", "prepared")
        bench("-c", "8", "-j", "2", "-t", "25", "-C", "-S")  # a process for each transaction
        results = in_parallel(query, 2)
    sums = context.helper([tool("psql", POSTGRES_BIN + "psql"), *base, "-X", "-A", "-t", "-d", "bench", "-c", POSTGRES_SUMS])
    return "\n".join([*results, sums])


def postgres(context):
    shutil.copytree(context.prepared / "data", context.scratch / "data", symlinks=True)
    (context.scratch / "queries.sql").write_text(POSTGRES_QUERIES, encoding="utf-8")
    port = free_port()
    words = [tool("postgres", POSTGRES_BIN + "postgres"), "-D", str(context.scratch / "data"), "-p", str(port), "-c", "listen_addresses=127.0.0.1",
             "-c", f"unix_socket_directories={context.scratch}", "-c", "fsync=off", "-c", "autovacuum=off", "-c", "shared_buffers=64MB"]
    with context.server(words, listens(port), user="postgres", stop=signal.SIGINT, tree=True) as process:
        base = ["-h", "127.0.0.1", "-p", str(port), "-U", "bench"]
        context.until(lambda: "accepting" in context.helper([tool("pg_isready", POSTGRES_BIN + "pg_isready"), *base], check=False))
        context.helper([tool("createdb", POSTGRES_BIN + "createdb"), *base, "bench"])
        return postgres_load(context, process, base)


# --- MariaDB ---

MARIADB_SCHEMA = """
CREATE DATABASE bench; USE bench;
CREATE TABLE t (id INT PRIMARY KEY, name VARCHAR(80), doc TEXT, n INT, KEY (name), KEY (n)) ENGINE=InnoDB;
CREATE TABLE log (id INT AUTO_INCREMENT PRIMARY KEY, client INT, n INT) ENGINE=InnoDB;
INSERT INTO t SELECT seq, MD5(seq), REPEAT(MD5(seq * 3), seq % 30), seq * 7919 % 1013 FROM seq_1_to_30000;
"""
MARIADB_CLIENT = """USE bench;
SET SESSION group_concat_max_len = 1000000;
SELECT MD5(GROUP_CONCAT(name ORDER BY id)) FROM t WHERE n < 300;
SELECT COUNT(*), SUM(c) FROM (SELECT n, COUNT(*) AS c, GROUP_CONCAT(name ORDER BY name) AS l FROM t GROUP BY n) AS q;
SELECT COUNT(*) FROM t a JOIN t b ON a.n = b.n WHERE a.id < 600;
SELECT MD5(JSON_ARRAYAGG(JSON_OBJECT('id', id, 'name', name))) FROM t WHERE id <= 5000;
SELECT SUM(LENGTH(REGEXP_REPLACE(doc, '[a-f]+', 'x'))) FROM t WHERE id < 3000;
SELECT SUM(r) FROM (SELECT RANK() OVER (PARTITION BY n ORDER BY name) AS r FROM t) AS q;
"""


def mariadb_prepare(context):
    context.helper([tool("mariadb-install-db"), "--no-defaults", f"--datadir={context.scratch}/data", "--auth-root-authentication-method=normal",
                    "--skip-test-db", "--skip-name-resolve", "--innodb-log-file-size=16M"], user="mysql")


def mariadb_statements(client):
    """One client's own: changes whose sum does not depend on how clients interleave, prepared statements, a temporary table."""
    lines = [MARIADB_CLIENT, "PREPARE p FROM 'SELECT MD5(CONCAT(name, doc)) FROM t WHERE id = ?';"]
    for i in range(400):
        key = client * 3001 + i
        lines.append(f"UPDATE t SET n = n + 1 WHERE id BETWEEN {key} AND {key + 3}; INSERT INTO log (client, n) VALUES ({client}, {i});")
        lines.append(f"SET @k = {1 + key * 7919 % 30000}; EXECUTE p USING @k;")
    lines.append("CREATE TEMPORARY TABLE u AS SELECT * FROM t WHERE id % 5 = 1; ALTER TABLE u ADD KEY (doc(40)); SELECT COUNT(DISTINCT doc) FROM u;")
    return "\n".join(lines)


def mariadb(context):
    shutil.copytree(context.prepared / "data", context.scratch / "data", symlinks=True)
    sock = str(context.scratch / "sock")
    words = [tool("mariadbd"), "--no-defaults", f"--datadir={context.scratch}/data", f"--socket={sock}", "--skip-networking", f"--tmpdir={context.scratch}",
             "--innodb-log-file-size=16M", "--innodb-buffer-pool-size=64M", "--innodb-flush-log-at-trx-commit=0", "--innodb-lock-wait-timeout=60",
             f"--pid-file={context.scratch}/pid"]
    client = [tool("mariadb"), "--no-defaults", f"--socket={sock}", "-u", "root", "--batch", "--skip-column-names"]

    def talk(number):
        return context.helper(client, feed=mariadb_statements(number))

    with context.server(words, lambda: context.helper([*client, "-e", "SELECT 7"], check=False) == "7\n", user="mysql") as process:
        context.helper(client, feed=MARIADB_SCHEMA)
        with context.load(process):
            for _ in range(3):
                in_parallel(talk, 6)
            for i in range(150):  # a thread of the server for each
                context.helper([*client, "-e", f"SELECT COUNT(*) FROM bench.log WHERE n = {i}"])
        return context.helper([*client, "-e", "CHECKSUM TABLE bench.t; SELECT COUNT(*), SUM(n), SUM(client) FROM bench.log; CHECK TABLE bench.t"])


# --- redis ---

class Redis:
    """A connection that sends many commands at once and reads as many answers."""

    def __init__(self, port, timeout):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout)
        self.file = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()
        self.socket.close()

    def ask(self, *words):
        return self.batch([words])[0]

    def batch(self, commands):
        self.socket.sendall(b"".join(b"*%d\r\n" % len(c) + b"".join(b"$%d\r\n%b\r\n" % (len(w), w) for w in c) for c in commands))
        return [self._answer() for _ in commands]

    def _answer(self):
        line = self.file.readline()
        if not line or line[:1] == b"-":
            raise Problem(f"redis answered {line.decode('latin-1').strip()!r}")
        if line[:1] == b"$":
            length = int(line[1:])
            return self.file.read(length + 2)[:length] if length >= 0 else None
        return line[1:].rstrip()


def redis_commands(turn):
    for i in range(turn * 25000, turn * 25000 + 25000):
        value = bytes([97 + i % 26]) * (i * 7919 % (400 if i % 500 else 40000))
        yield ((b"HSET", b"hash%d" % (i % 97), b"field%d" % (i % 4000), value), (b"RPUSH", b"list%d" % (i % 53), value),
               (b"ZADD", b"zset%d" % (i % 31), b"%d" % i, b"member%d" % (i % 9000)), (b"SADD", b"set%d" % (i % 71), b"member%d" % (i % 5000)),
               (b"APPEND", b"string%d" % (i % 1000), value), (b"DEL", b"string%d" % (i * 31 % 1000)),
               (b"LTRIM", b"list%d" % (i % 53), b"0", b"200"), (b"SET", b"key%d" % (i % 9000), value))[i % 8]


def redis_load(context, process, port):
    def rewritten(connection):
        info = connection.ask(b"INFO", b"persistence")
        return b"rdb_bgsave_in_progress:0" in info and b"aof_rewrite_in_progress:0" in info and b"aof_rewrite_scheduled:0" in info

    with context.load(process), Redis(port, context.timeout) as connection:
        context.helper(["redis-benchmark", "-p", str(port), "-q", "-n", "60000", "-P", "16", "-r", "20000", "-d", "120", "-t",
                        "set,get,incr,lpush,rpush,sadd,hset,zadd,lrange_100,mset"])
        connection.ask(b"FLUSHALL")
        for turn in range(8):
            commands = list(redis_commands(turn))
            connection.ask(b"BGSAVE" if turn % 2 == 0 else b"BGREWRITEAOF")  # the child copies what is written to meanwhile
            for first in range(0, len(commands), 500):
                connection.batch(commands[first:first + 500])
            context.until(lambda: rewritten(connection))
        if b"rdb_last_bgsave_status:ok" not in (said := connection.ask(b"INFO", b"persistence")) or b"aof_last_bgrewrite_status:ok" not in said:
            raise Problem("a snapshot or a rewrite failed")
        digests = [connection.ask(b"DEBUG", b"DIGEST")]
        for how in (b"RELOAD", b"LOADAOF"):
            connection.ask(b"DEBUG", how)
            digests.append(connection.ask(b"DEBUG", b"DIGEST"))
    if len(set(digests)) != 1:
        raise Problem(f"digests differ after a reload: {digests}")
    return digests[0].decode()


def redis(context):
    port = free_port()
    words = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "yes", "--appendfsync", "no", "--dir",
             str(context.scratch), "--enable-debug-command", "local", "--activedefrag", "no", "--auto-aof-rewrite-percentage", "0", "--loglevel", "notice"]
    with context.server(words, listens(port), tree=True) as process:
        return redis_load(context, process, port)
