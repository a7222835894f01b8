// A run as it travels (travelling.py): tensors by name, and the answers that words quote. What follows from other tensors is made
// here when it is asked for, as the run's recipes say; everything made is kept.

class Run {
  // `parts`: the attention's, with the answers and the photograph, and that of the other maps, which not every page has.
  constructor(parts) {
    const { tensors, recipes, ...whole } = parts[0];
    Object.assign(this, whole, { name: whole.run, known: {}, recipes: {}, made: new Map(), blocksMade: new Map() });
    for (const part of parts) this.take(part);
  }

  // More of it: tensors, and how others are made.
  take({ tensors, recipes }) {
    Object.assign(this.known, tensors);
    Object.assign(this.recipes, recipes);
  }

  // A tensor without its batch axis: {data, shape, strides, exact}.
  tensor(name) {
    if (Object.hasOwn(this.known, name)) return this.known[name];
    if (!this.made.has(name)) {
      if (!Object.hasOwn(this.recipes, name)) throw new Error(`the run has no ${name}`);
      const [[way, from]] = Object.entries(this.recipes[name]);
      this.made.set(name, this[way](from));
    }
    return this.made.get(name);
  }

  // What the run says in a place; see run/numbers.py.
  answer(name, of) {
    const key = `${name} ${of}`;
    if (!Object.hasOwn(this.answers, key)) throw new Error(`no run answers ${key}`);
    return this.answers[key];
  }

  // What enters a block (from 0) and what leaves it, (C, H, W) each; undefined while these have not come. A block without an MLP ends
  // with its residual.
  ends(b) {
    const has = (name) => Object.hasOwn(this.known, name) || Object.hasOwn(this.recipes, name);
    const names = [b ? `block${b}.tokens` : "tokens", [`block${b}.output`, `block${b}.residual`].find(has)];
    return names.every((name) => name && has(name)) ? names.map((name) => this.tensor(name)) : undefined;
  }

  // A block's attention (from 0).
  attention(b) {
    if (!this.blocksMade.has(b)) {
      const own = Object.fromEntries(["query", "key", "value"].map((name) => [name, this.tensor(`block${b}.${name}`)]));
      const pooled = this.known[`block${b}.scores.pooled`] && Object.fromEntries(["scores", "weights"].map((name) => [name, this.tensor(`block${b}.${name}.pooled`)]));
      this.blocksMade.set(b, new Attention({ ...own, lse: this.tensor(`block${b}.log_sum_exp`), ...this.answer("measures", `block${b}`), pooled }));
    }
    return this.blocksMade.get(b);
  }

  // ------------------------------------------------------------ recipes

  // Every head's weighted sum of values: (heads, HW, d).
  mix(b) {
    const block = this.attention(b), { heads, n, d } = block, data = new Float32Array(heads * n * d);
    for (let h = 0; h < heads; h++) for (let i = 0; i < n; i++) data.set(block.mixed(h, block.weights(h, i)), (h * n + i) * d);
    return tensorOf(data, [heads, n, d]);
  }

  // The heads one after another, on the grid: (heads, HW, d) -> (heads * d, H, W).
  merge(from) {
    const { data, shape: [heads, n, d] } = this.tensor(from), out = new Float32Array(data.length);
    for (let h = 0, at = 0; h < heads; h++) for (let f = 0; f < d; f++) for (let i = 0; i < n; i++, at++) out[at] = data[(h * n + i) * d + f];
    return tensorOf(out, [heads * d, ...this.grid]);
  }

  relu6(from) {
    const { data, shape } = this.tensor(from);
    return tensorOf(data.map((v) => Math.min(Math.max(v, 0), 6)), shape);
  }

  add(from) {
    const [first, ...rest] = from.map((name) => this.tensor(name)), out = Float32Array.from(first.data);
    for (const { data } of rest) for (let i = 0; i < out.length; i++) out[i] += data[i];
    return tensorOf(out, first.shape);
  }

  // A block's tokens are the output of the one before.
  enter(from) {
    return this.tensor(from);
  }
}

// A run is made once of the same parts, with all that it has worked out.
const runs = new WeakMap();

function runOf(parts) {
  const whole = parts.at(-1); // the maps, where there are any: they are of one run alone
  if (!runs.has(whole)) runs.set(whole, new Run(parts));
  return runs.get(whole);
}
