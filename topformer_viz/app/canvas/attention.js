// One block's attention in numbers, made in the browser from the query, key and value that ran: no HW x HW matrix
// travels. Rows are softmax(q_i K); a column takes each row's log-sum-exp from the server. Payloads: explorer/payload.py
// and door/page.py.

class Attention {
  // `data`: tensors query (heads, HW, key_dim), key (heads, key_dim, HW), value (heads, HW, d) and lse (heads, HW).
  constructor(data) {
    Object.assign(this, data);
    const [heads, n, dim] = data.query.shape, [qh, qi, qc] = data.query.strides, [kh, kc, kj] = data.key.strides;
    Object.assign(this, { heads, n, dim, d: data.value?.shape[2] });
    this.q = { data: data.query.data, head: qh, token: qi, feature: qc };
    this.k = { data: data.key.data, head: kh, token: kj, feature: kc };
    this.matrices = new Map();
    this.off = 0; // the largest difference seen from the server's normalisation, in units of weight
  }

  // Scores of token `at` as query (a row), or as key (a column), with every token: float64 (HW).
  scores(head, at, column) {
    const [one, all] = column ? [this.k, this.q] : [this.q, this.k], out = new Float64Array(this.n);
    for (let c = 0; c < this.dim; c++) {
      const factor = one.data[head * one.head + at * one.token + c * one.feature];
      const { data, token } = all;
      for (let j = 0, from = head * all.head + c * all.feature; j < out.length; j++, from += token) out[j] += factor * data[from];
    }
    return out;
  }

  // The same after softmax. A row sums to 1; a column is what every row gives to this key.
  weights(head, at, column) {
    const out = this.scores(head, at, column), lse = this.lse.data, from = head * this.n;
    if (column) {
      for (let i = 0; i < out.length; i++) out[i] = Math.exp(out[i] - lse[from + i]);
      return out;
    }
    let top = -Infinity, sum = 0;
    for (const s of out) if (s > top) top = s;
    for (let j = 0; j < out.length; j++) sum += out[j] = Math.exp(out[j] - top);
    for (let j = 0; j < out.length; j++) out[j] /= sum;
    this.off = Math.max(this.off, Math.abs(Math.expm1(top + Math.log(sum) - lse[from + at])) / sum); // 1 / sum: the largest weight
    return out;
  }

  // The mean over several tokens; `values` is "scores" or "weights".
  line(head, tokens, values, column) {
    const out = this[values](head, tokens[0], column);
    for (const token of tokens.slice(1)) {
      const more = this[values](head, token, column);
      for (let j = 0; j < out.length; j++) out[j] += more[j];
    }
    if (tokens.length > 1) for (let j = 0; j < out.length; j++) out[j] /= tokens.length;
    return out;
  }

  // One head's whole matrix, or the heads' mean ("mean"), row by row: float32 (HW, HW). Kept.
  matrix(head, values) {
    const name = `${values} ${head}`;
    if (!this.matrices.has(name)) {
      const { n } = this, out = new Float32Array(n * n), all = head === "mean" ? countTo(this.heads) : [head];
      for (const h of all) {
        for (let i = 0; i < n; i++) {
          const line = this[values](h, i);
          for (let j = 0, at = i * n; j < n; j++, at++) out[at] += line[j] / all.length;
        }
      }
      if (this.matrices.size > 11) this.matrices.delete(this.matrices.keys().next().value); // 4 MB each at 1,024 tokens
      this.matrices.set(name, out);
    }
    return this.matrices.get(name);
  }

  feature(name, head, token, c) {
    const { data, strides } = this[name], [h, a, b] = strides;
    return name === "key" ? data[head * h + c * a + token * b] : data[head * h + token * a + c * b];
  }

  // What a row of attention weights brings back: the weighted sum of value, (d).
  mixed(head, weights) {
    const { data, strides: [h, j, f] } = this.value, out = new Float64Array(this.d);
    for (let c = 0; c < out.length; c++) {
      for (let i = 0, from = head * h + c * f; i < weights.length; i++, from += j) out[c] += weights[i] * data[from];
    }
    return out;
  }
}

// exp(entropy): over how many tokens a row that sums to 1 spreads.
function effective(row) {
  let entropy = 0;
  for (const w of row) if (w > 0) entropy -= w * Math.log(w);
  return Math.exp(entropy);
}

// Mean distance between token `from` and what its row reads, in tokens.
function meanDistance(row, from, columns) {
  const r = Math.floor(from / columns), c = from % columns;
  return row.reduce((sum, w, j) => sum + w * Math.hypot(Math.floor(j / columns) - r, (j % columns) - c), 0);
}

const average = (lines) => lines[0].map((_, j) => lines.reduce((sum, line) => sum + line[j], 0) / lines.length);
