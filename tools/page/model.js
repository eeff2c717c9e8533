// What the command wrote, unpacked: one entry per slice tells its run. SPDX-License-Identifier: MIT
const data = JSON.parse(document.getElementById("data").textContent);
const FREE = 0, PAGE = 1, LARGE = 2, CLAIMED = 3;
const NO_BITS = 0xffffffff, ALL_USED = 0xfffffffe, NO_HEAP = 0xffff;

function bytesOf(text) {
  const raw = atob(text), bytes = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
  return bytes;
}

const blockBits = bytesOf(data.bits);
const runs = [];   // {arena, index, span, kind, cls, heap, used, carved, size, bits}
const slices = []; // of all arenas in a row: {arena, index}
const runOf = [];  // run number of each, -1: free
const firstOf = [];
const resident = [], warm = [];

function unpackArena(arena, number) {
  const view = new DataView(bytesOf(arena.runs).buffer), start = slices.length;
  const dirty = new DataView(bytesOf(arena.dirty).buffer);
  const there = arena.resident === null ? null : bytesOf(arena.resident);
  firstOf.push(start);
  for (let i = 0; i < arena.slices; i++) {
    slices.push({ arena: number, index: i });
    runOf.push(-1);
    warm.push((dirty.getUint32((i >> 5) * 4, true) >>> (i & 31)) & 1);
    resident.push(there === null ? null : there[i]);
  }
  for (let at = 0; at < view.byteLength; at += 20) {
    const run = { arena: number, index: view.getUint32(at, true), span: view.getUint32(at + 4, true), kind: view.getUint8(at + 8),
      cls: view.getUint8(at + 9), heap: view.getUint16(at + 10, true), bits: view.getUint32(at + 16, true) };
    if (run.kind === LARGE) run.size = view.getUint32(at + 12, true) * 4096;
    else { run.used = view.getUint16(at + 12, true); run.carved = view.getUint16(at + 14, true); }
    for (let i = 0; i < run.span; i++) runOf[start + run.index + i] = runs.length;
    runs.push(run);
  }
}
data.arenas.forEach(unpackArena);

function human(bytes) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (bytes >= 1024 && unit < 4) { bytes /= 1024; unit++; }
  return (unit === 0 ? bytes : bytes.toFixed(1)) + " " + units[unit];
}
const count = (n) => n.toLocaleString("en");
const percent = (part, whole) => whole === 0 ? "-" : (100 * part / whole).toFixed(1) + " %";

function addressOf(slice) {
  const at = slices[slice];
  return "0x" + (BigInt(data.arenas[at.arena].base) + BigInt(at.index) * BigInt(data.sliceSize)).toString(16);
}
// How much of a run's memory holds blocks of the program, 0 to 1.
function fillOf(run) {
  if (run.kind === PAGE) return run.used * data.classes[run.cls].size / (run.span * data.sliceSize);
  return run.kind === LARGE ? Math.min(1, run.size / (run.span * data.sliceSize)) : 1;
}
const heapName = (heap) => heap === NO_HEAP ? "no heap" : data.heaps[heap].label;
function blockIsFree(run, block) {
  if (run.bits === ALL_USED || run.bits === NO_BITS) return false;
  return (blockBits[run.bits + (block >> 3)] >> (block & 7) & 1) === 1;
}

// What could go back to the system: free slices that are resident, and pages without a block in use.
function purgeable() {
  let idle = 0, empty = 0;
  const slice = (i) => resident[i] === null ? data.sliceSize : resident[i] * data.sliceSize / 16;
  for (let i = 0; i < slices.length; i++) {
    if (runOf[i] === -1) { if (warm[i]) idle += slice(i); continue; }
    const run = runs[runOf[i]];
    if (run.kind === PAGE && run.used === 0) empty += slice(i);
  }
  return { idle, empty };
}

function describe(slice) {
  const run = runOf[slice] === -1 ? null : runs[runOf[slice]], facts = [["address", addressOf(slice)]];
  if (run === null) {
    facts.push(["state", warm[slice] ? "free, not given back yet" : "free"]);
  } else if (run.kind === PAGE) {
    const cls = data.classes[run.cls];
    facts.push(["page of", count(cls.size) + " B blocks"], ["in use", count(run.used) + " of " + count(cls.capacity)],
      ["fill", percent(run.used * cls.size, run.span * data.sliceSize)], ["made so far", count(run.carved)],
      ["heap", heapName(run.heap)], ["memory", human(run.span * data.sliceSize)]);
  } else if (run.kind === LARGE) {
    facts.push(["large block", human(run.size)], ["slices", count(run.span)]);
  } else {
    facts.push(["state", "claimed, of no page: in the midst of a change"]);
  }
  if (resident[slice] !== null) facts.push(["resident", human(resident[slice] * data.sliceSize / 16) + " of the slice"]);
  return facts;
}
