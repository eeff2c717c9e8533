#!/usr/bin/env bash
# Builds roost and shows what it does for two servers: the example kvserver and, where it is installed or can be,
# redis. Each runs on glibc's malloc and on roost in turn; the medians are printed side by side.
# Leaves nothing behind but the build directory and the Debian packages it needed.
# SPDX-License-Identifier: MIT
set -euo pipefail

usage() {
    cat <<'END'
usage: scripts/demo.sh
  installs what it needs (Debian packages, as root or by sudo), builds, runs; about 2 minutes
environment:
  DEMO_ROUNDS=3     how often each server runs on each allocator
  DEMO_SECONDS=4    length of one run of kvserver
  DEMO_REDIS=1      0 leaves redis out
  ROOST_LIB=FILE    preload this library in roost's place (nothing but kvserver is built then)
END
}

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=lib/packages.sh source-path=SCRIPTDIR
. "$root/scripts/lib/packages.sh"
build=$root/build/release
rounds=${DEMO_ROUNDS:-3}
seconds=${DEMO_SECONDS:-4}
redis_requests=500000
redis_program=''
server='' # redis-server while it runs
child=''  # the command that `run` waits for
tmp=''

die() {
    echo "demo.sh: $*" >&2
    exit 1
}

end() {
    [[ -n $1 ]] || return 0
    kill "$1" 2>/dev/null || true
    wait "$1" 2>/dev/null || true
}

clean_up() {
    end "$child"
    end "$server"
    [[ -z $tmp ]] || rm -rf -- "$tmp"
}

# Run a command to its end, but let a signal to this script end it too.
run() {
    "$@" &
    child=$!
    local status=0
    wait "$child" || status=$?
    child=''
    return "$status"
}

# run_logged WHAT COMMAND...: its output is shown only when it fails.
run_logged() {
    local what=$1
    shift
    run "$@" >"$tmp/log" 2>&1 </dev/null && return
    tail -n 30 "$tmp/log" >&2
    die "$what failed (its last lines are above)"
}

# ---- figures: one file per server, lines "ALLOCATOR NAME VALUE" ----

# table FILE SPEC...: SPEC is "name|title|decimals|better", in the order of the rows.
table() {
    local file=$1
    shift
    printf '  %-26s %14s %14s %9s   %s\n' '' glibc "$subject" ratio 'better is'
    local spec
    for spec in "$@"; do
        awk -v spec="$spec" '
            function sorted_median(list, n,    i, j, t) {
                for (i = 2; i <= n; i++)
                    for (j = i; j > 1 && list[j - 1] > list[j]; j--) { t = list[j]; list[j] = list[j - 1]; list[j - 1] = t }
                return n % 2 ? list[(n + 1) / 2] : (list[n / 2] + list[n / 2 + 1]) / 2
            }
            function figure(value, decimals,    text, whole) {
                text = sprintf("%." decimals "f", value)
                whole = text; sub(/\..*/, "", whole)
                text = substr(text, length(whole) + 1)
                while (length(whole) > 3) {
                    text = "," substr(whole, length(whole) - 2) text
                    whole = substr(whole, 1, length(whole) - 3)
                }
                return whole text
            }
            BEGIN { split(spec, row, "|") }
            $2 == row[1] && $1 == "glibc" { a[++na] = $3 + 0 }
            $2 == row[1] && $1 != "glibc" { b[++nb] = $3 + 0 }
            END {
                if (!na || !nb) { print "no figures for " row[2] > "/dev/stderr"; exit 1 }
                ma = sorted_median(a, na); mb = sorted_median(b, nb)
                printf "  %-26s %14s %14s %9s   %s\n", row[2], figure(ma, row[3]), figure(mb, row[3]), \
                    (ma > 0 ? sprintf("%.2f", mb / ma) : "-"), row[4]
            }' "$file"
    done
}

# ---- build ----

build_all() {
    [[ -r /etc/debian_version ]] || command -v cmake >/dev/null ||
        die "this is not Debian, and cmake is missing: install cmake, ninja, gcc, g++, pkg-config and libck"
    if [[ -r /etc/debian_version ]]; then
        packages_install "$tmp/apt" cmake ninja-build gcc g++ libc6-dev pkg-config libck-dev || exit 1
    fi
    local targets=(example_kvserver)
    [[ -n ${ROOST_LIB:-} ]] || targets+=(roost_shared)
    echo "Building in ${build#"$root"/} ..."
    cd "$root"
    run_logged 'cmake' cmake --preset release
    run_logged 'the build' cmake --build "$build" --target "${targets[@]}"
    kvserver=$build/examples/kvserver
    library=${ROOST_LIB:-$build/libroost.so}
    [[ -r $library ]] || die "there is no library $library"
    library=$(readlink -f "$library")
    subject=roost
    [[ -z ${ROOST_LIB:-} ]] || subject=$(basename "$library" | cut -c1-14)
}

# ---- kvserver ----

# kvserver_once ALLOCATOR PRELOAD
kvserver_once() {
    run env LD_PRELOAD="$2" "$kvserver" --bench --seconds "$seconds" --json >"$tmp/json" ||
        die "kvserver failed on $1"
    tr -d '{}",:' <"$tmp/json" |
        awk -v who="$1" '{ for (i = 1; i < NF; i += 2) print who, $i, $(i) ~ /_kib$/ ? $(i + 1) / 1024 : $(i + 1) }' \
            >>"$tmp/kvserver"
}

show_kvserver() {
    echo
    echo "kvserver: 2 I/O threads, 2 workers, 64 connections, 250000 keys of 16 bytes to 1 MiB"
    echo "  medians of $rounds run(s) of $seconds s on each allocator, in turn"
    local round
    for ((round = 0; round < rounds; round++)); do
        kvserver_once glibc ''
        kvserver_once other "$library"
    done
    table "$tmp/kvserver" 'requests_per_second|requests/s|0|more' 'p99_us|latency p99, us|0|less' \
        'cpu_user_us_per_request|user CPU per request, us|2|less' 'peak_rss_kib|peak RSS, MiB|1|less' \
        'idle_rss_kib|RSS when emptied, MiB|1|less'
}

show_stats() {
    echo
    echo "What $subject says of itself at exit (ROOST_STATS=1, kvserver for 1 s):"
    run env ROOST_STATS=1 LD_PRELOAD="$library" "$kvserver" --bench --seconds 1 --json \
        >/dev/null 2>"$tmp/stats" || die "kvserver failed with ROOST_STATS=1"
    if [[ -s $tmp/stats ]]; then
        sed 's/^/  /' "$tmp/stats"
    else
        echo "  (nothing: the library has no statistics)"
    fi
}

# ---- redis ----

# redis_once ALLOCATOR PRELOAD. The server listens on a unix socket in the temporary directory alone: no port can
# be taken, and nobody else can reach it.
redis_once() {
    mkdir "$tmp/redis"
    mkfifo "$tmp/redis/log"
    (
        export LD_PRELOAD=$2
        exec -a redis-server "$redis_program" --port 0 --unixsocket "$tmp/redis/socket" --save '' --appendonly no \
            --dir "$tmp/redis" --daemonize no
    ) >"$tmp/redis/log" 2>&1 </dev/null &
    server=$!
    local line ready='' log
    exec {log}<"$tmp/redis/log"
    while [[ -z $ready ]] && read -r -t 30 -u "$log" line; do
        [[ $line != *'eady to accept connections'* ]] || ready=1
    done
    [[ -n $ready ]] || die "redis-server did not start on $1: ${line:-no message}"
    run timeout 60 redis-benchmark -s "$tmp/redis/socket" -t set,get,lpush,lrange_100 -n "$redis_requests" \
        -P 16 -d 120 -r 100000 --csv >"$tmp/csv" 2>"$tmp/log" </dev/null || die "redis-benchmark failed on $1: $(tail -n1 "$tmp/log")"
    tr -d '"' <"$tmp/csv" | awk -F, -v who="$1" '
        $1 == "SET" || $1 == "GET" || $1 == "LPUSH" || $1 ~ /^LRANGE_100 / {
            sub(/ .*/, "", $1); print who, $1 "_rate", $2; print who, $1 "_p99", $7 * 1000
        }' >>"$tmp/redis.figures"
    awk -v who="$1" '$1 == "VmHWM:" { print who, "peak", $2 / 1024 }' "/proc/$server/status" >>"$tmp/redis.figures"
    end "$server"
    server=''
    exec {log}<&-
    rm -rf -- "$tmp/redis"
}

# Debian's package redis-server would also start a daemon. redis-tools has the same program under another name.
find_redis() {
    command -v redis-benchmark >/dev/null || packages_install "$tmp/apt" redis-tools || return 1
    redis_program=$(command -v redis-server || command -v redis-check-rdb)
}

show_redis() {
    echo
    if [[ ${DEMO_REDIS:-1} == 0 ]] || ! find_redis; then
        echo "redis: left out"
        return
    fi
    echo "redis: redis-benchmark -t set,get,lpush,lrange_100 -n $redis_requests -P 16 -d 120 -r 100000"
    echo "  medians of $rounds run(s) on each allocator, in turn"
    local round
    for ((round = 0; round < rounds; round++)); do
        # Debian's redis is linked with jemalloc: only a preloaded libc puts glibc's malloc before it.
        redis_once glibc libc.so.6
        redis_once other "$library"
    done
    table "$tmp/redis.figures" 'SET_rate|SET/s|0|more' 'GET_rate|GET/s|0|more' 'LPUSH_rate|LPUSH/s|0|more' \
        'LRANGE_100_rate|LRANGE of 100/s|0|more' 'SET_p99|SET latency p99, us|0|less' \
        'GET_p99|GET latency p99, us|0|less' 'LRANGE_100_p99|LRANGE latency p99, us|0|less' 'peak|peak RSS, MiB|1|less'
}

case ${1:-} in
'') ;;
-h | --help)
    usage
    exit 0
    ;;
*) die "unknown argument '$1' (see --help)" ;;
esac
[[ $rounds =~ ^[1-9][0-9]?$ ]] || die "DEMO_ROUNDS=$rounds is not a number from 1 to 99"
[[ $seconds =~ ^[0-9]+(\.[0-9]+)?$ ]] || die "DEMO_SECONDS=$seconds is not a number of seconds"

# A preload of the caller's would be under every command here; the demo sets its own.
unset LD_PRELOAD
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
tmp=$(mktemp -d)
build_all
show_kvserver
show_redis
show_stats
