// The inner loops of TopFormer's forward pass, twice: those of kernels.c as WebAssembly with SIMD, and the same in plain JavaScript,
// where WebAssembly is not allowed. A loop works on arrays (in C: addresses) of float32, the last two, which resize pictures, on bytes;
// kernels.c says what each computes.

const NONE = 0, RELU = 1, RELU6 = 2, HARDSIGMOID = 3; // activations
const NOTHING = new Float32Array(0);
const MARGIN = 64; // bytes behind every array, as SIMD reads and writes four numbers, or eight, at a time

// What both kinds share: the memory. A pass puts its arrays one behind the other; the next begins again at the start. Tensors are
// views on that memory, which must not move under them: so a pass is gone through twice, first without computing, to count its room.
class Kernels {
  constructor(name, base) {
    Object.assign(this, { name, base, top: base, end: base, most: base, counting: false });
  }

  // Makes room for `pass`, which is called to be counted; what was computed before is lost.
  async begin(pass) {
    Object.assign(this, { counting: true, top: this.base, most: this.base });
    try {
      await pass();
    } finally {
      Object.assign(this, { counting: false, top: this.base });
    }
    if (this.memory.byteLength < this.most) this.grow(this.most);
  }

  // What a pass computed stays until the next begins; more may be computed behind it, again and again.
  stay() {
    this.end = this.top;
  }

  resume() {
    this.top = this.end;
  }

  array(length) {
    const at = this.room(4 * length);
    return this.counting ? NOTHING : new Float32Array(this.memory, at, length);
  }

  room(bytes) {
    const at = this.top;
    this.top = Math.ceil((at + bytes + MARGIN) / 16) * 16;
    this.most = Math.max(this.most, this.top);
    return at;
  }

  tensor(shape) {
    return tensorOf(this.array(shape.reduce((a, b) => a * b, 1)), shape);
  }

  // What `work` takes is free again afterwards.
  aside(work) {
    const { top } = this, out = work();
    this.top = top;
    return out;
  }
}

// Weights (O, inputs) as the loops want them: four outputs' side by side for each input, with zeros where O is no multiple of 4.
function packed(weight, O) {
  const C = weight.length / O, out = new Float32Array(4 * Math.ceil(O / 4) * C);
  for (let o = 0; o < O; o++) {
    for (let i = 0; i < C; i++) out[((o >> 2) * C + i) * 4 + (o & 3)] = weight[o * C + i];
  }
  return out;
}

class WasmKernels extends Kernels {
  // `bytes`: kernels.wasm.
  static async open(bytes) {
    const { instance } = await WebAssembly.instantiate(bytes);
    return new WasmKernels(instance.exports);
  }

  constructor(loops) {
    super("wasm", loops.base());
    this.loops = loops;
  }

  get memory() {
    return this.loops.memory.buffer;
  }

  grow(bytes) {
    this.loops.memory.grow(Math.ceil((bytes - this.memory.byteLength) / 65536));
  }

  // Arrays from elsewhere, such as parameters, are copied in for the time of the loop.
  run(name, ...given) {
    this.aside(() => {
      const inside = given.map((value) => (typeof value === "number" ? value : this.address(value)));
      if (!this.counting) this.loops[name](...inside);
    });
  }

  address(array) {
    if (!array) return 0;
    if (array.buffer === (this.counting ? NOTHING.buffer : this.memory)) return array.byteOffset;
    const copy = this.array(array.length);
    if (!this.counting) copy.set(array);
    return copy.byteOffset;
  }

  // A loop outside any pass, on arrays of any kind from elsewhere: all are copied in, and the last, which it writes, is copied out. The
  // memory may grow, and a pass's tensors be lost by that: pictures are best resized by kernels of their own.
  runOutside(name, ...given) {
    this.aside(() => {
      const inside = given.map((value) => (typeof value === "number" ? value : this.room(value.byteLength)));
      if (this.memory.byteLength < this.top) this.grow(this.top);
      const copies = given.map((value, i) => (typeof value === "number" ? null : new value.constructor(this.memory, inside[i], value.length)));
      const out = given.length - 1;
      for (let i = 0; i < out; i++) copies[i]?.set(given[i]);
      this.loops[name](...inside);
      given[out].set(copies[out]);
    });
  }
}

class PlainKernels extends Kernels {
  constructor() {
    super("plain", 0);
    this.memory = new ArrayBuffer(0);
  }

  grow(bytes) {
    this.memory = new ArrayBuffer(bytes);
  }

  run(name, ...given) {
    if (!this.counting) PLAIN[name](...given);
  }

  runOutside(name, ...given) {
    PLAIN[name](...given);
  }
}

function activate(out, from, to, act) {
  if (act === RELU) {
    for (let i = from; i < to; i++) out[i] = out[i] > 0 ? out[i] : 0;
  } else if (act !== NONE) {
    const [plus, by] = act === HARDSIGMOID ? [3, 6] : [0, 1];
    for (let i = from; i < to; i++) {
      const v = out[i] + plus;
      out[i] = (v > 0 ? (v < 6 ? v : 6) : 0) / by;
    }
  }
}

// n of the sums, as they are after the activation.
function handOver(from, n, out, to, act) {
  for (let i = 0; i < n; i++) out[to + i] = sums[from + i];
  activate(out, to, to + n, act);
}

// Adds one row of a k x k filter to n sums: what each place meets of the row that begins at `p`.
function filterRow(x, p, stride, weight, q, k, n) {
  const q0 = weight[q], q1 = weight[q + 1], q2 = weight[q + 2];
  if (k === 3) {
    for (let j = 0; j < n; j++, p += stride) sums[j] += q0 * x[p] + q1 * x[p + 1] + q2 * x[p + 2];
  } else {
    const q3 = weight[q + 3], q4 = weight[q + 4];
    for (let j = 0; j < n; j++, p += stride) sums[j] += q0 * x[p] + q1 * x[p + 1] + q2 * x[p + 2] + q3 * x[p + 3] + q4 * x[p + 4];
  }
}

// C planes of h x w, each with r zeros around it.
function withMargin(x, C, h, w, r, to) {
  const row = w + 2 * r, plane = (h + 2 * r) * row;
  to.fill(0, 0, C * plane);
  for (let c = 0; c < C; c++) {
    for (let y = 0; y < h; y++) to.set(x.subarray((c * h + y) * w, (c * h + y + 1) * w), c * plane + (y + r) * row + r);
  }
}

// Where an entry of `to` comes from along an axis of `from`: between [low] and the entry after it, at the share.
function sourceOf(at, from, to) {
  const place = Math.max(0, (at + 0.5) * (from / to) - 0.5), low = Math.min(Math.floor(place), from - 1);
  return [low, place - low];
}

const MOST = 2048; // places of four outputs that are summed up at a time
const sums = new Float64Array(4 * MOST); // float64 is what JavaScript computes in: nothing is rounded in between

// A picture's places, each of 4 bytes, as one number each.
function placesOf(data) {
  return new Uint32Array(data.buffer, data.byteOffset, data.length / 4);
}

const PRECISION_BITS = 22; // of what a resized picture's places are made of, in integers
const HALF = 1 << (PRECISION_BITS - 1);

// One place of a resized picture: `count` of the old one's, from `at` on every `step`, each times its part, of those from `first` on.
function weigh(places, at, step, parts, first, count, out, to) {
  let r = HALF, g = HALF, b = HALF;
  for (let k = 0; k < count; k++, at += step) {
    const part = parts[first + k], place = places[at];
    r = (r + Math.imul(place & 255, part)) | 0;
    g = (g + Math.imul((place >> 8) & 255, part)) | 0;
    b = (b + Math.imul((place >> 16) & 255, part)) | 0;
  }
  out[to] = r >> PRECISION_BITS;
  out[to + 1] = g >> PRECISION_BITS;
  out[to + 2] = b >> PRECISION_BITS;
  out[to + 3] = 255;
}

const PLAIN = {
  pointwise(x, xs, w, wo, wi, b, out, os, C, O, P, act) {
    const most = Math.min(MOST, Math.max(64, Math.floor(16384 / C))); // places whose inputs stay in a cache
    for (let first = 0; first < P; first += most) {
      const n = Math.min(most, P - first), s1 = n, s2 = 2 * n, s3 = 3 * n;
      for (let o = 0; o < O; o += 4) {
        const outputs = Math.min(4, O - o);
        for (let k = 0; k < 4; k++) sums.fill(b ? b[o + k] : 0, k * n, (k + 1) * n);
        let i = 0;
        for (; i + 4 <= C; i += 4) {
          const u = o * wo + i * wi, v = u + wi, s = v + wi, t = s + wi; // four inputs' weights, for four outputs each
          const u0 = w[u], u1 = w[u + 1], u2 = w[u + 2], u3 = w[u + 3], v0 = w[v], v1 = w[v + 1], v2 = w[v + 2], v3 = w[v + 3];
          const w0 = w[s], w1 = w[s + 1], w2 = w[s + 2], w3 = w[s + 3], t0 = w[t], t1 = w[t + 1], t2 = w[t + 2], t3 = w[t + 3];
          const x0 = i * xs + first, x1 = x0 + xs, x2 = x1 + xs, x3 = x2 + xs;
          for (let p = 0; p < n; p++) {
            const a = x[x0 + p], c = x[x1 + p], e = x[x2 + p], g = x[x3 + p];
            sums[p] += u0 * a + v0 * c + w0 * e + t0 * g;
            sums[s1 + p] += u1 * a + v1 * c + w1 * e + t1 * g;
            sums[s2 + p] += u2 * a + v2 * c + w2 * e + t2 * g;
            sums[s3 + p] += u3 * a + v3 * c + w3 * e + t3 * g;
          }
        }
        for (; i < C; i++) {
          const u = o * wo + i * wi, u0 = w[u], u1 = w[u + 1], u2 = w[u + 2], u3 = w[u + 3], x0 = i * xs + first;
          for (let p = 0; p < n; p++) {
            const a = x[x0 + p];
            sums[p] += u0 * a;
            sums[s1 + p] += u1 * a;
            sums[s2 + p] += u2 * a;
            sums[s3 + p] += u3 * a;
          }
        }
        for (let k = 0; k < outputs; k++) handOver(k * n, n, out, (o + k) * os + first, act);
      }
    }
  },

  depthwise(x, C, h, w, weight, b, padded, out, H, W, k, stride, act) {
    const row = w + 2 * (k >> 1);
    for (let c = 0; c < C; c++) {
      withMargin(x.subarray(c * h * w, (c + 1) * h * w), 1, h, w, k >> 1, padded);
      for (let y = 0, from = c * H * W; y < H; y++, from += W) {
        for (let first = 0; first < W; first += MOST) {
          const n = Math.min(MOST, W - first);
          sums.fill(b ? b[c] : 0, 0, n);
          for (let ky = 0; ky < k; ky++) {
            filterRow(padded, (y * stride + ky) * row + first * stride, stride, weight, (c * k + ky) * k, k, n);
          }
          handOver(0, n, out, from + first, act);
        }
      }
    }
  },

  stem(x, h, w, weight, b, padded, out, H, W, O, act) {
    const row = w + 2, plane = (h + 2) * row;
    withMargin(x, 3, h, w, 1, padded);
    for (let o = 0; o < O; o += 4) {
      for (let y = 0; y < H; y++) {
        for (let first = 0; first < W; first += MOST) {
          const n = Math.min(MOST, W - first);
          for (let k = 0; k < 4; k++) sums.fill(b ? b[o + k] : 0, k * n, (k + 1) * n);
          for (let i = 0; i < 9; i++) { // three columns of a row of a plane, for four outputs
            const at = Math.floor(i / 3) * plane + (2 * y + (i % 3)) * row + 2 * first, q = (o * 9 + i * 4) * 3, q4 = q + 4, q8 = q + 8;
            const a0 = weight[q], a1 = weight[q + 1], a2 = weight[q + 2], a3 = weight[q + 3];
            const c0 = weight[q4], c1 = weight[q4 + 1], c2 = weight[q4 + 2], c3 = weight[q4 + 3];
            const e0 = weight[q8], e1 = weight[q8 + 1], e2 = weight[q8 + 2], e3 = weight[q8 + 3];
            for (let j = 0, p = at; j < n; j++, p += 2) {
              const a = padded[p], c = padded[p + 1], e = padded[p + 2];
              sums[j] += a0 * a + c0 * c + e0 * e;
              sums[n + j] += a1 * a + c1 * c + e1 * e;
              sums[2 * n + j] += a2 * a + c2 * c + e2 * e;
              sums[3 * n + j] += a3 * a + c3 * c + e3 * e;
            }
          }
          for (let k = 0; k < 4; k++) handOver(k * n, n, out, ((o + k) * H + y) * W + first, act);
        }
      }
    }
  },

  softmax(x, rows, n, out) {
    for (let r = 0; r < rows; r++) {
      const from = r * n, to = from + n;
      let top = -Infinity, sum = 0;
      for (let j = from; j < to; j++) if (x[j] > top) top = x[j];
      for (let j = from; j < to; j++) sum += out[j] = Math.exp(x[j] - top);
      for (let j = from; j < to; j++) out[j] /= sum;
    }
  },

  mix(weights, value, out, os, rows, n, F) {
    for (let f = 0; f < F; f++) {
      for (let i = 0; i < rows; i++) {
        let sum = 0;
        for (let j = 0, w = i * n, v = f * n; j < n; j++) sum += weights[w + j] * value[v + j];
        out[f * os + i] = sum;
      }
    }
  },

  affine(x, scale, shift, out, C, P, act) {
    for (let c = 0; c < C; c++) {
      const s = scale ? scale[c] : 1, t = shift ? shift[c] : 0;
      for (let i = c * P, to = i + P; i < to; i++) out[i] = x[i] * s + t;
    }
    activate(out, 0, C * P, act);
  },

  add(a, b, out, n) {
    for (let i = 0; i < n; i++) out[i] = a[i] + b[i];
  },

  gated(a, b, c, out, n) {
    for (let i = 0; i < n; i++) out[i] = a[i] * b[i] + c[i];
  },

  pool(x, C, h, w, out, H, W) {
    for (let c = 0, at = 0; c < C; c++) {
      for (let Y = 0; Y < H; Y++) {
        const top = Math.floor((Y * h) / H), bottom = Math.ceil(((Y + 1) * h) / H);
        for (let X = 0; X < W; X++, at++) {
          const left = Math.floor((X * w) / W), right = Math.ceil(((X + 1) * w) / W);
          let sum = 0;
          for (let y = top; y < bottom; y++) {
            for (let i = (c * h + y) * w + left, to = i + right - left; i < to; i++) sum += x[i];
          }
          out[at] = sum / ((bottom - top) * (right - left));
        }
      }
    }
  },

  resize(x, C, h, w, wide, out, H, W) {
    const columns = Array.from({ length: W }, (_, X) => sourceOf(X, w, W));
    for (let c = 0, at = 0; c < C; c++) {
      columns.forEach(([left, share], X) => {
        for (let y = 0, from = c * h * w + left, next = left < w - 1 ? 1 : 0; y < h; y++, from += w) {
          wide[y * W + X] = (1 - share) * x[from] + share * x[from + next];
        }
      });
      for (let Y = 0; Y < H; Y++) {
        const [top, share] = sourceOf(Y, h, H), above = top * W, below = above + (top < h - 1 ? W : 0);
        for (let X = 0; X < W; X++, at++) out[at] = (1 - share) * wide[above + X] + share * wide[below + X];
      }
    }
  },

  across(data, width, rows, first, count, parts, most, w, out) {
    const places = placesOf(data);
    for (let y = 0, to = 0; y < rows; y++) {
      for (let x = 0; x < w; x++, to += 4) {
        weigh(places, y * width + first[x], 1, parts, x * most, count[x], out, to);
      }
    }
  },

  down(data, width, first, count, parts, most, h, out) {
    const places = placesOf(data);
    for (let y = 0, to = 0; y < h; y++) {
      for (let x = 0; x < width; x++, to += 4) {
        weigh(places, first[y] * width + x, width, parts, y * most, count[y], out, to);
      }
    }
  },
};
