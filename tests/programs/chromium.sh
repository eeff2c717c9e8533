#!/usr/bin/env bash
# Chromium, headless, lays out a page that a script has filled: browser, zygote, renderer, utility and GPU processes on roost. With
# its sandbox where user namespaces can be had, else without.
#
# SPDX-License-Identifier: MIT
# shellcheck source-path=SCRIPTDIR source=../support/programs.sh
. "$(dirname "$0")/../support/programs.sh"
browser=/usr/lib/chromium/chromium # not the script of that name
if [ ! -x "$browser" ]; then
    echo "SKIPPED: chromium is not installed"
    exit 77
fi

cat >"$work/page.html" <<'HTML'
<html><body><p id="sum"></p><canvas id="c" width="400" height="300"></canvas><script>
let o = [];
for (let i = 0; i < 200000; i++) o.push({ i: i, s: "k" + i });
o = o.filter(x => x.i % 3 == 0);
let d = document.createElement("div");
for (let i = 0; i < 3000; i++) {
    let e = document.createElement("span");
    e.textContent = o[i].s;
    d.appendChild(e);
}
document.body.appendChild(d);
let c = document.getElementById("c").getContext("2d");
for (let i = 0; i < 1000; i++) c.fillRect(i % 400, i % 300, 5, 5);
document.getElementById("sum").textContent = d.textContent.length + " " + JSON.stringify(o).length;
</script></body></html>
HTML

user=()
sandbox=(--no-sandbox)
if [ "$(id -u)" -eq 0 ] && setpriv --reuid=nobody --regid=nogroup --clear-groups unshare -U true 2>/dev/null; then
    user=(setpriv --reuid=nobody --regid=nogroup --clear-groups)
    sandbox=()
    cp "$ROOST_LIB" "$work/libroost.so"
    chmod 755 "$work" "$work/libroost.so"
    ROOST_LIB=$work/libroost.so
elif [ "$(id -u)" -ne 0 ] && unshare -U true 2>/dev/null; then
    sandbox=()
fi
mkdir -m 777 "$work/home"
command=("$browser" --headless --disable-gpu --disable-dev-shm-usage "${sandbox[@]}" --dump-dom "file://$work/page.html")
chromium() {
    env HOME="$work/home" "${user[@]}" timeout -k 5 100 env "$@" "${command[@]}" --user-data-dir="$work/home/$1" 2>"$work/error"
}

chromium name=system >"$work/expected"
grep -Eq '<p id="sum">[0-9]+ [0-9]+<' "$work/expected" || fail "the page was not laid out without roost: $(head -c 300 "$work/expected") $(tail -n 5 "$work/error")"
chromium name=roost LD_PRELOAD="$ROOST_LIB" ROOST_VERBOSE=1 >"$work/out" || fail "exit code $?: $(tail -n 5 "$work/error")"
same "$work/expected" "$work/out" "the page"
processes=$(grep -c '^roost: version' "$work/error" || true)
[ "$processes" -ge 3 ] || fail "only $processes processes were on roost"
echo "$processes processes, ${sandbox[*]:-with its sandbox}"
