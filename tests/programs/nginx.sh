#!/usr/bin/env bash
# nginx with two workers: pages and their checksums; then wrk, where it is installed, without one failed request.
#
# SPDX-License-Identifier: MIT
# shellcheck source-path=SCRIPTDIR source=../support/programs.sh
. "$(dirname "$0")/../support/programs.sh"
need nginx perl python3 setpriv cksum
python=$(real_python)

mkdir -p "$work/www" "$work/tmp"
chmod 755 "$work"
perl -e 'for my $i (0 .. 40) { open my $f, ">", "$ARGV[0]/page$i.html"; print $f "line $_ of page $i\n" for 1 .. 1 + $i * $i * 5 }' "$work/www"

configure() { # PORT
    local temp
    cat <<CONF
daemon off;
worker_processes 2;
pid $work/nginx.pid;
error_log $work/error.log;
events { worker_connections 512; }
http {
    access_log $work/access.log;
    types { text/html html; }
$(for temp in client_body proxy fastcgi uwsgi scgi; do echo "    ${temp}_temp_path $work/tmp/$temp;"; done)
    gzip on;
    gzip_min_length 100;
    server {
        listen 127.0.0.1:$1;
        root $work/www;
        location / { ssi on; sub_filter_once off; autoindex on; }
        location /again/ { proxy_pass http://127.0.0.1:$1/; }
    }
}
CONF
}

fetch_all() { # PORT
    "$python" - "$1" <<'PYTHON'
import gzip, hashlib, sys, urllib.request
for i in range(41):
    for where in ("", "again/"):
        url = "http://127.0.0.1:%s/%spage%d.html" % (sys.argv[1], where, i)
        for header in ({}, {"Accept-Encoding": "gzip"}):
            with urllib.request.urlopen(urllib.request.Request(url, headers=header), timeout=20) as answer:
                body = answer.read()
                if answer.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                print(i, where, answer.status, len(body), hashlib.sha256(body).hexdigest())
PYTHON
}

session() {
    local port worker workers
    port=$(free_port)
    configure "$port" >"$work/nginx.conf"
    start_server "$2" nginx -p "$work" -c "$work/nginx.conf" -e "$work/error.log"
    until_true 20 fetch_all "$port"
    if [ -n "$2" ]; then
        in_process "$server"
        read -ra workers <"/proc/$server/task/$server/children" || true # it has no end of line
        [ "${#workers[@]}" -eq 2 ] || fail "nginx has ${#workers[@]} workers, not 2"
        for worker in "${workers[@]}"; do
            in_process "$worker"
        done
    fi
    fetch_all "$port" >"$work/$1.out"
    if command -v wrk >/dev/null 2>&1; then
        timeout 60 wrk -t 2 -c 64 -d 4s --timeout 10s -H 'Accept-Encoding: gzip' "http://127.0.0.1:$port/again/page12.html" >"$work/$1.wrk"
        if grep -E 'Socket errors|Non-2xx' "$work/$1.wrk" >&2; then
            fail "wrk saw errors on $1"
        fi
        echo "$1: $(grep Requests/sec "$work/$1.wrk")"
    fi
    stop_server "$server"
    if grep -E 'exited on signal|\[(alert|emerg|crit)\]' "$work/error.log" >&2; then
        fail "nginx on $1 logged the above"
    fi
}

session glibc ''
session roost "$ROOST_LIB"
same "$work/glibc.out" "$work/roost.out" "what nginx served"
command -v wrk >/dev/null 2>&1 || echo "wrk: SKIPPED, it is not installed"
echo "$(wc -l <"$work/roost.out") pages are the same"
