// What the user does on the heap page. SPDX-License-Identifier: MIT
function rows(list, facts) {
  list.replaceChildren(...facts.flatMap(([name, value]) => {
    const dt = document.createElement("dt"), dd = document.createElement("dd");
    dt.textContent = name;
    dd.textContent = value;
    return [dt, dd];
  }));
}
function showSelected() {
  if (slices.length === 0) return;
  const segment = Math.floor(selected / data.segmentSlices);
  $("what").textContent = `Segment ${segment}, slice ${selected % data.segmentSlices}`;
  rows($("facts"), describe(selected));
  drawSegment();
  drawBlocks();
}
function select(slice) {
  if (slices.length === 0) return;
  selected = Math.max(0, Math.min(slices.length - 1, slice));
  block = 0;
  drawMap();
  showSelected();
}
function redraw() {
  readTheme();
  drawMap();
  showSelected();
  drawLegend();
  drawTables();
}

// --- legend and tiles
function drawLegend() {
  const item = (colour, text) => `<span><i style="background:${colour}"></i>${text}</span>`;
  const ramp = (colours, from, to) => `<span>${from} <i class="ramp" style="background:linear-gradient(90deg,${colours.join()})"></i>${to}</span>`;
  const steps = [0, 0.25, 0.5, 0.75, 1];
  let html = "";
  if (mode === "class") html = ramp(steps.map((s) => classColour(Math.round(s * (data.classes.length - 1)))), data.classes[0].size + " B", human(data.classes.at(-1).size)) + item(largeColour(), "large");
  else if (mode === "fill") html = ramp(steps.map(fillColour), "0 %", "100 % in use");
  else if (mode === "owner") html = item(largeColour(), "large, of no heap");
  else html = resident.some((r) => r !== null) ? ramp([theme.open, theme.used], "not resident", "resident") : item(theme.used, "in use");
  $("legend").innerHTML = html + item(theme.warm, "free, resident") + item(theme.free, "free");
}
function drawTiles() {
  const f = data.figures, back = purgeable(), inPages = data.classes.reduce((sum, c) => sum + c.slices * data.sliceSize, 0);
  const held = data.classes.reduce((sum, c) => sum + c.held * c.size, 0);
  const tiles = [[human(f.allocated), `allocated, ${count(f.allocated_blocks)} blocks`], [human(f.in_use), "in use: pages and large blocks"],
    [percent(f.allocated, f.in_use), "of that is allocated"], [human(Math.max(0, inPages - held)), `free inside pages (${percent(inPages - held, inPages)})`],
    [human(back.idle), "free slices: purge returns these"], [human(back.empty), "in empty pages that heaps keep"],
    [human(f.committed), "committed"], [f.resident === undefined ? "-" : human(f.resident), "resident, the whole process"]];
  $("tiles").replaceChildren(...tiles.map(([value, text]) => {
    const tile = document.createElement("div"), b = document.createElement("b"), span = document.createElement("span");
    tile.className = "tile";
    b.textContent = value;
    span.textContent = text;
    tile.append(b, span);
    return tile;
  }));
}

// --- tables
const tables = {
  classes: { sort: 5, heads: ["block size", "pages", "blocks in use", "free", "in use", "memory", "fill"],
    rows: () => data.classes.map((c, i) => ({ key: { cls: i }, colour: classColour(i), cells: [[c.size, count(c.size) + " B"], [c.pages, count(c.pages)], [c.held, count(c.held)],
      [c.pages * c.capacity - c.held, count(c.pages * c.capacity - c.held)], [c.held * c.size, human(c.held * c.size)], [c.slices, human(c.slices * data.sliceSize)],
      [c.held * c.size / Math.max(1, c.slices * data.sliceSize), null]] })).filter((r) => r.cells[1][0] !== 0) },
  heaps: { sort: 3, heads: ["heap", "thread", "pages", "memory", "blocks out", "ready", "inbox", "unsent", "fill"],
    rows: () => data.heaps.map((h, i) => ({ key: { heap: i }, colour: heapColour(i), cells: [[i, h.label], [h.thread, h.thread === 0 ? "-" : String(h.thread)], [h.pages, count(h.pages)],
      [h.slices, human(h.slices * data.sliceSize)], [h.out, human(h.out)], [h.ready, human(h.ready)], [h.inbox, human(h.inbox)], [h.unsent, human(h.unsent)],
      [h.out / Math.max(1, h.slices * data.sliceSize), null]] })) },
};
function meter(fill) {
  return `${(100 * fill).toFixed(1)} %<span class="meter"><i style="width:${Math.round(100 * Math.min(1, fill))}%"></i></span>`;
}
function drawTable(id) {
  const table = tables[id], head = document.createElement("thead"), body = document.createElement("tbody"), line = head.insertRow();
  table.heads.forEach((text, i) => {
    const cell = document.createElement("th"), button = document.createElement("button");
    button.type = "button";
    button.textContent = text;
    if (table.sort === i) button.setAttribute("aria-sort", "descending");
    button.onclick = () => { table.sort = i; drawTable(id); };
    cell.append(button);
    line.append(cell);
  });
  for (const row of table.rows().sort((a, b) => b.cells[table.sort][0] - a.cells[table.sort][0])) {
    const line2 = body.insertRow(), on = chosen !== null && JSON.stringify(chosen) === JSON.stringify(row.key);
    line2.tabIndex = 0;
    line2.setAttribute("aria-selected", on);
    const choose = () => { chosen = on ? null : row.key; drawTables(); drawMap(); };
    line2.onclick = choose;
    line2.onkeydown = (event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); choose(); } };
    row.cells.forEach(([value, text], i) => {
      const cell = line2.insertCell();
      if (text === null) { cell.innerHTML = meter(value); return; }
      cell.textContent = text;
      if (i === 0) cell.insertAdjacentHTML("afterbegin", `<span class="swatch" style="background:${row.colour}"></span>`);
    });
  }
  $(id).replaceChildren(head, body);
}
function drawTables() { drawTable("classes"); drawTable("heaps"); }

// --- mouse and keys
function showTip(event, text) {
  const tip = $("tip");
  tip.hidden = text === "";
  tip.textContent = text;
  tip.style.left = Math.min(event.clientX + 14, window.innerWidth - tip.offsetWidth - 8) + "px";
  tip.style.top = Math.min(event.clientY + 16, window.innerHeight - tip.offsetHeight - 8) + "px";
}
function setMode(name) {
  mode = name;
  for (const button of $("modes").children) button.setAttribute("aria-checked", button.dataset.mode === name);
  drawMap();
  drawSegment();
  drawLegend();
}
function toggleTheme() {
  document.documentElement.dataset.theme = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
  redraw();
}
function moved(event, now, across, last) {
  const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -across, ArrowDown: across, PageUp: -data.segmentSlices, PageDown: data.segmentSlices, Home: -Infinity, End: Infinity };
  if (steps[event.key] === undefined) return now;
  event.preventDefault();
  return Math.max(0, Math.min(last, now + steps[event.key]));
}
$("map").onmousemove = (event) => {
  const slice = sliceAt(event.offsetX, event.offsetY);
  showTip(event, slice === -1 ? "" : describe(slice).map(([name, value]) => name + ": " + value).join("\n"));
};
$("map").onmouseleave = () => { $("tip").hidden = true; };
$("map").onclick = (event) => { const slice = sliceAt(event.offsetX, event.offsetY); if (slice !== -1) select(slice); };
$("map").onkeydown = (event) => {
  const to = moved(event, selected, ACROSS, slices.length - 1);
  if (to !== selected) select(to);
  if (event.key === "Enter" && !$("blocks").hidden) $("blocks").focus();
};
$("segment").onclick = (event) => {
  const cell = $("segment").clientWidth / ACROSS, first = selected - selected % data.segmentSlices;
  select(first + Math.floor(event.offsetY / (cell * 0.55)) * ACROSS + Math.floor(event.offsetX / cell));
};
$("blocks").onclick = (event) => { block = Math.floor(event.offsetY / blockGrid.cell) * blockGrid.columns + Math.floor(event.offsetX / blockGrid.cell); drawBlocks(); };
$("blocks").onkeydown = (event) => {
  const run = runs[runOf[selected]];
  block = moved(event, block, blockGrid.columns, run === undefined ? 0 : data.classes[run.cls].capacity - 1);
  if (event.key === "Escape") $("map").focus();
  else drawBlocks();
};
document.onkeydown = (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key >= "1" && event.key <= "4") setMode(modes[event.key - 1][0]);
  else if (event.key === "t") toggleTheme();
};
$("theme").onclick = toggleTheme;
window.onresize = redraw;

document.title = `Heap of ${data.program || "a process"}`;
$("title").textContent = `Heap of ${data.program || "a process"}${data.pid === 0 ? "" : " (" + data.pid + ")"}`;
$("subtitle").textContent = `${data.core ? "core file" : data.still ? "frozen while it was read" : "read while it ran"}, ${data.when}, roost ${data.version}` +
  (data.blocksLeftOut === 0 ? "" : `; blocks of ${count(data.blocksLeftOut)} pages are left out`);
$("modes").replaceChildren(...modes.map(([name, text], i) => {
  const button = document.createElement("button");
  button.type = "button";
  button.dataset.mode = name;
  button.setAttribute("role", "radio");
  button.setAttribute("aria-checked", name === mode);
  button.title = `key ${i + 1}`;
  button.textContent = text;
  button.onclick = () => setMode(name);
  return button;
}));
document.documentElement.dataset.theme = window.matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
// A place can be linked to: heap.html#colour=fill&slice=77&theme=dark
const wanted = new URLSearchParams(window.location.hash.slice(1));
if (wanted.has("theme")) document.documentElement.dataset.theme = wanted.get("theme");
selected = Math.max(0, Math.min(slices.length - 1, wanted.has("slice") ? Number(wanted.get("slice")) || 0 : runOf.findIndex((run) => run !== -1)));
drawTiles();
redraw();
if (modes.some(([name]) => name === wanted.get("colour"))) setMode(wanted.get("colour"));
document.documentElement.dataset.ready = String(Math.round(performance.now()));
