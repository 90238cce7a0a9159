// What is done with the drawing: zoom, the panel, search, and the backward step by step.

// --- zoom and pan --------------------------------------------------------------------

const view = { x: 0, y: 0, k: 1 };
let dragged = false;
const touches = new Map();

function show() {
  world.setAttribute("transform", `translate(${view.x} ${view.y}) scale(${view.k})`);
}

function zoom(factor, x = svg.clientWidth / 2, y = svg.clientHeight / 2) {
  const k = Math.min(4, Math.max(0.02, view.k * factor));
  view.x = x - (x - view.x) * (k / view.k);
  view.y = y - (y - view.y) * (k / view.k);
  view.k = k;
  show();
}

// All of it; or, at first, its top, in a size that can be read.
function fit(least = 0) {
  const [w, h] = [svg.clientWidth, svg.clientHeight];
  view.k = Math.min(1.25, Math.max(least, Math.min(w / (size.w + 20), h / (size.h + 20))));
  view.x = (w - size.w * view.k) / 2;
  view.y = Math.max(0, (h - size.h * view.k) / 2);
  if (least && size.w * view.k > w) view.x = w / 2 - centreOf("o0")[0] * view.k;
  show();
}

function centreOf(key) {
  const { x, y, w, h } = boxes.get(key).item;
  return [x + w / 2, y + h / 2];
}

function bringIntoView(key, always = false) {
  if (!boxes.has(key)) return;
  const [x, y] = centreOf(key);
  const [left, top] = [x * view.k + view.x, y * view.k + view.y];
  const [w, h] = [svg.clientWidth, svg.clientHeight];
  if (always || left < 60 || top < 40 || left > w - 60 || top > h - 50) {
    view.x = w / 2 - x * view.k;
    view.y = h / 2 - y * view.k;
    show();
  }
}

svg.addEventListener("wheel", (event) => {
  if (EMBEDDED && !event.ctrlKey && !event.metaKey) return; // the notebook scrolls
  event.preventDefault();
  const { left, top } = svg.getBoundingClientRect();
  zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0018)), event.clientX - left, event.clientY - top);
}, { passive: false });

svg.addEventListener("pointerdown", (event) => {
  touches.set(event.pointerId, [event.clientX, event.clientY]);
  if (touches.size === 1) dragged = false;
});
window.addEventListener("pointermove", (event) => {
  const old = touches.get(event.pointerId);
  if (!old) return;
  const now = [event.clientX, event.clientY];
  const other = [...touches].find(([id]) => id !== event.pointerId)?.[1];
  if (!dragged && Math.hypot(now[0] - old[0], now[1] - old[1]) < 4) return;
  dragged = true;
  svg.classList.add("moving");
  touches.set(event.pointerId, now);
  if (other) {
    const { left, top } = svg.getBoundingClientRect();
    const apart = (p) => Math.hypot(p[0] - other[0], p[1] - other[1]) || 1;
    zoom(apart(now) / apart(old), (now[0] + other[0]) / 2 - left, (now[1] + other[1]) / 2 - top);
  } else {
    view.x += now[0] - old[0];
    view.y += now[1] - old[1];
    show();
  }
});
for (const name of ["pointerup", "pointercancel"]) {
  window.addEventListener(name, (event) => {
    touches.delete(event.pointerId);
    svg.classList.remove("moving");
  });
}

// --- the panel -----------------------------------------------------------------------

function table(head, rows) {
  const cells = (kind, row) => element("tr", {}, ...row.map((cell) => element(kind, cell && cell.odd ? { class: "odd" } : {}, cell && cell.odd ? cell.odd : cell)));
  return element("table", {}, element("thead", {}, cells("th", head)), element("tbody", {}, ...rows.map((row) => cells("td", row))));
}

function link(i) {
  const name = `${steps[i].n ? `${steps[i].n} ` : ""}${titleOf(i)}`;
  const made = element("button", { class: "link" }, name);
  made.addEventListener("click", () => { reveal(i); pick(i); bringIntoView(keyOf(i)); });
  return made;
}

function flowRow(flow, name) {
  const [shape, norm, , odd] = flow;
  return [name, shape, norm, odd ? { odd: `${odd} nan or inf` } : ""];
}

function panelParts(i) {
  const step = steps[i];
  const [op, category, formula, about] = ops[step.op];
  const parts = [element("h2", {}, titleOf(i))];
  const add = (title, ...nodes) => parts.push(...(title ? [element("h3", {}, title)] : []), ...nodes);
  const number = step.n ? `step ${step.n} of ${sequence.length}` : "no gradient gets here";
  add("", element("p", { class: "soft" }, [op, step.leaf || category === "own" ? "" : category, number].filter(Boolean).join(" · ")));
  const path = [];
  for (let f = step.fold; f >= 0; f = folds[f][2]) if (folds[f][3]) path.push(folds[f][0]);
  if (path.length) add("", element("p", { class: "soft" }, `in ${path[0]}`));
  if (formula) add("", element("p", { class: "formula" }, formula));
  if (about) add("", element("p", {}, about));
  const outs = (step.out || []).map((value, n) => value && [step.out.length > 1 ? `output ${n}` : step.leaf ? "leaf" : "output", ...value.map((t) => texts[t])]);
  add("Shape", table(["", "shape", "dtype"], outs.filter(Boolean)));
  if (step.flow) add("Gradient that flowed", table(["", "shape", "norm", ""], step.flow.map((flow, n) => flow && flowRow(flow, step.flow.length > 1 ? `of output ${n}` : "")).filter(Boolean)));
  else if (!DATA.watched) add("Gradient that flowed", element("p", { class: "soft" }, "pg.draw(y, gradients=True) shows it"));
  if (step.grad) add("Its grad now", table(["", "shape", "norm", ""], [flowRow(step.grad, "")]));
  if (step.edges) add("Goes on to", table(["gradient of", "step"], step.edges.map(([below, output, name]) => [texts[name], linkTo(below, output)])));
  const from = [...new Set(givers[i])];
  if (from.length) add("Comes from", element("p", {}, ...from.flatMap((above, n) => (n ? [", ", link(above)] : [link(above)]))));
  if (step.freed) add("Saved", element("p", {}, "freed by a backward"));
  if (step.saved) add("Saved", table(["name", "shape", "dtype", "bytes"], step.saved.map(savedRow)));
  if (step.options) add("Options", table(["", ""], step.options));
  if (step.hooks) add("Hooks", ...step.hooks.map((hook) => element("p", {}, hook)));
  if (step.lines) add("Forward was called here", element("pre", {}, step.lines.map((line) => texts[line]).join("\n")));
  else if (!step.leaf) add("Forward was called here", element("p", { class: "soft" }, "noted inside plugrad.detect_anomaly()"));
  return parts;
}

function linkTo(below, output) {
  const made = link(below);
  if ((steps[below].out || []).length > 1) made.append(`, output ${output}`);
  return made;
}

function savedRow([name, note, shape, dtype, bytes]) {
  const said = texts[note] ? `${texts[name]} (${texts[note]})` : texts[name];
  return shape === undefined ? [said, "", "", ""] : [said, texts[shape], texts[dtype], bytesText(bytes)];
}

function pick(i) {
  picked = i;
  const shut = element("button", { class: "shut", "aria-label": "Close" }, "\u00D7");
  shut.addEventListener("click", unpick);
  panel.replaceChildren(shut, ...panelParts(i));
  panel.hidden = false;
  panel.scrollTop = 0;
  mark();
  bringIntoView(keyOf(i));
}

function unpick() {
  picked = null;
  panel.hidden = true;
  mark();
}

// --- step by step --------------------------------------------------------------------

let at = 0; // how many steps have begun: 0 before the first
let timer = null;

function numbersOf(key) {
  const index = +key.slice(1);
  if (key[0] === "o") return [0, 0];
  return key[0] === "f" ? span[index] : [steps[index].n || Infinity, steps[index].n || 0];
}

function mark() {
  const now = at ? sequence[at - 1] : null;
  const nowKey = now === null ? null : keyOf(now);
  svg.classList.toggle("playing", at > 0);
  for (const [key, { node }] of boxes) {
    const [first, last] = numbersOf(key);
    node.classList.toggle("now", key === nowKey);
    node.classList.toggle("ahead", first > at);
    node.classList.toggle("done", last > 0 && last < at);
    node.classList.toggle("picked", picked !== null && key === keyOf(picked));
  }
  const [firstBox] = boxes.values();
  for (const { pairs, node, from, to } of lines) {
    const hot = now !== null && pairs.some(([i]) => i === now);
    const near = picked !== null && [from, to].includes(keyOf(picked));
    node.classList.toggle("hot", hot);
    node.classList.toggle("near", near);
    node.classList.toggle("ahead", pairs.every(([i]) => i >= 0 && (steps[i].n || Infinity) > at));
    if (hot || near) world.insertBefore(node, firstBox.node); // above the other lines
  }
  byId("slider").value = at;
  byId("step").textContent = at ? `step ${at} of ${sequence.length}: ${titleOf(now)}` : plural(sequence.length, "step");
  for (const id of ["first", "back"]) byId(id).disabled = at === 0;
  byId("forward").disabled = at === sequence.length;
}

function goTo(step) {
  at = Math.min(sequence.length, Math.max(0, step));
  mark();
  if (at) bringIntoView(keyOf(sequence[at - 1]));
  if (at && !panel.hidden) pick(sequence[at - 1]);
}

function play(on) {
  clearInterval(timer);
  timer = null;
  if (on) {
    if (at === sequence.length) goTo(0);
    goTo(at + 1);
    timer = setInterval(() => (at < sequence.length ? goTo(at + 1) : play(false)), 700);
  }
  byId("play").textContent = on ? "\u275A\u275A" : "\u25B6\uFE0E";
  byId("play").setAttribute("aria-label", on ? "Stop" : "Play the backward");
}

// --- search --------------------------------------------------------------------------

let matches = [];
let match = -1;

function search(text) {
  const wanted = text.trim().toLowerCase();
  const inFolds = new Set();
  folds.forEach(([name, kind], f) => { if (wanted && `${name} ${kind}`.toLowerCase().includes(wanted)) inFolds.add(f); });
  matches = [];
  match = -1;
  if (wanted) {
    steps.forEach((step, i) => {
      const own = `${step.name || ""} ${ops[step.op][0]}`.toLowerCase();
      if (own.includes(wanted) || `${step.n}` === wanted || isIn(step.fold, inFolds)) matches.push(i);
    });
  }
  showMatches(wanted);
}

function isIn(f, wanted) {
  for (; f >= 0; f = folds[f][2]) if (wanted.has(f)) return true;
  return false;
}

function showMatches(wanted) {
  svg.classList.toggle("searching", Boolean(wanted));
  const keys = new Set(matches.map(keyOf));
  for (const [key, { node }] of boxes) node.classList.toggle("match", keys.has(key));
  byId("found").textContent = wanted ? (match < 0 ? `${matches.length} found` : `${match + 1} of ${matches.length}`) : "";
}

function nextMatch(direction) {
  if (!matches.length) return;
  match = (match + direction + matches.length) % matches.length;
  reveal(matches[match]);
  pick(matches[match]);
  bringIntoView(keyOf(matches[match]), true);
  showMatches(byId("search").value.trim());
}

// --- controls ------------------------------------------------------------------------

function foldAll(open) {
  opened.clear();
  if (open) folds.forEach((_, f) => opened.add(f));
  draw();
  showMatches(byId("search").value.trim());
  fit(0.6);
}

const ACTS = {
  first: () => { play(false); goTo(0); },
  back: () => { play(false); goTo(at - 1); },
  play: () => play(timer === null),
  forward: () => { play(false); goTo(at + 1); },
  open: () => foldAll(true),
  close: () => foldAll(false),
  in: () => zoom(1.3),
  out: () => zoom(1 / 1.3),
  fit: () => fit(),
};
for (const [id, act] of Object.entries(ACTS)) byId(id).addEventListener("click", act);
byId("slider").max = sequence.length;
byId("slider").addEventListener("input", (event) => { play(false); goTo(+event.target.value); });
byId("search").addEventListener("input", (event) => search(event.target.value));
byId("search").addEventListener("keydown", (event) => { if (event.key === "Enter") nextMatch(event.shiftKey ? -1 : 1); });

const KEYS = { ArrowRight: "forward", ArrowLeft: "back", Home: "first", " ": "play", "+": "in", "-": "out", 0: "fit" };
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    byId("search").value = "";
    search("");
    unpick();
  }
  const busy = /^(INPUT|BUTTON)$/.test(document.activeElement?.tagName || "");
  if (busy || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "/") byId("search").focus();
  else if (KEYS[event.key]) ACTS[KEYS[event.key]]();
  else return;
  event.preventDefault();
});

const leaves = steps.filter((step) => step.leaf).length;
const about = [plural(steps.length - leaves, "op"), plural(leaves, "leaf", "leaves")];
if (DATA.bytes) about.push(`saved tensors hold ${bytesText(DATA.bytes)}`);
byId("summary").textContent = about.join(" · ");
byId("hint").textContent = `${EMBEDDED ? "Ctrl + wheel" : "Wheel"} to zoom, drag to move, click a box. Arrows: the way of the gradient.`;
draw();
fit(0.75);
