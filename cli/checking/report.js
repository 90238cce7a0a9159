"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const FAILED = data.statuses.indexOf("failed");
  const WARNING = data.statuses.indexOf("warning");
  const WAIVED = data.statuses.indexOf("waived");
  const PASSED = data.statuses.indexOf("passed");
  const matrix = document.getElementById("matrix");
  const panel = document.getElementById("panel");
  const opFilter = document.getElementById("op-filter");
  const lawFilter = document.getElementById("law-filter");
  const onlyFailures = document.getElementById("only-failures");
  const families = [...document.querySelectorAll("#families input")];

  /** An element with a class and children; text is never read as HTML. */
  function element(tag, className, ...children) {
    const made = document.createElement(tag);
    if (className) made.className = className;
    made.append(...children);
    return made;
  }

  const className = (status) => data.statuses[status].replace(" ", "-");

  // --- the matrix ---

  /** What a cell shows: the worst of its results. */
  function worst(results) {
    const found = new Set(results.map((r) => r[1]));
    for (const status of [FAILED, WARNING, WAIVED, PASSED]) if (found.has(status)) return status;
    return results[0][1];
  }

  function counted(results) {
    return data.statuses
      .map((name, status) => [results.filter((r) => r[1] === status).length, name])
      .filter(([count]) => count)
      .map(([count, name]) => `${count} ${name}`)
      .join(", ");
  }

  const statuses = data.cells.map((row) => row.map((results) => (results ? worst(results) : -1)));
  let ops = []; // what the filters let through
  let laws = [];
  let opened = null; // [op, law]
  let cells = new Map(); // "op/law" -> td
  let current = null; // the one cell that Tab reaches

  /** Every word must be a part of the name. */
  const matches = (name, filter) =>
    filter.value.toLowerCase().split(/\s+/).every((word) => name.toLowerCase().includes(word));

  function filter() {
    const chosen = new Set(families.filter((box) => box.checked).map((box) => box.value));
    laws = [...data.laws.keys()].filter(
      (l) => chosen.has(data.laws[l].family) && matches(data.laws[l].id, lawFilter));
    ops = [...data.ops.keys()].filter((o) => matches(data.ops[o], opFilter));
    if (onlyFailures.checked) {
      ops = ops.filter((o) => laws.some((l) => statuses[o][l] === FAILED));
      laws = laws.filter((l) => ops.some((o) => statuses[o][l] === FAILED));
    }
    draw();
  }

  const startsFamily = (column) =>
    column === 0 || data.laws[laws[column]].family !== data.laws[laws[column - 1]].family;

  function head() {
    const familyRow = element("tr", "", element("th", "corner"));
    const lawRow = element("tr", "", element("th", "corner", "op"));
    for (const [column, l] of laws.entries()) {
      const law = data.laws[l];
      if (startsFamily(column)) {
        const span = laws.filter((other) => data.laws[other].family === law.family).length;
        const th = element("th", "first", element("span", "", law.family));
        th.colSpan = span;
        th.title = law.family;
        th.scope = "colgroup";
        familyRow.append(th);
      }
      const th = element("th", startsFamily(column) ? "law first" : "law",
        element("span", "", law.id));
      th.title = `${law.id} (${law.family}): ${law.why}`;
      th.scope = "col";
      lawRow.append(th);
    }
    return element("thead", "", familyRow, lawRow);
  }

  function cell(o, l, column) {
    const results = data.cells[o][l];
    const td = element("td", results ? className(statuses[o][l]) : "none");
    if (startsFamily(column)) td.classList.add("first");
    const told = results ? counted(results) : "not checked";
    td.setAttribute("aria-label", `${data.ops[o]} x ${data.laws[l].id}: ${told}`);
    td.tabIndex = -1;
    td.dataset.op = o;
    td.dataset.law = l;
    cells.set(`${o}/${l}`, td);
    return td;
  }

  function draw() {
    cells = new Map();
    const body = element("tbody");
    for (const o of ops) {
      const th = element("th", "", data.ops[o]);
      th.scope = "row";
      const row = element("tr", "", th, ...laws.map((l, column) => cell(o, l, column)));
      row.dataset.op = data.ops[o];
      body.append(row);
    }
    matrix.replaceChildren(head(), body);
    matrix.hidden = !ops.length || !laws.length;
    document.getElementById("nothing").hidden = !matrix.hidden;
    document.getElementById("shown").textContent =
      `${ops.length} of ${data.ops.length} ops, ${laws.length} of ${data.laws.length} laws`;
    current = null;
    if (ops.length && laws.length) reach(cells.get(`${ops[0]}/${laws[0]}`));
    if (opened) mark();
  }

  function reach(td) {
    if (current) current.tabIndex = -1;
    current = td;
    td.tabIndex = 0;
  }

  function mark() {
    matrix.querySelector("td.open")?.classList.remove("open");
    const td = cells.get(opened.join("/"));
    if (td) {
      td.classList.add("open");
      reach(td);
    }
  }

  const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1],
    PageUp: [-15, 0], PageDown: [15, 0], Home: [0, -1000], End: [0, 1000] };

  function move(td, [down, right]) {
    const within = (at, list) => list[Math.max(0, Math.min(list.length - 1, at))];
    const o = within(ops.indexOf(+td.dataset.op) + down, ops);
    const l = within(laws.indexOf(+td.dataset.law) + right, laws);
    reach(cells.get(`${o}/${l}`));
    current.focus();
  }

  // --- the panel ---

  function time(microseconds) {
    return microseconds < 1e6
      ? `${(microseconds / 1e3).toFixed(microseconds < 1e4 ? 2 : 0)} ms`
      : `${(microseconds / 1e6).toFixed(1)} s`;
  }

  function reproduce(o, l, sample) {
    const command = data.commands[o];
    if (!command) return "";
    const line = sample < 0 ? data.reproduce : data.reproduceSample;
    return line.replace("{command}", () => command).replace("{law}", () => data.laws[l].id)
      .replace("{sample}", sample);
  }

  const sampleName = (sample) => (sample < 0 ? "the whole op" : `sample ${sample}`);

  function failure(o, l, [sample, status, microseconds, text, detail]) {
    const { facts, jacobians } = data.details[detail];
    const list = element("dl");
    for (const [name, value] of facts.filter(([name]) => name !== "op"))
      list.append(element("dt", "", name),
        element("dd", "", ...(name === "law's page" ? page(data.laws[l].id, value) : [value])));
    const again = reproduce(o, l, sample);
    if (again) list.append(element("dt", "", "reproduce"), element("dd", "reproduce", again));
    const body = element("div", "body", list);
    if (jacobians) body.append(element("div", "", ...maps(jacobians), ...numbers(jacobians)));
    return element("article", "result",
      element("h3", "", element("span", `status ${className(status)}`, data.statuses[status]),
        sampleName(sample), element("span", "duration", time(microseconds))),
      element("p", "message", data.texts[text]), body);
  }

  /** Where this file has the law's page, and the command that prints it. */
  function page(law, command) {
    if (!document.getElementById(`law-${law}`)) return [command];
    const link = element("a", "", law);
    link.href = `#law-${law}`;
    return [link, `, or: ${command}`];
  }

  /** What did not fail, a line each. */
  function others(o, l, results) {
    const table = element("table", "plain", element("thead", "", element("tr", "",
      ...["status", "sample", "message", "time", "reproduce"].map((n) => element("th", "", n)))));
    const body = element("tbody");
    for (const [sample, status, microseconds, text] of results) {
      body.append(element("tr", "",
        element("td", `status ${className(status)}`, data.statuses[status]),
        element("td", "", sampleName(sample)),
        element("td", "message", text === undefined ? "" : data.texts[text]),
        element("td", "number", time(microseconds)),
        element("td", "", element("code", "reproduce", reproduce(o, l, sample)))));
    }
    table.append(body);
    return table;
  }

  function open(o, l) {
    const results = data.cells[o][l];
    if (!results) return;
    opened = [o, l];
    const law = data.laws[l];
    const close = element("button", "", "Close");
    close.type = "button";
    close.addEventListener("click", shut);
    const title = element("h2", "", `${data.ops[o]} x ${law.id}`);
    title.id = "panel-title";
    const failed = results.filter((r) => r[1] === FAILED);
    const rest = results.filter((r) => r[1] !== FAILED);
    panel.replaceChildren(
      element("header", "", title,
        element("p", "", `${law.family}: ${law.why} (${counted(results)})`), close),
      ...failed.map((r) => failure(o, l, r)));
    if (rest.length) panel.append(others(o, l, rest));
    panel.hidden = false;
    panel.scrollTop = 0;
    mark();
    cells.get(opened.join("/"))?.scrollIntoView({ block: "nearest", inline: "nearest" });
    history.replaceState(null, "", `#${encodeURIComponent(data.ops[o])}/${law.id}`);
  }

  function shut() {
    panel.hidden = true;
    matrix.querySelector("td.open")?.classList.remove("open");
    opened = null;
    history.replaceState(null, "", "#");
    current?.focus();
  }

  // --- heat maps ---

  const BLUE = [33, 102, 172];
  const RED = [178, 24, 43];
  const WHITE = [247, 247, 247];

  /** Blue below zero, red above, nearly white at zero. */
  function colour(share) {
    const to = share < 0 ? BLUE : RED;
    const part = Math.min(1, Math.abs(share));
    return `rgb(${WHITE.map((w, i) => Math.round(w + (to[i] - w) * part)).join(" ")})`;
  }

  // An entry is a number; "nan" or "inf"; or of a complex matrix [absolute value, text].
  const size = (entry) => (Array.isArray(entry) ? entry[0] : entry);
  const shown = (entry) =>
    Array.isArray(entry) ? entry[1] : typeof entry === "number" ? +entry.toPrecision(6) : entry;

  const largest = (...matrices) => Math.max(0, ...matrices.flat(2).map(size)
    .filter((v) => typeof v === "number").map(Math.abs));

  function legend(limit, complex) {
    const bar = element("i");
    bar.style.background = complex
      ? `linear-gradient(to right, ${colour(0)}, ${colour(1)})`
      : `linear-gradient(to right, ${colour(-1)}, ${colour(0)}, ${colour(1)})`;
    const end = limit.toPrecision(3).replace(/\.0+$/, "");
    return element("div", "scale", complex ? "|0|" : limit ? `−${end}` : "0", bar, end);
  }

  function map(name, entries, limit, peak, tell) {
    const side = Math.max(7, Math.min(26, Math.floor(300 / Math.max(1, entries[0]?.length || 1))));
    const body = element("tbody");
    for (const [i, row] of entries.entries()) {
      const tr = element("tr");
      for (const [j, entry] of row.entries()) {
        const td = element("td");
        if (typeof size(entry) === "number")
          td.style.background = colour(limit ? size(entry) / limit : 0);
        else td.className = "odd";
        if (i === peak[0] && j === peak[1]) td.classList.add("worst");
        td.title = `${name} [${i}, ${j}]: ${shown(entry)}`;
        td.addEventListener("mouseenter", () => tell(i, j));
        tr.append(td);
      }
      body.append(tr);
    }
    const table = element("table", "map", body);
    table.dataset.map = name;
    table.style.setProperty("--side", `${side}px`);
    table.setAttribute("role", "img");
    table.setAttribute("aria-label",
      `${name}: ${entries.length} rows, ${entries[0]?.length || 0} columns, up to ${limit}`);
    const complex = entries.some((row) => row.some(Array.isArray));
    return element("figure", "", element("figcaption", "", name), table, legend(limit, complex));
  }

  function maps({ expected, got, difference }) {
    const line = element("p", "under");
    const tell = (i, j) => {
      line.textContent = `[${i}, ${j}] expected ${shown(expected[i][j])}, got ${shown(got[i][j])}, `
        + `difference ${shown(difference[i][j])}`;
    };
    const most = largest(difference);
    let peak = [-1, -1];
    for (const [i, row] of difference.entries())
      for (const [j, entry] of row.entries())
        if (peak[0] < 0 && (typeof size(entry) !== "number" || (most && Math.abs(size(entry)) === most)))
          peak = [i, j];
    const both = largest(expected, got);
    if (peak[0] >= 0) tell(...peak);
    return [
      element("div", "maps",
        map("expected", expected, both, [-1, -1], tell),
        map("got", got, both, peak, tell),
        map("difference", difference, most, peak, tell)),
      element("p", "", "Jacobians: a row for each output element, a column for each input element."),
      line,
    ];
  }

  // --- the numbers ---

  /** So many of the worst entries of large Jacobians. */
  const WORST = 10;

  const rounded = (entry) =>
    Array.isArray(entry) ? entry[1] : typeof entry === "number" ? `${+entry.toPrecision(5) + 0}` : entry;

  /** Small Jacobians in full, of large ones the worst entries; a difference is the redder the larger. */
  function numbers({ expected, got, difference, allowed, small, of }) {
    const off = (i, j) => {
      if (shown(expected[i][j]) === shown(got[i][j])) return 0;
      const by = size(difference[i][j]);
      return typeof by === "number" ? Math.abs(by) : Infinity;
    };
    const places = difference.flatMap((row, i) => row.map((_, j) => [i, j, off(i, j)]));
    const wrong = places.filter(([, , by]) => by > allowed).sort((a, b) => b[2] - a[2]);
    const most = wrong.length ? wrong[0][2] : 0;
    const cell = (entry, by) => {
      const td = element("td", by > allowed ? "off" : "", rounded(entry));
      if (by > allowed)
        td.style.setProperty("--share", Math.max(0.15, 0.6 * (by === Infinity ? 1 : most === Infinity ? 0.5 : by / most)));
      return td;
    };
    const many = `${wrong.length} of ${places.length} entries differ`;
    const found = of ? `; the law ${of} found them for this sample` : "";
    if (!small) {
      const rows = wrong.slice(0, WORST).map(([i, j, by]) => element("tr", "",
        element("th", "", `[${i}, ${j}]`), cell(expected[i][j], 0), cell(got[i][j], by),
        cell(difference[i][j], 0)));
      const head = element("tr", "", ...["at", "expected", "got", "difference"].map((n) => element("th", "", n)));
      const table = element("table", "numbers", head, ...rows);
      table.dataset.numbers = "worst";
      return [table, element("p", "", `${many}, of which these are the worst${found}.`)];
    }
    const whole = (name, entries, marked) => {
      const table = element("table", "numbers", element("caption", "", name),
        ...entries.map((row, i) => element("tr", "", ...row.map((e, j) => cell(e, marked ? off(i, j) : 0)))));
      table.dataset.numbers = name;
      return table;
    };
    return [element("div", "maps", whole("expected", expected, false), whole("got", got, true)),
      element("p", "", `${many}${found}.`)];
  }

  // --- events ---

  matrix.addEventListener("mouseover", ({ target }) => {
    if (target.ariaLabel && target !== matrix) target.title = target.ariaLabel;
  });

  matrix.addEventListener("click", (event) => {
    const td = event.target.closest("td");
    if (td) open(+td.dataset.op, +td.dataset.law);
  });
  matrix.addEventListener("keydown", (event) => {
    const td = event.target.closest("td");
    if (!td) return;
    if (event.key in STEPS) move(td, STEPS[event.key]);
    else if (event.key === "Enter" || event.key === " ") open(+td.dataset.op, +td.dataset.law);
    else return;
    event.preventDefault();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !panel.hidden) shut();
  });
  document.getElementById("filters").addEventListener("input", filter);
  document.getElementById("filters").addEventListener("submit", (event) => event.preventDefault());

  filter();
  const [op, law] = decodeURIComponent(location.hash.slice(1)).split("/");
  const o = data.ops.indexOf(op);
  const l = data.laws.findIndex((one) => one.id === law);
  if (o >= 0 && l >= 0) open(o, l);
})();
