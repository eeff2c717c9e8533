// Colours and canvases of the heap page. SPDX-License-Identifier: MIT
const $ = (id) => document.getElementById(id);
const modes = [["class", "Size class"], ["fill", "Fill"], ["owner", "Owner"], ["state", "Memory"]];
let mode = "class", selected = 0, chosen = null, hover = -1, block = 0; // chosen: {cls} or {heap}, others are dimmed
let theme = {};

function readTheme() {
  const style = getComputedStyle(document.documentElement);
  for (const name of ["panel", "line", "text", "soft", "free", "warm", "claimed", "select", "used", "open", "accent"])
    theme[name] = style.getPropertyValue("--" + name).trim();
  theme.light = parseInt(style.getPropertyValue("--light"), 10);
}
// Neighbours differ in lightness, too.
const classColour = (cls) => `hsl(${Math.round(215 + cls / Math.max(1, data.classes.length - 1) * 290) % 360} 58% ${theme.light + (cls & 1 ? -10 : 5)}%)`;
const heapColour = (heap) => heap === NO_HEAP ? theme.claimed : `hsl(${Math.round(heap * 137.508 + 205) % 360} 55% ${theme.light}%)`;
const fillColour = (fill) => `hsl(${Math.round(12 + fill * 195)} 62% ${theme.light}%)`;
const largeColour = () => `hsl(280 12% ${theme.light}%)`;

function colourOf(slice) {
  if (runOf[slice] === -1) return warm[slice] && (resident[slice] === null || resident[slice] > 0) ? theme.warm : theme.free;
  const run = runs[runOf[slice]];
  if (run.kind === CLAIMED) return theme.claimed;
  if (mode === "state") return resident[slice] === null ? theme.used : `color-mix(in srgb, ${theme.used} ${Math.round(resident[slice] * 6.25)}%, ${theme.open})`;
  if (mode === "fill") return fillColour(fillOf(run));
  if (run.kind === LARGE) return largeColour();
  return mode === "class" ? classColour(run.cls) : heapColour(run.heap);
}
function dimmed(slice) {
  if (chosen === null) return false;
  const run = runOf[slice] === -1 ? null : runs[runOf[slice]];
  if (run === null || run.kind !== PAGE) return true;
  return chosen.cls !== undefined ? run.cls !== chosen.cls : run.heap !== chosen.heap;
}

function fit(canvas, width, height) {
  const scale = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  canvas.style.width = width + "px";
  canvas.style.height = height + "px";
  const context = canvas.getContext("2d");
  context.setTransform(scale, 0, 0, scale, 0, 0);
  return context;
}

// --- the map: segments in rows, each 8 by 4 slices
const ACROSS = 8;
let grid = { cell: 4, gap: 4, columns: 1 };
function layOut() {
  const width = $("mapside").clientWidth - 26, segments = Math.ceil(slices.length / data.segmentSlices);
  const rowsIn = data.segmentSlices / ACROSS;
  for (const cell of [12, 10, 8, 7, 6, 5, 4, 3, 2]) {
    const gap = Math.max(2, Math.round(cell * 0.7)), columns = Math.max(1, Math.floor(width / (cell * ACROSS + gap)));
    grid = { cell, gap, columns, width, rows: Math.ceil(segments / columns), stepX: cell * ACROSS + gap, stepY: cell * rowsIn + gap };
    if (grid.rows * grid.stepY <= 640) break;
  }
}
function placeOf(slice) {
  const segment = Math.floor(slice / data.segmentSlices), inside = slice % data.segmentSlices;
  return { x: segment % grid.columns * grid.stepX + inside % ACROSS * grid.cell,
    y: Math.floor(segment / grid.columns) * grid.stepY + Math.floor(inside / ACROSS) * grid.cell };
}
function sliceAt(x, y) {
  const column = Math.floor(x / grid.stepX), row = Math.floor(y / grid.stepY);
  const inX = Math.floor((x - column * grid.stepX) / grid.cell), inY = Math.floor((y - row * grid.stepY) / grid.cell);
  if (column >= grid.columns || x < 0 || y < 0 || inX >= ACROSS || inY >= data.segmentSlices / ACROSS) return -1;
  const slice = (row * grid.columns + column) * data.segmentSlices + inY * ACROSS + inX;
  return slice < slices.length ? slice : -1;
}
function mark(context, slice, colour) {
  const at = placeOf(slice);
  context.strokeStyle = colour;
  context.lineWidth = 2;
  context.strokeRect(at.x - 1, at.y - 1, grid.cell + 2, grid.cell + 2);
}
function drawMap() {
  layOut();
  const context = fit($("map"), grid.width, Math.max(20, grid.rows * grid.stepY));
  const thin = grid.cell >= 5 ? 1 : 0;
  let before = "";
  for (let i = 0; i < slices.length; i++) {
    const at = placeOf(i), colour = colourOf(i), joined = thin && runOf[i] !== -1 && runOf[i] === runOf[i + 1];
    if (colour !== before) { context.fillStyle = colour; before = colour; }
    context.globalAlpha = dimmed(i) ? 0.15 : 1;
    context.fillRect(at.x, at.y, grid.cell - (joined ? 0 : thin), grid.cell - thin);
  }
  context.globalAlpha = 1;
  if (slices.length !== 0) mark(context, selected, theme.select);
}

// --- the selected segment, and the blocks of the selected page
function drawSegment() {
  const first = selected - selected % data.segmentSlices, width = $("segment").parentElement.clientWidth - 26, cell = width / ACROSS;
  const context = fit($("segment"), width, cell * data.segmentSlices / ACROSS * 0.55);
  for (let i = 0; i < data.segmentSlices && first + i < slices.length; i++) {
    const x = i % ACROSS * cell, y = Math.floor(i / ACROSS) * cell * 0.55, run = runOf[first + i];
    const joined = run !== -1 && run === runOf[first + i + 1] && i % ACROSS !== ACROSS - 1;
    context.fillStyle = colourOf(first + i);
    context.fillRect(x, y, cell - (joined ? 0 : 3), cell * 0.55 - 3);
    if (run !== -1 && runs[run].kind === PAGE) { // the part that is not in use, from the top
      context.fillStyle = theme.panel;
      context.globalAlpha = 0.62;
      context.fillRect(x, y, cell - (joined ? 0 : 3), (cell * 0.55 - 3) * (1 - fillOf(runs[run])));
      context.globalAlpha = 1;
    }
    if (first + i === selected) {
      context.strokeStyle = theme.select;
      context.lineWidth = 2;
      context.strokeRect(x + 1, y + 1, cell - 5, cell * 0.55 - 5);
    }
  }
}
let blockGrid = { columns: 1, cell: 4 };
function drawBlocks() {
  const run = runOf[selected] === -1 ? null : runs[runOf[selected]], width = $("blocks").parentElement.clientWidth - 26;
  $("blocks").hidden = run === null || run.kind !== PAGE;
  if ($("blocks").hidden) { $("block").textContent = ""; return; }
  const capacity = data.classes[run.cls].capacity;
  const columns = Math.max(2, Math.ceil(Math.sqrt(capacity * 1.6))), cell = width / columns;
  blockGrid = { columns, cell };
  const context = fit($("blocks"), width, Math.max(8, Math.ceil(capacity / columns) * cell));
  const gap = cell >= 6 ? 1 : cell >= 3.5 ? 0.5 : 0;
  for (let i = 0; i < capacity; i++) {
    const free = blockIsFree(run, i);
    context.fillStyle = i >= run.carved ? theme.free : free ? theme.open : run.bits === NO_BITS ? theme.claimed : theme.used;
    context.fillRect(i % columns * cell, Math.floor(i / columns) * cell, cell - gap, cell - gap);
  }
  block = Math.min(block, capacity - 1);
  context.strokeStyle = theme.select;
  context.lineWidth = 1.5;
  context.strokeRect(block % columns * cell, Math.floor(block / columns) * cell, cell - gap, cell - gap);
  const state = block >= run.carved ? "never made" : run.bits === NO_BITS ? "not known" : blockIsFree(run, block) ? "free" : "in use";
  const base = BigInt(data.arenas[run.arena].base) + BigInt(run.index) * BigInt(data.sliceSize);
  $("block").textContent = `block ${block} at 0x${(base + BigInt(block) * BigInt(data.classes[run.cls].size)).toString(16)}: ${state}`;
}
