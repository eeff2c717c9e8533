#!/usr/bin/env bash
# sqlite3: 400,000 rows, indexes, joins and an integrity check.
#
# SPDX-License-Identifier: MIT
# shellcheck source-path=SCRIPTDIR source=../support/programs.sh
. "$(dirname "$0")/../support/programs.sh"
need sqlite3

cat >"$work/queries.sql" <<'SQL'
PRAGMA journal_mode = MEMORY;
CREATE TABLE t(id INTEGER PRIMARY KEY, k INTEGER, name TEXT, v REAL);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400000)
    INSERT INTO t SELECT i, (i * 7919) % 10007, printf('name %d of %d', i % 1000, i), i / 7.0 FROM n;
CREATE INDEX by_k ON t(k);
CREATE INDEX by_name ON t(name);
SELECT count(*), sum(k), min(name), max(name), round(avg(v), 6) FROM t;
SELECT k, count(*), max(name) FROM t WHERE k < 20 GROUP BY k ORDER BY k;
SELECT substr(name, 1, 7) AS p, count(*) FROM t GROUP BY p ORDER BY 2 DESC, 1 LIMIT 20;
UPDATE t SET name = name || ' changed' WHERE id % 17 = 0;
DELETE FROM t WHERE id % 23 = 0;
SELECT count(*) FROM t AS a JOIN t AS b ON a.k = b.k AND a.id < b.id WHERE a.k < 500;
SELECT length(group_concat(name, ',')) FROM t;
SELECT name FROM t ORDER BY name DESC, id LIMIT 10 OFFSET 100000;
VACUUM;
PRAGMA integrity_check;
SQL
on_system 180 sqlite3 "$work/glibc.db" <"$work/queries.sql" >"$work/glibc.out"
on_roost_proved 240 sqlite3 "$work/roost.db" <"$work/queries.sql" >"$work/roost.out"
same "$work/glibc.out" "$work/roost.out" "the result of the queries"
grep -qx ok "$work/roost.out" || fail "the integrity check did not say ok"
on_roost_proved 120 sqlite3 :memory: <"$work/queries.sql" >"$work/memory.out"
sed -i 1d "$work/glibc.out" "$work/memory.out"
same "$work/glibc.out" "$work/memory.out" "the result of the queries in memory"
echo "$(wc -l <"$work/roost.out") lines of results are the same"
