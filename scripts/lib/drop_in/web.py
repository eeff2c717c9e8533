# SPDX-License-Identifier: MIT
# Copyright (c) The roost authors
"""nginx, memcached, and a browser."""
import gzip
import hashlib
import multiprocessing
import re
import socket
import urllib.request

from .process import Problem, free_port, listens, tool

# --- nginx ---

NGINX_CONF = """
daemon off; worker_processes 2; pid {dir}/pid; error_log stderr warn; {user}
events {{ worker_connections 512; }}
http {{
    access_log off; types {{ text/html html; }} {temps}
    gzip on; gzip_min_length 100;
    server {{
        listen 127.0.0.1:{port}; root {dir}/www;
        location / {{ ssi on; autoindex on; }}
        location /again/ {{ proxy_pass http://127.0.0.1:{port}/; proxy_buffering on; }}
    }}
}}
"""
NGINX_PATHS = ("/page5.html", "/page20.html", "/again/page12.html", "/includes.html", "/")
WRK_SECONDS = 2


def nginx_fetch(port):
    digest = hashlib.sha256()
    for path in NGINX_PATHS[:-1] + tuple(f"/again/page{i}.html" for i in range(30)):
        for header in ({}, {"Accept-Encoding": "gzip"}):
            with urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=header), timeout=20) as answer:
                body = answer.read()
                digest.update(gzip.decompress(body) if answer.headers.get("Content-Encoding") == "gzip" else body)
    return digest.hexdigest()


def nginx(context):
    port, www = free_port(), context.scratch / "www"
    www.mkdir()
    for i in range(30):
        (www / f"page{i}.html").write_text("".join(f"line {n} of page {i}\n" for n in range(1 + i * i * 5)), encoding="ascii")
    (www / "includes.html").write_text("".join(f'<!--#include virtual="/page{i}.html" -->' for i in range(8)), encoding="ascii")
    temps = " ".join(f"{t}_temp_path {context.scratch}/{t};" for t in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (context.scratch / "conf").write_text(NGINX_CONF.format(dir=context.scratch, port=port, temps=temps, user=""), encoding="ascii")
    words = [tool("nginx"), "-p", str(context.scratch), "-c", str(context.scratch / "conf"), "-e", "stderr"]
    with context.server(words, listens(port), user="www-data", tree=True) as process:
        before = nginx_fetch(port)
        requests = 0
        with context.load(process):
            for path in NGINX_PATHS:
                said = context.helper(["wrk", "-t", "1", "-c", "64", "-d", f"{WRK_SECONDS}s", "--timeout", "20s", "-H", "Accept-Encoding: gzip",
                                       f"http://127.0.0.1:{port}{path}"])
                if re.search("Socket errors|Non-2xx", said):
                    raise Problem(f"wrk: {said.strip().splitlines()[-3].strip()}")
                requests += int(re.search(r"(\d+) requests in", said).group(1))
        if nginx_fetch(port) != before:
            raise Problem("pages differ after the load")
    # The load lasts a given time: the row counts the time for 100,000 requests.
    context.seconds, context.cpu = context.seconds * 1e5 / requests, context.cpu * 1e5 / requests
    return before


# --- memcached ---

def memcached_client(port, number):
    """Sets, appends, reads and deletes of 15,000 keys of its own, by a connection per turn; a digest of what was read."""
    payload, digest = bytes(range(32, 127)) * 700, hashlib.sha256()
    for turn in range(12):
        with socket.create_connection(("127.0.0.1", port), 60) as s:
            file = s.makefile("rb")
            for first in range(0, 15000, 100):
                batch = bytearray()
                for key in range(first, first + 100):
                    size = 1 + (key * 7919 + turn * 104729) % (60000 if key % 300 == 0 else 6000 if key % 20 == 0 else 300)
                    batch += b"set %d-%d 0 0 %d noreply\r\n%b\r\n" % (number, key, size, payload[:size])
                    if key % 14 == turn:
                        batch += b"delete %d-%d noreply\r\n" % (number, key)
                    if key % 5 == 0:
                        batch += b"append %d-%d 0 0 3 noreply\r\nxyz\r\n" % (number, key)
                batch += b"get " + b" ".join(b"%d-%d" % (number, key) for key in range(first, first + 100)) + b"\r\n"
                s.sendall(batch)
                while (line := file.readline()) != b"END\r\n":
                    if not line.startswith(b"VALUE "):
                        raise Problem(f"memcached answered {line[:100]!r}")
                    digest.update(line)
                    digest.update(file.read(int(line.split()[3]) + 2))
            file.close()
    return digest.hexdigest()


def memcached_crowd(port):
    """Many connections at once: each has buffers of its own in the server."""
    crowd = [socket.create_connection(("127.0.0.1", port), 30) for _ in range(400)]
    for turn in range(20):
        for i, s in enumerate(crowd):
            s.sendall(b"set crowd%d 0 0 10\r\n%010d\r\nget crowd%d\r\n" % (i, turn, i))
        for s in crowd:
            answer = b""
            while not answer.endswith(b"END\r\n"):
                piece = s.recv(4096)
                if not piece:
                    raise Problem("memcached closed a connection")
                answer += piece
            if b"%010d" % turn not in answer:
                raise Problem(f"memcached answered {answer[:100]!r}")
    for s in crowd:
        s.close()


def memcached(context):
    port = free_port()
    words = ["memcached", "-l", "127.0.0.1", "-p", str(port), "-U", "0", "-m", "512", "-t", "4", "-c", "1000", "-I", "2m", "-u", "nobody"]
    with context.server(words, listens(port)) as process:
        with context.load(process):
            with multiprocessing.get_context("fork").Pool(2) as pool:
                answers = pool.starmap(memcached_client, [(port, n) for n in range(4)])
            memcached_crowd(port)
    return " ".join(answers)


# --- a browser ---

CHROMIUM = "/usr/lib/chromium/chromium"  # not the script of that name
CHROMIUM_PAGE = """<html><body><p id="sum"></p><canvas id="c" width="800" height="600"></canvas><svg id="v" width="300" height="300"></svg>
<style>span { display: inline-block; padding: 1px; border: 1px solid } span:nth-child(3n) { transform: rotate(3deg); opacity: 0.7 }</style><script>
let o = [];
for (let i = 0; i < 300000; i++) o.push({ i: i, s: "k" + i, l: [i, i + 1] });
o = o.filter(x => x.i % 3 == 0);
let div = document.createElement("div");
for (let i = 0; i < 12000; i++) {
    let e = document.createElement("span");
    e.textContent = o[i].s;
    e.setAttribute("data-x", "y".repeat(i % 50));
    div.appendChild(e);
}
document.body.appendChild(div);
let height = 0;
for (let i = 0; i < 20; i++) {
    div.style.width = (300 + 20 * i) + "px";
    height += div.offsetHeight > 0 ? 1 : 0;
    for (let n = 0; n < 200; n++) div.children[(i * 531 + n * 37) % 12000].innerHTML = "<b>" + i + "</b><i>" + n + "</i>";
}
let c = document.getElementById("c").getContext("2d"), pixels = 0;
for (let i = 0; i < 20000; i++) { c.fillStyle = "rgb(" + i % 256 + ",0," + i % 99 + ")"; c.fillRect(i % 800, i % 600, 9, 9); }
for (let p of c.getImageData(0, 0, 800, 600).data) pixels = (pixels * 31 + p) % 1000003;
for (let i = 0; i < 500; i++) {
    let e = document.createElementNS("http://www.w3.org/2000/svg", "path");
    e.setAttribute("d", "M" + i % 300 + " 0 C 20 20, 40 " + i % 250 + ", 90 90 Z");
    document.getElementById("v").appendChild(e);
}
let parsed = new DOMParser().parseFromString("<table>" + "<tr><td>a</td><td>b</td></tr>".repeat(5000) + "</table>", "text/html");
let wasm = new WebAssembly.Module(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]));
document.getElementById("sum").textContent = [div.textContent.length, JSON.stringify(o).length, height, pixels,
    parsed.querySelectorAll("td").length, JSON.parse(JSON.stringify(o)).length, wasm instanceof WebAssembly.Module].join(" ");
div.remove();
</script></body></html>
"""


def chromium(context):
    page, home = context.scratch / "page.html", context.scratch / "home"
    page.write_text(CHROMIUM_PAGE, encoding="ascii")
    home.mkdir()
    words = [CHROMIUM, "--headless", "--disable-gpu", "--disable-dev-shm-usage", "--no-sandbox", "--disable-background-networking", "--no-first-run",
             f"--user-data-dir={home}", "--dump-dom", f"file://{page}"]
    text = context.command(words, tree=True, env={"HOME": str(home)})
    sums = re.search(r'<p id="sum">([0-9a-z ]+)</p>', text)
    if not sums:
        raise Problem(f"the page was not laid out: {text[:200]!r}")
    return sums.group(1) + " " + hashlib.sha256(text.encode()).hexdigest()
