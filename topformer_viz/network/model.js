// TopFormer (Zhang et al., CVPR 2022, arXiv 2204.05525) in JavaScript, to be read beside model.py: the same parts under the same
// names. A tensor has no batch axis, and its numbers lie in the kernels' memory (kernels.js), which does the arithmetic.
//
// Every tensor worth teaching passes through `keep(name, tensor)`, which hands back what flows on: a plain forward pass ignores it,
// `trace` records it. Between the layers `pause(share)` is awaited, with the share that is done: others come between there, and
// what it throws ends the pass.

const DENSE_TOKENS = 1024; // above it attention makes no HW x HW tensor: they soon take gigabytes

// The `keep` of a plain forward pass: records nothing.
const ignore = (name, tensor) => tensor;

// The `pause` of a pass that does not stop.
const atOnce = async () => {};

// `keep` with every name put under `prefix`: "scores" becomes "block0.scores".
const under = (prefix, keep) => (name, tensor) => keep(`${prefix}.${name}`, tensor);

// `residuals` lists the inverted residuals as [kernel, expand, out channels, stride]; `levels` are the 0-based ones whose outputs form
// the token pyramid; `injected` is the width M of the injected maps; `depthwiseFuse`: whether the head's first convolution leaves each
// of these channels to itself. A checkpoint may set the last two otherwise.
const SIZES = {
  tiny: {
    name: "tiny",
    residuals: [[3, 1, 16, 1], [3, 4, 16, 2], [3, 3, 16, 1], [5, 3, 32, 2], [5, 3, 32, 1], [3, 3, 64, 2], [3, 3, 64, 1],
      [5, 6, 96, 2], [5, 6, 96, 1]],
    levels: [2, 4, 6, 8], heads: 4, injected: 128, depthwiseFuse: true,
  },
  small: {
    name: "small",
    residuals: [[3, 1, 16, 1], [3, 4, 24, 2], [3, 3, 24, 1], [5, 3, 48, 2], [5, 3, 48, 1], [3, 3, 96, 2], [3, 3, 96, 1],
      [5, 6, 128, 2], [5, 6, 128, 1], [3, 6, 128, 1]],
    levels: [2, 4, 6, 9], heads: 6, injected: 192, depthwiseFuse: false,
  },
  base: {
    name: "base",
    residuals: [[3, 1, 16, 1], [3, 4, 32, 2], [3, 3, 32, 1], [5, 3, 64, 2], [5, 3, 64, 1], [3, 3, 128, 2], [3, 3, 128, 1],
      [5, 6, 160, 2], [5, 6, 160, 1], [3, 6, 160, 1]],
    levels: [2, 4, 6, 9], heads: 8, injected: 256, depthwiseFuse: false,
  },
};

// Channels of the four pyramid levels; their sum is C.
const channelsOf = (spec) => spec.levels.map((level) => spec.residuals[level][2]);

const KEY_DIM = 16, ATTN_RATIO = 2, MLP_RATIO = 2, BLOCKS = 4; // the same in every size
const STEM_CHANNELS = 16;
const EPS = 1e-5; // of every BatchNorm, below its square root

// ------------------------------------------------------------ what PyTorch brings along

// A convolution; `depthwise`: each channel by its own filter. An activation that follows it is done with it. The parts of a network
// are made of a `net`: {kernels, tensors, folded, norms}, and of their own name in it.
class Conv2d {
  constructor({ kernels }, { shape, data }, bias, stride = 1, depthwise = false) {
    const [out, , kernel] = shape;
    Object.assign(this, { kernels, out, kernel, stride, depthwise });
    this.weight = depthwise ? data : packed(data, out);
    this.bias = bias && packed(bias, out);
  }

  shape([, h, w]) {
    return [this.out, Math.ceil(h / this.stride), Math.ceil(w / this.stride)];
  }

  forward(x, act = NONE, out = this.kernels.tensor(this.shape(x.shape))) {
    const { kernels, weight, bias, kernel, stride } = this, [C, h, w] = x.shape, [O, H, W] = out.shape, P = H * W;
    if (kernel === 1) {
      if (this.depthwise) kernels.run("affine", x.data, weight, bias, out.data, O, P, act);
      else kernels.run("pointwise", x.data, P, weight, C, 4, bias, out.data, P, C, O, P, act);
    } else {
      kernels.aside(() => {
        const margin = kernel - 1, planes = this.depthwise ? 1 : C; // rows of the padded planes end with room for two quads
        const padded = kernels.array(planes * (h + margin) * (w + margin + 9));
        if (this.depthwise) kernels.run("depthwise", x.data, C, h, w, weight, bias, padded, out.data, H, W, kernel, stride, act);
        else kernels.run("stem", x.data, h, w, weight, bias, padded, out.data, H, W, O, act);
      });
    }
    return out;
  }
}

// In eval mode: each channel less its stored mean, by its stored standard deviation, times the gain, plus the bias.
class BatchNorm2d {
  constructor({ kernels, tensors, norms }, name) {
    Object.assign(this, { kernels });
    for (const part of ["weight", "bias", "running_mean", "running_var"]) this[part] = tensors[`${name}.${part}`].data;
    this.measure = () => {}; // what sees its input first; see withBatchStatistics
    norms.push(this);
  }

  // The whole of it as one factor and one summand for each channel.
  line() {
    const scale = this.weight.map((gain, c) => gain / Math.sqrt(Math.fround(this.running_var[c] + EPS)));
    return [scale, this.bias.map((bias, c) => bias - this.running_mean[c] * scale[c])];
  }

  // In place.
  forward(x, act) {
    this.measure(x);
    const [C, H, W] = x.shape;
    this.kernels.run("affine", x.data, ...this.line(), x.data, C, H * W, act);
    return x;
  }
}

// A convolution without bias and its BatchNorm: folded into the convolution, or applied after it as model.py writes it.
class Normalised {
  constructor(net, conv, bn, stride, depthwise) {
    const { shape, data } = net.tensors[`${conv}.weight`], norm = new BatchNorm2d(net, bn);
    if (net.folded) {
      const [scale, shift] = norm.line(), each = data.length / shape[0];
      this.conv = new Conv2d(net, { shape, data: data.map((w, i) => w * scale[Math.floor(i / each)]) }, shift, stride, depthwise);
    } else {
      this.conv = new Conv2d(net, { shape, data }, null, stride, depthwise);
      this.bn = norm;
    }
  }

  forward(x, act = NONE, out = undefined) {
    return this.bn ? this.bn.forward(this.conv.forward(x, NONE, out), act) : this.conv.forward(x, act, out);
  }
}

function plus(kernels, a, b, out = kernels.tensor(a.shape)) {
  kernels.run("add", a.data, b.data, out.data, a.shape.reduce((x, y) => x * y, 1));
  return out;
}

// What `keep` hands back for a tensor flows on: the numbers of another take the place of those that were computed, for whatever lies
// on them.
function kept(keep, name, tensor) {
  const back = keep(name, tensor), { shape } = tensor;
  const copy = (axis, to, from) => {
    if (axis === shape.length) tensor.data[to] = back.data[from];
    else for (let i = 0; i < shape[axis]; i++) copy(axis + 1, to + i * tensor.strides[axis], from + i * back.strides[axis]);
  };
  if (back !== tensor) copy(0, 0, 0);
  return tensor;
}

// ------------------------------------------------------------ the parts of TopFormer

// A convolution without bias, then BatchNorm.
class Conv2d_BN extends Normalised {
  constructor(net, name, stride = 1, depthwise = false) {
    super(net, `${name}.c`, `${name}.bn`, stride, depthwise);
  }
}

// 1x1 convolution to `expand` times the width, k x k depthwise, 1x1 back; a skip where shapes allow.
class InvertedResidual {
  constructor(net, name, inp, out, stride, expand) {
    const first = expand === 1 ? 0 : 2; // convolutions and activations are counted alike in the names
    this.kernels = net.kernels;
    this.widen = expand === 1 ? null : new Conv2d_BN(net, `${name}.conv.0`);
    this.filter = new Conv2d_BN(net, `${name}.conv.${first}`, stride, true);
    this.narrow = new Conv2d_BN(net, `${name}.conv.${first + 2}`);
    this.skip = stride === 1 && inp === out;
  }

  forward(x) {
    const { kernels } = this, [, H, W] = this.filter.conv.shape(x.shape), out = kernels.tensor([this.narrow.conv.out, H, W]);
    kernels.aside(() => {
      const wide = this.widen ? this.widen.forward(x, RELU) : x;
      this.narrow.forward(this.filter.forward(wide, RELU), NONE, out);
      if (this.skip) plus(kernels, x, out, out);
    });
    return out;
  }
}

// The convolutional trunk: an image in, its four levels at 1/4, 1/8, 1/16 and 1/32 out.
class TokenPyramidModule {
  constructor(net, name, spec) {
    this.levels = spec.levels;
    this.stem = new Conv2d_BN(net, `${name}.stem.0`, 2);
    this.layers = spec.residuals.map(([, expand, out, stride], i) => {
      const inp = i ? spec.residuals[i - 1][2] : STEM_CHANNELS;
      return new InvertedResidual(net, `${name}.layer${i + 1}`, inp, out, stride, expand);
    });
  }

  async forward(image, keep, pause) {
    const pyramid = [];
    let x = this.stem.forward(image, RELU);
    for (const [i, layer] of this.layers.entries()) {
      await pause();
      x = layer.forward(x);
      if (this.levels.includes(i)) pyramid.push(kept(keep, `pyramid${pyramid.length}`, x)); // (C_n, H_n, W_n)
    }
    return pyramid;
  }
}

// Every level averaged down to the token grid, 1/64 of the image, and concatenated: (C, H, W).
function poolPyramid(kernels, pyramid) {
  const [H, W] = pyramid.at(-1).shape.slice(1).map((side) => Math.floor((side - 1) / 2) + 1);
  const tokens = kernels.tensor([pyramid.reduce((C, { shape }) => C + shape[0], 0), H, W]);
  let from = 0;
  for (const { data, shape: [C, h, w] } of pyramid) {
    kernels.run("pool", data, C, h, w, tokens.data.subarray(from * H * W), H, W);
    from += C;
  }
  return tokens;
}

// TopFormer's attention: (C, H, W) in, (C, H, W) out; every token reads every token.
//
// `keyDim` features per head for query and key, `d = attnRatio * keyDim` for value. The authors' code also stores
// `scale = key_dim ** -0.5` and never uses it; here it is left out: scores are not scaled. With more than DENSE_TOKENS tokens neither
// scores nor weights are made or kept.
class Attention {
  constructor(net, name, keyDim, numHeads, attnRatio) {
    Object.assign(this, { kernels: net.kernels, numHeads, keyDim, d: attnRatio * keyDim });
    this.toQ = new Conv2d_BN(net, `${name}.to_q`);
    this.toK = new Conv2d_BN(net, `${name}.to_k`);
    this.toV = new Conv2d_BN(net, `${name}.to_v`);
    this.proj = new Conv2d_BN(net, `${name}.proj.1`);
  }

  forward(x, keep) {
    const [, H, W] = x.shape, { kernels, numHeads: heads, keyDim, d } = this, HW = H * W, dh = heads * d;
    x = kept(keep, "tokens", x); // (C, H, W)

    const queryMap = kept(keep, "query_map", this.toQ.forward(x)); // (nh_kd, H, W)
    const query = kept(keep, "query", tensorOf(queryMap.data, [heads, HW, keyDim], [keyDim * HW, 1, HW])); // permuted

    const keyMap = kept(keep, "key_map", this.toK.forward(x)); // (nh_kd, H, W)
    const key = kept(keep, "key", tensorOf(keyMap.data, [heads, keyDim, HW]));

    const valueMap = kept(keep, "value_map", this.toV.forward(x)); // (dh, H, W)
    const value = kept(keep, "value", tensorOf(valueMap.data, [heads, HW, d], [d * HW, 1, HW])); // permuted

    const merged = kernels.tensor([dh, H, W]);
    let mixed = tensorOf(merged.data, [heads, HW, d], [d * HW, 1, HW]); // merged, permuted
    if (HW <= DENSE_TOKENS) {
      const scores = kernels.tensor([heads, HW, HW]);
      for (let h = 0; h < heads; h++) this.score(query, key, h, 0, HW, scores.data.subarray(h * HW * HW));
      kept(keep, "scores", scores);
      const weights = kernels.tensor([heads, HW, HW]); // each row sums to 1
      kernels.run("softmax", scores.data, heads * HW, HW, weights.data);
      kept(keep, "weights", weights);
      for (let h = 0; h < heads; h++) this.mix(weights.data.subarray(h * HW * HW), value, h, 0, HW, mixed);
    } else {
      this.fused(query, key, value, mixed); // the same with no HW x HW between
    }
    mixed = kept(keep, "mixed", mixed);

    kept(keep, "merged", merged); // the heads one after another: (dh, H, W)
    const activated = kernels.tensor([dh, H, W]);
    kernels.run("affine", merged.data, null, null, activated.data, 1, dh * HW, RELU6);
    kept(keep, "activated", activated);
    return kept(keep, "projected", this.proj.forward(activated)); // (C, H, W)
  }

  // query @ key of a head, for `rows` queries from `first` on.
  score(query, key, head, first, rows, out) {
    const { keyDim } = this, HW = query.shape[1], from = head * keyDim * HW, asking = query.data.subarray(from + first);
    this.kernels.run("pointwise", key.data.subarray(from), HW, asking, 1, HW, null, out, HW, keyDim, rows, HW, NONE);
  }

  // weights @ value of a head, for the same queries.
  mix(weights, value, head, first, rows, mixed) {
    const HW = value.shape[1], from = head * this.d * HW;
    this.kernels.run("mix", weights, value.data.subarray(from), mixed.data.subarray(from + first), HW, rows, HW, this.d);
  }

  fused(query, key, value, mixed) {
    const { kernels } = this, HW = query.shape[1], most = 64;
    kernels.aside(() => {
      const rows = kernels.array(most * HW);
      for (let head = 0; head < this.numHeads; head++) {
        for (let first = 0; first < HW; first += most) {
          const count = Math.min(most, HW - first);
          this.score(query, key, head, first, count, rows);
          kernels.run("softmax", rows, count, HW, rows);
          this.mix(rows, value, head, first, count, mixed);
        }
      }
    });
  }
}

// 1x1 convolution to twice the width, 3x3 depthwise (here position comes in), ReLU6, 1x1 back.
class Mlp {
  constructor(net, name) {
    const [weight, bias] = ["weight", "bias"].map((part) => net.tensors[`${name}.dwconv.${part}`]);
    this.kernels = net.kernels;
    this.fc1 = new Conv2d_BN(net, `${name}.fc1`);
    this.dwconv = new Conv2d(net, weight, bias.data, 1, true);
    this.fc2 = new Conv2d_BN(net, `${name}.fc2`);
  }

  forward(x) {
    const out = this.kernels.tensor(x.shape);
    this.kernels.aside(() => this.fc2.forward(this.dwconv.forward(this.fc1.forward(x), RELU6), NONE, out));
    return out;
  }
}

// Attention, then an MLP, each added to its own input.
class Block {
  constructor(net, name, heads) {
    this.kernels = net.kernels;
    this.attn = new Attention(net, `${name}.attn`, KEY_DIM, heads, ATTN_RATIO);
    this.mlp = new Mlp(net, `${name}.mlp`);
  }

  forward(x, keep) {
    x = kept(keep, "residual", plus(this.kernels, x, this.attn.forward(x, keep))); // (C, H, W)
    const mlp = kept(keep, "mlp", this.mlp.forward(x)); // (C, H, W)
    return kept(keep, "output", plus(this.kernels, x, mlp)); // (C, H, W)
  }
}

// The blocks, one after another.
class BasicLayer {
  constructor(net, name, heads) {
    this.transformerBlocks = Array.from({ length: BLOCKS }, (_, i) => new Block(net, `${name}.transformer_blocks.${i}`, heads));
  }

  async forward(x, keep, pause) {
    for (const [i, block] of this.transformerBlocks.entries()) {
      await pause();
      x = block.forward(x, under(`block${i}`, keep));
    }
    return x;
  }
}

// Convolution without bias, then BatchNorm, under mmcv's names.
class ConvModule extends Normalised {
  constructor(net, name, depthwise = false) {
    super(net, `${name}.conv`, `${name}.bn`, 1, depthwise);
  }
}

// Meaning meets detail: the pyramid level, gated by its part of the blocks' output, plus that part.
class InjectionMultiSum {
  constructor(net, name) {
    this.kernels = net.kernels;
    this.localEmbedding = new ConvModule(net, `${name}.local_embedding`);
    this.globalEmbedding = new ConvModule(net, `${name}.global_embedding`);
    this.globalAct = new ConvModule(net, `${name}.global_act`);
  }

  forward(level, part, n, keep) {
    const { kernels } = this, size = level.shape.slice(1);
    const gate = kept(keep, `gate${n}`, this.globalAct.forward(part, HARDSIGMOID)); // (M, H, W), between 0 and 1
    const out = kernels.tensor([gate.shape[0], ...size]);
    kernels.aside(() => {
      const local = this.localEmbedding.forward(level), meaning = resize(kernels, this.globalEmbedding.forward(part), size);
      kernels.run("gated", local.data, resize(kernels, gate, size).data, meaning.data, out.data, gate.shape[0] * size[0] * size[1]);
    });
    return out;
  }
}

// Bilinear, `align_corners` off, as the authors do.
function resize(kernels, x, [H, W]) {
  const [C, h, w] = x.shape, out = kernels.tensor([C, H, W]);
  kernels.aside(() => kernels.run("resize", x.data, C, h, w, kernels.array(h * W), out.data, H, W));
  return out;
}

// Sum of the three injected maps at the finest one's size, fused, classified.
class SimpleHead {
  constructor(net, name, depthwise) {
    const [weight, bias] = ["weight", "bias"].map((part) => net.tensors[`${name}.conv_seg.${part}`]);
    this.kernels = net.kernels;
    this.linearFuse = new ConvModule(net, `${name}.linear_fuse`, depthwise);
    this.convSeg = new Conv2d(net, weight, bias.data);
  }

  forward(injected) {
    const { kernels } = this, size = injected[0].shape.slice(1), out = kernels.tensor([this.convSeg.out, ...size]);
    kernels.aside(() => {
      let total = injected[0];
      for (const other of injected.slice(1)) total = plus(kernels, total, resize(kernels, other, size));
      this.convSeg.forward(this.linearFuse.forward(total, RELU), NONE, out);
    });
    return out;
  }
}

// Pyramid, blocks and, unless it is an ImageNet backbone, injection.
class Backbone {
  constructor(net, name, spec, injection) {
    Object.assign(this, { kernels: net.kernels, channels: channelsOf(spec) });
    this.tpm = new TokenPyramidModule(net, `${name}.tpm`, spec);
    this.trans = new BasicLayer(net, `${name}.trans`, spec.heads);
    // The first part, of the 1/4 level, is dropped: its place holds nothing.
    this.SIM = injection ? [null, ...[1, 2, 3].map((n) => new InjectionMultiSum(net, `${name}.SIM.${n}`))] : [];
  }

  async forward(image, keep, pause) {
    const pyramid = await this.tpm.forward(image, keep, pause);
    const tokens = kept(keep, "tokens", poolPyramid(this.kernels, pyramid)); // (C, H, W)
    const output = await this.trans.forward(tokens, keep, pause);
    return this.SIM.length ? this.inject(pyramid, output, keep, pause) : [output];
  }

  async inject(pyramid, output, keep, pause) {
    const [, H, W] = output.shape, injected = [];
    for (let n = 1, from = this.channels[0]; n < 4; from += this.channels[n++]) {
      await pause();
      const part = tensorOf(output.data.subarray(from * H * W, (from + this.channels[n]) * H * W), [this.channels[n], H, W]);
      injected.push(kept(keep, `injected${n}`, this.SIM[n].forward(pyramid[n], part, n, keep))); // (M, H_n, W_n)
    }
    return injected;
  }
}

// ------------------------------------------------------------ whole networks

// What TopFormer and the colour model share: the kernels' memory is made ready for a pass, and what it computed stays there until
// the next one, with room behind it for `again`. `pass(image, keep, pause)` and `rest(tensors, keep, pause)` are theirs.
class Model {
  constructor(state, kernels, folded) {
    const { spec, classes, classNames, tensors } = state;
    Object.assign(this, { kernels, spec, classes, classNames, net: { kernels, tensors, folded, norms: [] } });
  }

  // A parameter or a statistic under its name in a checkpoint, never folded.
  parameter(name) {
    return this.net.tensors[name].data;
  }

  async forward(image, keep = ignore, pause = atOnce) {
    await this.kernels.begin(async () => {
      const tensors = {};
      await this.pass(image, (name, tensor) => (tensors[name] = tensor), atOnce);
      await this.rest(tensors, ignore, atOnce);
    });
    const out = await this.pass(image, keep, paced(pause, this.steps));
    this.kernels.stay();
    return out;
  }

  // What the run would have returned with `keep` at work in its blocks: what it hands back flows on. The pyramid and its pooled tokens
  // are the run's own, the last run's of this network; from there on the network runs again.
  async again(run, keep, pause = atOnce) {
    this.kernels.resume();
    return this.rest(run.tensors, keep, paced(pause, this.steps));
  }
}

// Shares of a pass of so many steps.
function paced(pause, steps) {
  let done = 0;
  return () => pause(done++ / steps);
}

// The whole network: normalised RGB (3, Y, X) in, class scores (classes, Y/8, X/8) out.
//
// `state`: {spec, classes, classNames, tensors}, as weights.js and initialise.js make it. Where its `classes` is null it is an
// ImageNet backbone, without injection and head, and returns the last block's output (C, Y/64, X/64). `classNames` are the classes'
// names where a checkpoint gives them, one per channel of the scores, as it spells them. `folded`: BatchNorm becomes part of the
// convolution before it; otherwise it is applied after it, as model.py writes it.
class TopFormer extends Model {
  constructor(state, kernels, folded = true) {
    super(state, kernels, folded);
    const { spec, classes, net } = this;
    Object.assign(this, { size: spec.name, channels: channelsOf(spec), numHeads: spec.heads, numBlocks: BLOCKS });
    this.backbone = new Backbone(net, "backbone", spec, classes !== null);
    if (classes !== null) this.decodeHead = new SimpleHead(net, "decode_head", spec.depthwiseFuse);
    this.steps = spec.residuals.length + BLOCKS + this.backbone.SIM.length;
  }

  // [H, W] of the token grid for an image of height x width pixels: each side / 64, rounded up.
  tokenGrid(height, width) {
    return [Math.ceil(height / 64), Math.ceil(width / 64)];
  }

  async pass(image, keep, pause) {
    const features = await this.backbone.forward(keep("image", image), keep, pause);
    if (this.classes === null) return features[0];
    await pause();
    return kept(keep, "class_scores", this.decodeHead.forward(features)); // (classes, H_1, W_1)
  }

  // What the network would have returned of a run had `output` (C, H, W) been its blocks': as in `again`, but without running them.
  async onward(run, output, pause = atOnce) {
    this.kernels.resume();
    return this.classified(run.tensors, output, paced(pause, this.backbone.SIM.length));
  }

  async rest(tensors, keep, pause) {
    const tokens = this.kernels.tensor(tensors.tokens.shape);
    tokens.data.set(tensors.tokens.data); // a copy, as `keep` may change it
    const output = await this.backbone.trans.forward(tokens, keep, pause);
    return this.classes === null ? output : this.classified(tensors, output, pause);
  }

  async classified(tensors, output, pause) {
    const pyramid = [0, 1, 2, 3].map((n) => tensors[`pyramid${n}`]);
    return this.decodeHead.forward(await this.backbone.inject(pyramid, output, ignore, pause));
  }
}

// Every tensor of such a network in a checkpoint, {name: shape} in the order in which PyTorch builds it.
function parametersOf(spec, classes) {
  const all = new Map(), dim = channelsOf(spec).reduce((a, b) => a + b, 0);
  const norm = (name, width) => {
    for (const part of ["weight", "bias", "running_mean", "running_var"]) all.set(`${name}.${part}`, [width]);
    all.set(`${name}.num_batches_tracked`, []);
  };
  const conv = (name, bn, shape) => {
    all.set(`${name}.weight`, shape);
    norm(bn, shape[0]);
  };
  const conv2dBN = (name, inp, out, kernel = 1) => conv(`${name}.c`, `${name}.bn`, [out, inp, kernel, kernel]);
  const convModule = (name, inp, out) => conv(`${name}.conv`, `${name}.bn`, [out, inp, 1, 1]);

  conv2dBN("backbone.tpm.stem.0", 3, STEM_CHANNELS, 3);
  let inp = STEM_CHANNELS;
  for (const [i, [kernel, expand, out]] of spec.residuals.entries()) {
    const at = `backbone.tpm.layer${i + 1}.conv`, hidden = inp * expand, first = expand === 1 ? 0 : 2;
    if (expand !== 1) conv2dBN(`${at}.0`, inp, hidden);
    conv2dBN(`${at}.${first}`, 1, hidden, kernel);
    conv2dBN(`${at}.${first + 2}`, hidden, out);
    inp = out;
  }
  const qk = spec.heads * KEY_DIM, dh = qk * ATTN_RATIO, hidden = MLP_RATIO * dim;
  for (let n = 0; n < BLOCKS; n++) {
    const at = `backbone.trans.transformer_blocks.${n}`;
    for (const [name, width] of [["to_q", qk], ["to_k", qk], ["to_v", dh]]) conv2dBN(`${at}.attn.${name}`, dim, width);
    conv2dBN(`${at}.attn.proj.1`, dh, dim);
    conv2dBN(`${at}.mlp.fc1`, dim, hidden);
    all.set(`${at}.mlp.dwconv.weight`, [hidden, 1, 3, 3]).set(`${at}.mlp.dwconv.bias`, [hidden]);
    conv2dBN(`${at}.mlp.fc2`, hidden, dim);
  }
  if (classes === null) return all;
  for (const [n, channels] of channelsOf(spec).entries()) {
    const parts = n ? ["local_embedding", "global_embedding", "global_act"] : [];
    for (const part of parts) convModule(`backbone.SIM.${n}.${part}`, channels, spec.injected);
  }
  convModule("decode_head.linear_fuse", spec.depthwiseFuse ? 1 : spec.injected, spec.injected);
  return all.set("decode_head.conv_seg.weight", [classes, spec.injected, 1, 1]).set("decode_head.conv_seg.bias", [classes]);
}

// BatchNorm counts its steps in training; that plays no part here.
const isCounter = (name) => name.endsWith("num_batches_tracked");

// ------------------------------------------------------------ a recorded run

// The axes of a kept tensor; AXES has them as run/stages.py declares them, a level's with {n} for its number.
function axesOf(name) {
  const [, stage, n] = name.match(/^(?:block\d\.)?(\D+)(\d?)$/);
  return AXES[n ? `${stage}{n}` : stage].map((axis) => axis.replace("{n}", n));
}

// Runs the model once and records every kept tensor, in the order of computation: {tensors, axes, sizes, seconds}. `axes` has each
// one's by its name, `sizes` maps an axis's name to its size, `seconds` is the forward pass's time, with what came between.
async function trace(model, image, pause = atOnce) {
  const tensors = {}, axes = {}, sizes = { B: 1 }, start = performance.now();
  await model.forward(image, (name, tensor) => (tensors[name] = tensor), pause);
  const seconds = (performance.now() - start) / 1000;
  for (const [name, { shape }] of Object.entries(tensors)) {
    axes[name] = axesOf(name);
    axes[name].forEach((axis, i) => (sizes[axis] = shape[i]));
  }
  return { tensors, axes, sizes, seconds };
}
