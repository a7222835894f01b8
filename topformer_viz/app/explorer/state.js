// What the visitor looks at, and how an address spells it. What an address can say is declared in state.py, from where
// ADDRESS comes: tokens, heads and blocks count from 1 there and from 0 here; what is not said is null.

const HELD = { lock: "1" };
const FREE = { lock: null, to: null, key: null, cell: null, selecting: false };

class State {
  block = 0; // which is the server's to say
  key = null; // the other token, pointed at on the map
  cell = null; // [query, key], pointed at in the matrix
  selecting = false; // whether a finger, too, takes a region

  // Take over what `said` has by name, as an address spells it; what this run does not have means the default.
  read(said, { heads, blocks, grid: [rows, columns] }) {
    const n = rows * columns, counts = { head: heads, token: n, block: blocks > 1 ? blocks : 0 };
    Object.assign(this, { rows, columns, cell: null, can: {} });
    for (const [name, values] of Object.entries(ADDRESS)) {
      const can = new Map(values.flatMap((value) => meanings(value, counts))), text = String(said[name] ?? "");
      const [first] = can.values();
      this[name] = can.has(text) ? can.get(text) : name === "query" ? Math.floor(rows / 2) * columns + Math.floor(columns / 2) : first;
      this.can[name] = [...can.values()];
    }
    if (heads < 2) this.can.with = this.can.with.filter((other) => other !== "head-mean");
    if (!this.can.with.includes(this.with) || (this.with === "query" && this.pinned === null)) this.with = null;
    if (this.with !== "query") this.pinned = null;
    if (!(this.key < n)) this.key = null;
  }

  // As an address writes it; null is left out.
  get parameters() {
    const spelt = (name) => (typeof this[name] === "number" ? this[name] + 1 : this[name] === ADDRESS[name][0] ? null : this[name]);
    return { block: this.block + 1, ...Object.fromEntries(Object.keys(ADDRESS).map((name) => [name, spelt(name)])) };
  }

  // The same for another image or model, where places and heads taken away would mean others.
  get elsewhere() {
    const { query, to, pinned, lock, with: beside, removal, ...kept } = this.parameters;
    return kept;
  }

  get column() {
    return this.mode === "column";
  }

  // The tokens that ask: one, or the rectangle between `to` and `query`.
  get tokens() {
    const { to, query, columns: w } = this;
    if (to === null || to === query) return [query];
    const [r0, r1] = [Math.floor(to / w), Math.floor(query / w)].sort((a, b) => a - b);
    const [c0, c1] = [to % w, query % w].sort((a, b) => a - b), found = [];
    for (let r = r0; r <= r1; r++) for (let c = c0; c <= c1; c++) found.push(r * w + c);
    return found;
  }

  // Whether `news` would change nothing.
  has(news) {
    const same = (a, b) => a === b || (Array.isArray(a) && Array.isArray(b) && a.every((v, i) => v === b[i]));
    return Object.entries(news).every(([name, value]) => same(this[name], value));
  }
}

// What a value of ADDRESS stands for: [text, meaning], the meaning a number from 0 where the text is a number alone.
function meanings(value, counts) {
  const [place, what] = /\{(\w+)\}/.exec(value) ?? [];
  if (!place) return [[value, value || null]];
  return countTo(counts[what]).map((i) => {
    const text = value.replace(place, i + 1);
    return [text, value === place ? i : text];
  });
}

// What "without-2" or "only-1" says, the head from 0.
function removed(removal) {
  const [kind, head] = removal.split("-");
  return { kind, head: head - 1 };
}
