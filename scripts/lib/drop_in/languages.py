# SPDX-License-Identifier: MIT
# Copyright (c) The roost authors
"""Runtimes of languages: node, Java, Ruby, PHP, Python. Each runs a script that is made here, and prints what it computed."""
import hashlib

from .process import tool

NODE_SCRIPT = r"""
const { Worker, isMainThread, parentPort, workerData } = require("worker_threads");
const zlib = require("zlib"), crypto = require("crypto");
function work(seed) {
    const hash = crypto.createHash("sha256"), kept = [];
    for (let i = 0; i < 1500; i++) {
        const b = Buffer.alloc(1 + (i * 7919 + seed) % 60000, i % 251);  // outside V8's heap, by calloc
        if (i % 3 === 0) kept.push(b);
        if (i % 10 === 0) hash.update(zlib.inflateSync(zlib.deflateSync(b, { level: 1 + i % 9 })));
        if (kept.length > 300) kept.splice((i * 31) % 200, 100);
    }
    const m = new Map();
    for (let i = 0; i < 200000; i++) m.set("key" + (i * 7919 % 50021), { i, list: [i, i + seed], text: "x".repeat(i % 40) });
    const text = JSON.stringify([...m.values()]);
    hash.update(text);
    hash.update(String(JSON.parse(text).length) + "abc".repeat(20000).replace(/b+c/g, "-"));
    for (let i = 0; i < 200; i++) hash.update(crypto.pbkdf2Sync("p" + i, "salt", 20, 32, "sha512"));
    return hash.digest("hex");
}
if (isMainThread) {
    const out = [work(1)];
    let open = 0;
    const next = round => {
        for (let i = 0; i < 3; i++, open++) {
            const w = new Worker(__filename, { workerData: round * 10 + i });
            w.on("message", m => out.push(m));
            w.on("exit", code => {
                if (code) process.exit(3);
                if (--open === 0) round < 2 ? next(round + 1) : console.log(out.sort().join("\n"));
            });
        }
    };
    next(0);
} else parentPort.postMessage(work(workerData));
"""

JAVA_CLASS = r"""
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.util.*;
import java.util.concurrent.*;
import java.util.stream.*;
import java.util.zip.*;

public class Work {
    record Item(int i, String s, List<Integer> l) { }

    static byte[] natively(int seed) throws Exception {  // memory outside Java's heap: zlib and direct buffers
        MessageDigest digest = MessageDigest.getInstance("SHA-256");
        List<ByteBuffer> kept = new ArrayList<>();
        for (int i = 0; i < 400; i++) {
            byte[] data = new byte[1 + (i * 7919 + seed) % 50000];
            Arrays.fill(data, (byte) i);
            Deflater deflater = new Deflater(1 + i % 9);
            deflater.setInput(data);
            deflater.finish();
            byte[] out = new byte[data.length + 100];
            int length = deflater.deflate(out);
            deflater.end();
            Inflater inflater = new Inflater();
            inflater.setInput(out, 0, length);
            byte[] back = new byte[data.length];
            if (inflater.inflate(back) != data.length) throw new IllegalStateException();
            inflater.end();
            ByteBuffer direct = ByteBuffer.allocateDirect(data.length);
            direct.put(back);
            kept.add(direct);
            if (kept.size() > 60) kept.remove(i * 31 % 50);
            digest.update(back);
        }
        return digest.digest();
    }

    static long collections(int seed) {
        Map<String, Item> map = new HashMap<>();
        for (int i = 0; i < 150000; i++)
            map.put("key" + (i * 7919L % 50021), new Item(i, "x".repeat(i % 40), List.of(i, i + seed)));
        return map.values().parallelStream().mapToLong(x -> x.i + x.s.length() + x.l.get(1)).sum()
            + map.keySet().stream().sorted().collect(Collectors.joining(",")).hashCode();
    }

    public static void main(String[] args) throws Exception {
        ExecutorService pool = Executors.newFixedThreadPool(4);
        List<Future<String>> futures = new ArrayList<>();
        for (int i = 0; i < 12; i++) {
            int seed = i;
            futures.add(pool.submit(() -> HexFormat.of().formatHex(natively(seed)) + " " + collections(seed)));
        }
        for (Future<String> f : futures) System.out.println(f.get());
        pool.shutdown();
        for (int round = 0; round < 10; round++) {  // many threads that live for a moment
            List<Thread> threads = new ArrayList<>();
            long[] sums = new long[50];
            for (int i = 0; i < 50; i++) {
                int n = i;
                Thread t = new Thread(() -> { for (int k = 0; k < 20000; k++) sums[n] += ("a" + k).hashCode() % 7; });
                t.start();
                threads.add(t);
            }
            for (Thread t : threads) t.join();
            System.out.println(LongStream.of(sums).sum());
        }
    }
}
"""

RUBY_SCRIPT = r"""
require "digest"
require "json"
require "set"
digest = Digest::SHA256.new
def tree(depth, n) = depth.zero? ? { leaf: n.to_s * 3 } : [n.to_s, tree(depth - 1, n * 2), tree(depth - 1, n * 2 + 1)]
forest = (0...60).map { |i| tree(9, i) }
words = Hash.new { |h, k| h[k] = [] }
800_000.times { |i| words["w#{i * 7919 % 20011}"] << i }
digest << words.sort.map { |k, v| "#{k}:#{v.sum}" }.join(",")
40.times { |i| forest[i * 31 % 60] = tree(9, i + 100) }
text = JSON.generate(forest)
6.times { digest << JSON.generate(Marshal.load(Marshal.dump(JSON.parse(text)))) }
digest << text << Marshal.load(Marshal.dump(JSON.parse(text))).flatten.size.to_s
s = +""
200_000.times { |i| s << ("ab" * (i % 20)); s.gsub!(/(ab)+/, "x") if i % 5000 == 0 }
digest << s
big = (1..1500).inject(:*).to_s
digest << big
threads = 8.times.map { |t| Thread.new { (0...20_000).map { |i| (i * t).to_s(7) }.uniq.size } }
digest << threads.map(&:value).join(",")
GC.start
GC.compact if GC.respond_to?(:compact)
4.times do |i|
  r, w = IO.pipe
  pid = fork { w << forest.flatten.size + i; w.close; exit!(0) }
  w.close
  digest << r.read
  Process.wait(pid)
  raise "a child failed" unless $?.success?
end
digest << 20.times.map { |i| Set.new((0...5000).map { |k| "s#{k * i % 997}" }).size }.join(",")
puts digest.hexdigest
"""

PHP_SCRIPT = r"""<?php
ini_set("memory_limit", "1G");
$out = "";
for ($round = 0; $round < 5; $round++) {
    $words = [];
    for ($i = 0; $i < 400000; $i++) $words["w" . ($i * (7919 + $round) % 20011)][] = $i;
    ksort($words);
    foreach ($words as $k => $v) $out .= $k . ":" . array_sum($v) . ",";
    $json = json_encode(array_map(fn($v) => ["n" => count($v), "l" => $v], $words));
    $out .= count(json_decode($json, true)) . md5(serialize(unserialize(serialize($words))));
    for ($i = 0; $i < 300; $i++) $out = preg_replace_callback("/w1(\d)(\d+):/", fn($m) => "w" . $m[2] . $m[1] . ":", $out, 50);
    for ($i = 0; $i < 500; $i++) $out .= md5(gzuncompress(gzcompress(str_repeat("x$i", $i * 20), 1 + $i % 9)));
}
echo hash("sha256", $out), "\n";
"""

PYTHON_SCRIPT = """
import hashlib, json, random, re, threading, zlib
random.seed(7)
digest = hashlib.sha256()
def tree(depth):
    return [str(random.random()), tree(depth - 1), tree(depth - 1)] if depth else {"leaf": random.random()}
forest = [tree(9) for _ in range(150)]
words = {}
for i in range(800000):
    words.setdefault("w%d" % random.randrange(20000), []).append(i)
for _ in range(30):
    forest[random.randrange(150)] = tree(9)
text = json.dumps(forest)
digest.update(text.encode())
digest.update(json.dumps(json.loads(text)).encode())
digest.update(",".join("%s:%d" % (k, sum(v)) for k, v in sorted(words.items())).encode())
digest.update(re.sub("[0-4]+", "-", text[:500000]).encode())
def work(results, n):
    results[n] = zlib.adler32(b"".join(zlib.decompress(zlib.compress(b"x" * (i * n % 50000))) for i in range(300)))
results = {}
threads = [threading.Thread(target=work, args=(results, n)) for n in range(8)]
for t in threads: t.start()
for t in threads: t.join()
digest.update(repr(sorted(results.items())).encode())
print(digest.hexdigest())
"""


def script(context, name, text):
    path = context.scratch / name
    path.write_text(text, encoding="utf-8")
    return str(path)


def node(context):
    return context.command([tool("node"), script(context, "work.js", NODE_SCRIPT)])


def java_prepare(context):
    context.helper([tool("javac"), "-d", str(context.scratch), script(context, "Work.java", JAVA_CLASS)])


def java(context):
    return context.command([tool("java"), "-Xmx400m", "-cp", str(context.prepared), "Work"])


def javac(context):
    """The compiler, on classes that are made here; the answer is what it has compiled to."""
    def method(i):
        return "".join(f" s += switch (a % 7) {{ case {k} -> a * {i + k}; default -> m.getOrDefault(\"k{k}\", List.of(a)).stream()"
                       f".mapToInt(x -> x + {k}).sum(); }};\n" for k in range(6))

    source = script(context, "Many.java", "import java.util.*;\n" + "\n".join(
        f"class C{i} {{ Map<String, List<Integer>> m = new TreeMap<>(); int f(int a) {{ int s = {i};\n{method(i)} return s; }} }}" for i in range(200)))
    classes = context.scratch / "classes"
    context.command([tool("javac"), "-J-Xmx400m", "-d", str(classes), source])
    digest = hashlib.sha256()
    for path in sorted(classes.iterdir()):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


def ruby(context):
    return context.command([tool("ruby"), script(context, "work.rb", RUBY_SCRIPT)])


def php(context):
    # Its own allocator hands everything on, so that ours gets all of it.
    return context.command([tool("php"), script(context, "work.php", PHP_SCRIPT)], env={"USE_ZEND_ALLOC": "0"})


def python(context):
    return context.command([tool("python3"), script(context, "work.py", PYTHON_SCRIPT)], env={"PYTHONMALLOC": "malloc", "PYTHONHASHSEED": "0"})
