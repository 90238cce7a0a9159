// The data, the boxes and frames that stand for it, and folds that open.

const DATA = JSON.parse(document.getElementById("data").textContent);
const { steps, folds, ops, texts } = DATA;
const EMBEDDED = window.self !== window.top;
const MOST_OPEN = 1500;
const byId = (id) => document.getElementById(id);
const [svg, world, panel] = ["graph", "world", "panel"].map(byId);
const measure = document.createElement("canvas").getContext("2d");

// --- the data ------------------------------------------------------------------------

const opened = new Set(DATA.opened);
const sequence = []; // the indices of the steps, as they run
steps.forEach((step, i) => { if (step.n) sequence[step.n - 1] = i; });
const insideOf = folds.map(() => ({ steps: [], folds: [] }));
const outside = { steps: [], folds: [] };
folds.forEach(([, , parent], f) => (parent < 0 ? outside : insideOf[parent]).folds.push(f));
steps.forEach((step, i) => (step.fold < 0 ? outside : insideOf[step.fold]).steps.push(i));
// All the steps in each fold, also those in folds inside it.
const held = folds.map(() => []);
steps.forEach((step, i) => { for (let f = step.fold; f >= 0; f = folds[f][2]) held[f].push(i); });
// The first and the last step of each fold, as they run.
const span = held.map((inner) => inner.reduce(
  ([low, high], i) => (steps[i].n ? [Math.min(low, steps[i].n), Math.max(high, steps[i].n)] : [low, high]), [Infinity, 0]));
const givers = steps.map(() => []);
steps.forEach((step, i) => (step.edges || []).forEach(([below]) => givers[below].push(i)));

const titleOf = (i) => steps[i].name || ops[steps[i].op][0].replace("nn.functional.", "");
// A name without that of the fold that its box is in; of `layers.3` no bare number is left.
function shortName(name, f) {
  const inside = f >= 0 && folds[f][3] && name.startsWith(`${folds[f][0]}.`) ? name.slice(folds[f][0].length + 1) : name;
  return /^\d+$/.test(inside) ? name.split(".").slice(-2).join(".") : inside;
}

const valueText = ([shape, dtype]) => `${texts[shape]} ${texts[dtype]}`;

function bytesText(count) {
  for (const unit of ["B", "KB", "MB"]) {
    if (count < 1000) return `${unit === "B" ? count : Number(count.toPrecision(3))} ${unit}`;
    count /= 1000;
  }
  return `${Number(count.toPrecision(3))} GB`;
}

function plural(count, one, many = `${one}s`) {
  return `${count.toLocaleString("en")} ${count === 1 ? one : many}`;
}

// The fold that stands for a step: the outermost closed one it is in; -1 if it is seen itself.
function standIn(i) {
  let found = -1;
  for (let f = steps[i].fold; f >= 0; f = folds[f][2]) if (!opened.has(f)) found = f;
  return found;
}

const keyOf = (i) => { const f = standIn(i); return f < 0 ? `s${i}` : `f${f}`; };

// --- boxes ---------------------------------------------------------------------------

function element(name, attributes = {}, ...children) {
  const made = name === name.toLowerCase() && ["g", "rect", "text", "tspan", "path"].includes(name)
    ? document.createElementNS("http://www.w3.org/2000/svg", name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function flowLine(flow) {
  const [, norm, , odd] = flow;
  return odd ? [`gradient: ${odd} of its elements nan or inf`, "small odd"] : [`|gradient| ${norm}`, "small"];
}

function stepLines(i) {
  const step = steps[i];
  const lines = [[shortName(titleOf(i), step.fold), "title"]];
  if (DATA.shapes) for (const value of (step.out || []).filter(Boolean).slice(0, 4)) lines.push([valueText(value), "small"]);
  if (DATA.saved && step.freed) lines.push(["saved tensors freed", "small"]);
  else if (DATA.saved && step.bytes) lines.push([`saves ${bytesText(step.bytes)}`, "small"]);
  for (const flow of (step.flow || []).filter(Boolean).slice(0, 2)) lines.push(flowLine(flow));
  return lines;
}

function foldLines(f) {
  const [name, kind, parent] = folds[f];
  const inner = held[f];
  const leaves = inner.filter((i) => steps[i].leaf).length;
  const lines = [[`+ ${shortName(name, parent)}`, "title"]];
  if (kind) lines.push([kind, "small"]);
  const counts = [inner.length > leaves && plural(inner.length - leaves, "op"), leaves && plural(leaves, "leaf", "leaves")];
  lines.push([counts.filter(Boolean).join(", "), "small"]);
  const bytes = inner.reduce((sum, i) => sum + (steps[i].bytes || 0), 0);
  if (DATA.saved && bytes) lines.push([`saves ${bytesText(bytes)}`, "small"]);
  const odd = inner.filter((i) => (steps[i].flow || []).some((flow) => flow && flow[3])).length;
  if (odd) lines.push([`nan or inf at ${plural(odd, "step")}`, "small odd"]);
  return lines;
}

function textWidth(text, style) {
  measure.font = style === "title" ? "600 13px system-ui, sans-serif" : "11px system-ui, sans-serif";
  return measure.measureText(text).width;
}

function boxOf(key, lines, kind, number) {
  const short = lines.map(([text, style]) => [text.length > 44 ? `${text.slice(0, 20)}…${text.slice(-22)}` : text, style]);
  const badge = number ? textWidth(`${number}`, "small") + 8 : 0;
  const widths = short.map(([text, style], i) => textWidth(text, style) + (i ? 0 : badge));
  return { key, kind, number, badge, lines: short, w: Math.ceil(Math.max(44, ...widths) + 22), h: 15 * lines.length + 13 };
}

function groupOf(f) {
  const { steps: own, folds: inner } = f < 0 ? outside : insideOf[f];
  const items = own.map((i) => boxOf(`s${i}`, stepLines(i), steps[i].leaf ? "leaf" : "op", steps[i].n));
  for (const child of inner) {
    items.push(opened.has(child) ? groupOf(child) : boxOf(`f${child}`, foldLines(child), "fold"));
  }
  if (f < 0) DATA.outputs.forEach(([name], o) => items.unshift(boxOf(`o${o}`, [[name, "title"]], "output")));
  const first = (key) => (key[0] === "o" ? -1 : key[0] === "s" ? +key.slice(1) : held[+key.slice(1)][0]);
  items.sort((a, b) => first(a.key) - first(b.key));
  const barWidth = f < 0 ? 0 : textWidth(folds[f][0], "title") + textWidth(folds[f][1], "small") + 46;
  return { key: f < 0 ? "root" : `f${f}`, fold: f, items, barWidth };
}

// --- drawing -------------------------------------------------------------------------

let boxes = new Map(); // by key: {item, node}
let lines = []; // {from, to, pairs, node}
let size = { w: 1, h: 1 };
let picked = null;

function draw() {
  const root = groupOf(-1);
  const joined = new Map();
  const join = (from, to, pair) => {
    if (from === to) return;
    const key = `${from} ${to}`;
    if (!joined.has(key)) joined.set(key, { from, to, pairs: [] });
    joined.get(key).pairs.push(pair);
  };
  DATA.outputs.forEach(([, i], o) => join(`o${o}`, keyOf(i), [-1, i]));
  const keys = steps.map((_, i) => keyOf(i));
  steps.forEach((step, i) => { for (const [below] of step.edges || []) join(keys[i], keys[below], [i, below]); });
  lines = [...joined.values()];
  const routes = layoutAll(root, lines.map(({ from, to }) => [from, to]));
  size = { w: root.w, h: root.h };
  boxes = new Map();
  world.replaceChildren();
  root.items.filter((item) => item.items).forEach(drawFrame);
  lines.forEach((line, n) => {
    line.node = element("path", { class: "edge", d: lineThrough(routes[n]) });
    world.append(line.node);
  });
  (function drawAll(group) {
    for (const item of group.items) {
      if (item.items) drawAll(item);
      else drawBox(item);
    }
  })(root);
  byId("open").disabled = steps.length > MOST_OPEN || opened.size === folds.length;
  if (steps.length > MOST_OPEN) byId("open").title = "Too many steps to be shown at once: click a fold to open it";
  byId("close").disabled = !opened.size;
  mark();
}

function drawFrame(group) {
  const [full, kind, parent] = folds[group.fold];
  const name = shortName(full, parent);
  const bar = element("g", { class: "bar", tabindex: 0, role: "button", "aria-label": `Fold ${name}`, "data-fold": group.fold },
    element("rect", { x: group.x, y: group.y, width: group.w, height: GAP.bar, rx: 8 }),
    element("text", { x: group.x + 12, y: group.y + 18 },
      element("tspan", { class: "title" }, `\u2212 ${name}`), element("tspan", { dx: 8 }, kind)));
  onClick(bar, () => toggle(group.fold));
  world.append(element("g", { class: "frame" },
    element("rect", { class: "back", x: group.x, y: group.y, width: group.w, height: group.h, rx: 10 }), bar));
  group.items.filter((item) => item.items).forEach(drawFrame);
}

function drawBox(item) {
  const { key, kind, x, y, w, h } = item;
  const index = +key.slice(1);
  const label = item.lines.map(([text]) => text).join(", ");
  const node = element("g", { class: `box ${kind}`, tabindex: kind === "output" ? -1 : 0, role: kind === "output" ? "img" : "button", "aria-label": `${kind === "fold" ? "Open " : ""}${item.number ? `step ${item.number}, ` : ""}${label}`, "data-key": key });
  const round = kind === "leaf" || kind === "output" ? h / 2 > 16 ? 16 : h / 2 : 7;
  if (kind === "fold") node.append(element("rect", { x: x + 4, y: y + 4, width: w, height: h, rx: 7 }));
  node.append(element("rect", { class: "card", x, y, width: w, height: h, rx: round }));
  item.lines.forEach(([text, style], n) => {
    const at = element("text", { class: style, x: x + w / 2, y: y + 19 + 15 * n, "text-anchor": "middle" });
    if (!n && item.number) at.append(element("tspan", { class: "number" }, `${item.number}  `));
    at.append(text);
    node.append(at);
  });
  if (kind === "fold") onClick(node, () => toggle(index));
  if (kind === "leaf" || kind === "op") {
    onClick(node, () => pick(index));
    if (DATA.watched && !steps[index].n) node.classList.add("unreached");
  }
  world.append(node);
  boxes.set(key, { item, node });
}

function onClick(node, act) {
  node.addEventListener("click", () => { if (!dragged) act(); });
  node.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    act();
  });
}

// Open or close a fold, and keep what was clicked where it is.
function toggle(f) {
  const before = screenPlace(`f${f}`);
  if (!opened.delete(f)) opened.add(f);
  draw();
  const after = screenPlace(`f${f}`);
  if (before && after) {
    view.x += before[0] - after[0];
    view.y += before[1] - after[1];
  }
  show();
  const node = world.querySelector(`[data-fold="${f}"], [data-key="f${f}"]`);
  if (node) node.focus({ preventScroll: true });
}

function screenPlace(key) {
  const node = world.querySelector(`[data-key="${key}"], [data-fold="${key.slice(1)}"]`);
  if (!node) return null;
  const { left, top } = node.getBoundingClientRect();
  return [left, top];
}

function reveal(i) {
  let changed = false;
  for (let f = steps[i].fold; f >= 0; f = folds[f][2]) {
    if (!opened.has(f)) { opened.add(f); changed = true; }
  }
  if (changed) draw();
}
