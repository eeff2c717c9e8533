#!/bin/bash
# The page of roost map in a browser: it opens, light and dark, and answers mouse and keys. Skipped without chromium.
# SPDX-License-Identifier: MIT
set -u
. "$(dirname "$0")/lib/holder.bash"
browser=$(command -v chromium || command -v chromium-browser) || { echo "SKIPPED: chromium is not installed"; exit 77; }

hold "$HOLDER"
skip_unless_readable "$pid"
"$ROOST_CMD" map -o "$scratch/heap.html" "$pid" || exit 1
let_go

# What a user does, and what is then on the page, into an attribute of it.
cat >"$scratch/user.js" <<'END'
const said = [], key = (where, name) => where.dispatchEvent(new KeyboardEvent("keydown", { key: name, bubbles: true, cancelable: true }));
const say = (name, value) => said.push(name + "=" + value);
const pixels = (canvas) => { const image = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  return new Set(Array.from({ length: image.length / 4 }, (_, i) => (image[4 * i] << 16) + (image[4 * i + 1] << 8) + image[4 * i + 2])).size; };
const map = document.getElementById("map"), what = () => document.getElementById("what").textContent;
say("theme", document.documentElement.dataset.theme);
say("colours", pixels(map) > 10);
key(map, "Home"); say("home", what());
key(map, "ArrowRight"); key(map, "ArrowDown"); say("moved", what());
key(map, "PageDown"); say("segment", what());
key(map, "End"); key(map, "ArrowRight"); say("end", selected === slices.length - 1);
map.dispatchEvent(new MouseEvent("mousemove", { clientX: map.getBoundingClientRect().left + 3, clientY: map.getBoundingClientRect().top + 3 }));
say("tip", !document.getElementById("tip").hidden && /address: 0x/.test(document.getElementById("tip").textContent));
select(runOf.findIndex((run) => run !== -1 && runs[run].kind === PAGE && runs[run].used > 1));
key(map, "Enter"); say("blocks", document.activeElement.id);
key(document.activeElement, "ArrowRight"); say("block", /^block 1 at 0x[0-9a-f]+: (in use|free)/.test(document.getElementById("block").textContent));
key(document.activeElement, "Escape"); say("back", document.activeElement.id);
for (const mode of ["2", "3", "4"]) { key(document.body, mode); say("mode" + mode, document.querySelector('#modes [aria-checked="true"]').textContent + pixels(map).toString().replace(/.+/, (n) => n > 2 ? "+" : "-")); }
const first = document.querySelector("#classes tbody tr");
first.click(); say("chosen", document.querySelectorAll('#classes [aria-selected="true"]').length);
document.querySelector("#classes th button").click(); say("sorted", document.querySelector("#classes tbody td").textContent.endsWith(" B"));
say("rows", document.querySelectorAll("#classes tbody tr").length > 10 && document.querySelectorAll("#heaps tbody tr").length === 3);
const themeBefore = document.documentElement.dataset.theme; key(document.body, "t"); say("toggled", document.documentElement.dataset.theme !== themeBefore);
say("wide", document.documentElement.scrollWidth <= window.innerWidth);
document.documentElement.dataset.said = said.join(" ");
END
python3 - "$scratch" <<'PYTHON' || exit 1
import sys
there = sys.argv[1]
page = open(there + "/heap.html").read()
end = page.rindex("</script>")
open(there + "/driven.html", "w").write(page[:end] + open(there + "/user.js").read() + page[end:])
PYTHON
# open_page THEME WIDTH: 0 is dark, 1 light.
open_page() {
    timeout 60 "$browser" --headless --no-sandbox --disable-gpu --user-data-dir="$scratch/profile" --window-size="$2",900 \
        --blink-settings=preferredColorScheme="$1" --dump-dom "file://$scratch/driven.html" 2>"$scratch/browser.err" |
        sed -n 's/.*data-said="\([^"]*\)".*/\1/p' | head -n 1
}
probe=$(timeout 60 "$browser" --headless --no-sandbox --disable-gpu --user-data-dir="$scratch/profile" --dump-dom 'data:text/html,<p>up</p>' 2>/dev/null)
case $probe in
*up*) ;;
*) echo "SKIPPED: $browser does not run here"; exit 77 ;;
esac
for width in 1300 500; do
    for theme in 0:dark 1:light; do
        expect 0 "theme=${theme#*:} colours=true home=Segment 0, slice 0 moved=Segment 0, slice 9 segment=Segment 1, slice 9 end=true tip=true blocks=blocks\
 block=true back=map mode2=Fill+ mode3=Owner+ mode4=Memory+ chosen=1 sorted=true rows=true toggled=true wide=true" '' open_page "${theme%:*}" "$width"
    done
done
finish
