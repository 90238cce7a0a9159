"use strict";
// A layout in layers: each box is below all that lead to it. Open folds are laid out on their own,
// and are then one box of what they are in.

const GAP = { x: 22, y: 34, pad: 14, bar: 26, dummy: 10, port: 4, exit: 20 };

// The least-squares places of boxes in a row that keep their order and do not overlap.
function placed(row, wish) {
  const blocks = [];
  let offset = 0;
  row.forEach((node, i) => {
    if (i) offset += (row[i - 1].w + node.w) / 2 + (row[i - 1].dummy && node.dummy ? GAP.dummy : GAP.x);
    blocks.push({ sum: wish(node) - offset, weight: 1, members: [[node, offset]] });
    while (blocks.length > 1) {
      const [a, b] = blocks.slice(-2);
      if (a.sum / a.weight <= b.sum / b.weight) break;
      blocks.pop();
      a.sum += b.sum;
      a.weight += b.weight;
      a.members.push(...b.members);
    }
  });
  for (const block of blocks) {
    for (const [node, at] of block.members) node.x = block.sum / block.weight + at;
  }
}

function mean(nodes, of, otherwise) {
  return nodes.length ? nodes.reduce((sum, node) => sum + of(node), 0) / nodes.length : otherwise;
}

// The rank of each node: one more than the highest of those above it.
function rank(nodes) {
  const waits = new Map(nodes.map((node) => [node, node.above.length]));
  const ready = nodes.filter((node) => !node.above.length);
  for (const node of nodes) node.rank = 0;
  for (let i = 0; i < ready.length; i++) {
    for (const below of ready[i].below) {
      below.rank = Math.max(below.rank, ready[i].rank + 1);
      waits.set(below, waits.get(below) - 1);
      if (!waits.get(below)) ready.push(below);
    }
  }
}

// Lay out `nodes` ({key, w, h}) joined by `edges` ([from, to], of keys); gives each node x and y,
// its centre and its top, and returns {w, h, routes}: for each edge its points between the ends.
function layered(nodes, edges) {
  const byKey = new Map(nodes.map((node) => [node.key, node]));
  for (const node of nodes) Object.assign(node, { above: [], below: [], dummy: false });
  for (const [from, to] of edges) {
    byKey.get(from).below.push(byKey.get(to));
    byKey.get(to).above.push(byKey.get(from));
  }
  rank(nodes);
  const last = byKey.get("out");
  if (last) last.rank = Math.max(...nodes.map((node) => (node === last ? 0 : node.rank))) + 1;
  const rows = [];
  const put = (node) => (rows[node.rank] ||= []).push(node);
  nodes.forEach(put);
  // Lines to what many lead to, as to a weight that each step of a loop uses, share one trunk.
  const trunks = new Map(nodes.filter((node) => node.above.length > 2).map((node) => [node, new Map()]));
  for (const node of nodes) node.above = node.below = [];
  const joined = new Map();
  const join = (a, b) => {
    for (const node of [a, b]) if (!joined.has(node)) joined.set(node, { above: [], below: [] });
    joined.get(a).below.push(b);
    joined.get(b).above.push(a);
  };
  const chains = edges.map(([from, to]) => {
    const chain = [];
    const end = byKey.get(to);
    const trunk = trunks.get(end);
    let [before, merged] = [byKey.get(from), false];
    for (let r = before.rank + 1; r < end.rank; r++) {
      const shared = trunk?.get(r);
      const dummy = shared || { w: 4, h: 0, rank: r, dummy: true };
      if (!shared) put(dummy);
      if (!merged) join(before, dummy);
      merged ||= Boolean(shared);
      trunk?.set(r, dummy);
      chain.push(dummy);
      before = dummy;
    }
    if (!merged) join(before, end);
    return chain;
  });
  const near = (node, side) => (joined.get(node) || { above: [], below: [] })[side];
  // Boxes go below boxes, and lines go straight on, before either follows the other.
  const alike = (node, side) => {
    const same = near(node, side).filter((other) => other.dummy === node.dummy);
    return same.length ? same : near(node, side);
  };
  order(rows, near);
  for (const row of rows) placed(row, (node) => node.x ?? 0);
  for (let sweep = 0; sweep < 12; sweep++) {
    const down = sweep % 2 === 0;
    const side = down ? "above" : "below";
    for (const row of down ? rows : [...rows].reverse()) {
      placed(row, (node) => mean(alike(node, side), (n) => n.x, node.x));
    }
  }
  for (const row of [...rows].reverse()) {
    placed(row, (node) => mean([...alike(node, "above"), ...alike(node, "below")], (n) => n.x, node.x));
  }
  return extent(rows, chains);
}

// Order each row by where its neighbours are, down and up again.
function order(rows, near) {
  const index = (row) => row.forEach((node, i) => { node.at = i + 0.5 - row.length / 2; });
  rows.forEach(index);
  for (let sweep = 0; sweep < 10; sweep++) {
    const down = sweep % 2 === 0;
    for (const row of down ? rows : [...rows].reverse()) {
      const wish = new Map(row.map((node) => [node, mean(near(node, down ? "above" : "below"), (n) => n.at, node.at)]));
      row.sort((a, b) => wish.get(a) - wish.get(b));
      index(row);
    }
  }
}

function extent(rows, chains) {
  const all = rows.flat();
  const left = Math.min(...all.map((node) => node.x - node.w / 2));
  const gap = (row) => (row[0].key === "in" ? GAP.port : rows[row[0].rank + 1]?.[0].key === "out" ? GAP.exit : GAP.y);
  let top = 0;
  for (const row of rows) {
    const height = Math.max(...row.map((node) => node.h));
    for (const node of row) {
      node.x -= left;
      node.y = top + (node.dummy ? 0 : (height - node.h) / 2);
      if (node.dummy) node.h = height;
    }
    top += height + gap(row);
  }
  const w = Math.max(...all.map((node) => node.x + node.w / 2));
  const routes = chains.map((chain) => chain.map(({ x, y, h }) => [x, y, y + h]));
  return { w, h: top - gap(rows[rows.length - 1]), routes };
}

// Lay out a tree of groups. `group` is {key, items, title width}; an item is a box {key, w, h} or a
// group. `edges` are [from, to], keys of boxes. Every box and group gets x, y (its left and top), and
// each edge its points [x, top, bottom] from end to end.
function layoutAll(root, edges) {
  const parent = new Map();
  const item = new Map();
  (function note(group) {
    for (const each of group.items) {
      parent.set(each.key, group);
      item.set(each.key, each);
      if (each.items) note(each);
    }
  })(root);
  const pathUp = (key) => {
    const path = [];
    for (let group = parent.get(key), child = key; group; child = group.key, group = parent.get(group.key)) path.push([group, child]);
    return path;
  };
  const wanted = new Map(); // by group: the edges between its items, each once
  const want = (group, from, to) => {
    if (!wanted.has(group)) wanted.set(group, new Map());
    wanted.get(group).set(`${from} ${to}`, [from, to]);
  };
  const pieces = edges.map(([from, to]) => {
    const ups = pathUp(from);
    const downs = pathUp(to);
    const common = ups.find(([group]) => downs.some(([other]) => other === group))[0];
    const before = ups.slice(0, ups.findIndex(([group]) => group === common));
    const after = downs.slice(0, downs.findIndex(([group]) => group === common));
    const here = [common, ups[before.length][1], downs[after.length][1]];
    const piece = [...before.map(([group, child]) => [group, child, "out"]), here, ...after.reverse().map(([group, child]) => [group, "in", child])];
    piece.forEach((part) => want(...part));
    return piece;
  });
  const routes = new Map();
  (function measure(group) {
    for (const each of group.items) if (each.items) measure(each);
    const own = [...(wanted.get(group) || new Map()).values()];
    const port = (name) => (own.some((edge) => edge.includes(name)) ? [{ key: name, w: 2, h: 0 }] : []);
    const boxes = group.items.map((each) => ({ key: each.key, w: each.w, h: each.h, each }));
    const nodes = [...port("in"), ...boxes, ...port("out")];
    const found = layered(nodes, own);
    const wide = Math.max(found.w, group.barWidth || 0);
    const shift = [GAP.pad + (wide - found.w) / 2, GAP.bar + GAP.port];
    Object.assign(group, { w: wide + 2 * GAP.pad, h: found.h + GAP.bar + GAP.port + GAP.pad, shift, ports: {} });
    for (const node of nodes) {
      if (node.each) Object.assign(node.each, { dx: node.x - node.w / 2, dy: node.y });
      else group.ports[node.key] = [node.x, node.y];
    }
    own.forEach(([from, to], i) => routes.set(`${group.key} ${from} ${to}`, found.routes[i]));
  })(root);
  (function place(group, x, y) {
    Object.assign(group, { x, y });
    for (const each of group.items) {
      const [at, from] = [x + group.shift[0] + each.dx, y + group.shift[1] + each.dy];
      if (each.items) place(each, at, from);
      else Object.assign(each, { x: at, y: from });
    }
  })(root, 0, 0);
  const port = (group, name) => {
    const [x, y] = group.ports[name];
    return [group.x + group.shift[0] + x, group.y + (name === "in" ? 0 : group.h), group.y + group.shift[1] + y];
  };
  return pieces.map((piece, i) => {
    const start = item.get(edges[i][0]);
    const end = item.get(edges[i][1]);
    const points = [[start.x + start.w / 2, start.y, start.y + start.h]];
    for (const [group, from, to] of piece) {
      if (from === "in") points.push(port(group, "in"));
      const [dx, dy] = [group.x + group.shift[0], group.y + group.shift[1]];
      for (const [x, top, bottom] of routes.get(`${group.key} ${from} ${to}`)) points.push([x + dx, top + dy, bottom + dy]);
      if (to === "out") {
        const [x, bottom, y] = port(group, "out");
        points.push([x, y, bottom]);
      }
    }
    points.push([end.x + end.w / 2, end.y, end.y]);
    return points;
  });
}

// A smooth line through the points.
function lineThrough(points) {
  let path = `M${points[0][0]} ${points[0][2]}`;
  let [x, , y] = points[0];
  for (const [nextX, top, bottom] of points.slice(1)) {
    const middle = (y + top) / 2;
    path += Math.abs(nextX - x) < 0.5 ? `L${nextX} ${top}` : `C${x} ${middle} ${nextX} ${middle} ${nextX} ${top}`;
    if (bottom !== top) path += `L${nextX} ${bottom}`;
    [x, y] = [nextX, bottom];
  }
  return path;
}
