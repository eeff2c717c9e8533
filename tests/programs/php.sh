#!/usr/bin/env bash
# PHP, whose extensions are opened with RTLD_DEEPBIND: strings, arrays, regular expressions, compression, hashes and a
# child process, with all extensions loaded and with the opcode cache on.
#
# SPDX-License-Identifier: MIT
# shellcheck source-path=SCRIPTDIR source=../support/programs.sh
. "$(dirname "$0")/../support/programs.sh"
need php

cat >"$work/heavy.php" <<'PHP'
<?php
$a = [];
for ($i = 0; $i < 200000; $i++)
    $a[] = str_repeat(chr(97 + $i % 26), $i % 300);
usort($a, fn($x, $y) => strcmp($x, $y));
echo md5(serialize($a)), "\n";
$words = [];
for ($i = 0; $i < 20000; $i++)
    $words["w" . ($i * 7919 % 5003)][] = preg_replace('/(\d)(\d)/', '$2-$1', (string)$i);
ksort($words);
echo md5(json_encode($words)), "\n";
echo strlen(gzinflate(gzdeflate(str_repeat("roost ", 500000), 6))), "\n";
echo hash("sha256", implode(",", array_map(fn($x) => iconv("UTF-8", "UTF-16", $x), array_slice($a, 0, 5000)))), "\n";
$dom = implode("", array_map(fn($i) => mb_chr_or_not($i), range(1, 1000)));
function mb_chr_or_not($i) { return html_entity_decode("&#$i;"); }
echo md5($dom), "\n";
$pid = pcntl_fork();
if ($pid === 0)
    exit(strlen(str_repeat("x", 1000000)) === 1000000 ? 7 : 1);
pcntl_waitpid($pid, $status);
echo pcntl_wexitstatus($status), "\n";
echo count(get_loaded_extensions()) > 10 ? "extensions\n" : "few extensions\n";
PHP

for cache in 0 1; do
    options=(-d opcache.enable_cli=$cache -d opcache.jit=disable -d memory_limit=1G)
    on_system 60 php "${options[@]}" "$work/heavy.php" >"$work/expected"
    on_roost_proved 60 php "${options[@]}" "$work/heavy.php" >"$work/out"
    same "$work/expected" "$work/out" "what PHP prints (opcache $cache)"
    # Each request's memory from malloc, not from PHP's own arenas.
    export USE_ZEND_ALLOC=0
    on_roost_proved 60 php "${options[@]}" "$work/heavy.php" >"$work/out"
    unset USE_ZEND_ALLOC
    same "$work/expected" "$work/out" "what PHP prints (opcache $cache, without its own allocator)"
done
