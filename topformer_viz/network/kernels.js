// The inner loops of TopFormer's forward pass, twice: those of kernels.c as WebAssembly with SIMD, and the same in plain JavaScript,
// where WebAssembly is not allowed. A loop works on arrays (in C: addresses) of float32; kernels.c says what each computes.

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
    const at = this.top;
    this.top = Math.ceil((at + 4 * length + MARGIN) / 16) * 16;
    this.most = Math.max(this.most, this.top);
    return this.counting ? NOTHING : new Float32Array(this.memory, at, length);
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

const PLAIN = {
  pointwise(x, xs, w, wo, wi, b, out, os, C, O, P, act) {
    const most = Math.max(64, Math.floor(16384 / C)); // places whose inputs stay in a cache
    for (let first = 0; first < P; first += most) {
      const end = Math.min(P, first + most);
      let o = 0;
      for (; o + 4 <= O; o += 4) {
        const r0 = o * os, r1 = r0 + os, r2 = r1 + os, r3 = r2 + os;
        for (let k = 0; k < 4; k++) out.fill(b ? b[o + k] : 0, r0 + k * os + first, r0 + k * os + end);
        let i = 0;
        for (; i + 4 <= C; i += 4) {
          const u = o * wo + i * wi, v = u + wi, s = v + wi, t = s + wi; // four inputs' weights, for four outputs each
          const u0 = w[u], u1 = w[u + 1], u2 = w[u + 2], u3 = w[u + 3], v0 = w[v], v1 = w[v + 1], v2 = w[v + 2], v3 = w[v + 3];
          const s0 = w[s], s1 = w[s + 1], s2 = w[s + 2], s3 = w[s + 3], t0 = w[t], t1 = w[t + 1], t2 = w[t + 2], t3 = w[t + 3];
          const x0 = i * xs, x1 = x0 + xs, x2 = x1 + xs, x3 = x2 + xs;
          for (let p = first; p < end; p++) {
            const a = x[x0 + p], c = x[x1 + p], e = x[x2 + p], g = x[x3 + p];
            out[r0 + p] += u0 * a + v0 * c + s0 * e + t0 * g;
            out[r1 + p] += u1 * a + v1 * c + s1 * e + t1 * g;
            out[r2 + p] += u2 * a + v2 * c + s2 * e + t2 * g;
            out[r3 + p] += u3 * a + v3 * c + s3 * e + t3 * g;
          }
        }
        for (; i < C; i++) {
          const u = o * wo + i * wi, u0 = w[u], u1 = w[u + 1], u2 = w[u + 2], u3 = w[u + 3], x0 = i * xs;
          for (let p = first; p < end; p++) {
            const a = x[x0 + p];
            out[r0 + p] += u0 * a;
            out[r1 + p] += u1 * a;
            out[r2 + p] += u2 * a;
            out[r3 + p] += u3 * a;
          }
        }
        for (let k = 0; k < 4; k++) activate(out, r0 + k * os + first, r0 + k * os + end, act);
      }
      for (; o < O; o++) {
        const r0 = o * os, u = (o & ~3) * wo + (o & 3);
        out.fill(b ? b[o] : 0, r0 + first, r0 + end);
        for (let i = 0; i < C; i++) {
          const u0 = w[u + i * wi], x0 = i * xs;
          for (let p = first; p < end; p++) out[r0 + p] += u0 * x[x0 + p];
        }
        activate(out, r0 + first, r0 + end, act);
      }
    }
  },

  depthwise(x, C, h, w, weight, b, padded, out, H, W, k, stride, act) {
    const row = w + 2 * (k >> 1);
    for (let c = 0; c < C; c++) {
      withMargin(x.subarray(c * h * w, (c + 1) * h * w), 1, h, w, k >> 1, padded);
      for (let y = 0; y < H; y++) {
        const from = (c * H + y) * W, to = from + W;
        out.fill(b ? b[c] : 0, from, to);
        for (let ky = 0; ky < k; ky++) {
          const q = (c * k + ky) * k, q0 = weight[q], q1 = weight[q + 1], q2 = weight[q + 2];
          let p = (y * stride + ky) * row;
          if (k === 3) {
            for (let i = from; i < to; i++, p += stride) out[i] += q0 * padded[p] + q1 * padded[p + 1] + q2 * padded[p + 2];
          } else {
            const q3 = weight[q + 3], q4 = weight[q + 4];
            for (let i = from; i < to; i++, p += stride) {
              out[i] += q0 * padded[p] + q1 * padded[p + 1] + q2 * padded[p + 2] + q3 * padded[p + 3] + q4 * padded[p + 4];
            }
          }
        }
        activate(out, from, to, act);
      }
    }
  },

  stem(x, h, w, weight, b, padded, out, H, W, O, act) {
    const row = w + 2, plane = (h + 2) * row;
    withMargin(x, 3, h, w, 1, padded);
    for (let o = 0; o < O; o++) {
      const taps = Array.from({ length: 27 }, (_, i) => weight[((o >> 2) * 27 + i) * 4 + (o & 3)]);
      out.fill(b ? b[o] : 0, o * H * W, (o + 1) * H * W);
      for (let c = 0; c < 3; c++) {
        const [q0, q1, q2, q3, q4, q5, q6, q7, q8] = taps.slice(9 * c, 9 * c + 9);
        for (let y = 0; y < H; y++) {
          let p = c * plane + 2 * y * row;
          for (let i = (o * H + y) * W, to = i + W; i < to; i++, p += 2) {
            const s = p + row, t = s + row;
            out[i] += q0 * padded[p] + q1 * padded[p + 1] + q2 * padded[p + 2]
              + q3 * padded[s] + q4 * padded[s + 1] + q5 * padded[s + 2] + q6 * padded[t] + q7 * padded[t + 1] + q8 * padded[t + 2];
          }
        }
      }
    }
    activate(out, 0, O * H * W, act);
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
};
