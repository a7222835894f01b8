// What each part of the network costs, as costs.py counts it: parameters, and multiply-adds for an image of height x width image pixels.
// costs.py counts a model that is there; here it follows from the sizes alone, for a page that has no model. `spec` is an entry
// of SIZES, {name, residuals, levels, heads, injected, depthwiseFuse}; `classes` is null for a backbone.

function costs(spec, classes, height, width) {
  const KEY_DIM = 16, ATTN_RATIO = 2, MLP_RATIO = 2, BLOCKS = 4, STEM_CHANNELS = 16; // the same in every size
  const found = [];
  let y = height, x = width, part;

  const open = (name) => found.push((part = { part: name, params: 0, multiply_adds: 0 }));
  // A convolution at the size (y, x) of its result; with BatchNorm it has a gain and a bias per channel.
  const convolution = (inp, out, { kernel = 1, groups = 1, norm = true, bias = false } = {}) => {
    const weights = (inp / groups) * out * kernel ** 2;
    part.params += weights + (norm ? 2 * out : 0) + (bias ? out : 0);
    part.multiply_adds += weights * y * x;
  };
  const halve = (times = 1) => {
    for (; times > 0; times--) [y, x] = [Math.ceil(y / 2), Math.ceil(x / 2)];
  };

  // The pyramid; the stem counts with its first level.
  open("pyramid0");
  halve();
  convolution(3, STEM_CHANNELS, { kernel: 3 });
  let inp = STEM_CHANNELS;
  const channels = [], grids = [];
  for (const [i, [kernel, expand, out, stride]] of spec.residuals.entries()) {
    const hidden = inp * expand;
    if (expand !== 1) convolution(inp, hidden);
    if (stride === 2) halve();
    convolution(hidden, hidden, { kernel, groups: hidden });
    convolution(hidden, out);
    inp = out;
    if (!spec.levels.includes(i)) continue;
    channels.push(out);
    grids.push([y, x]);
    if (channels.length < spec.levels.length) open(`pyramid${channels.length}`);
  }

  // The blocks, on the token grid.
  halve();
  const C = channels.reduce((a, b) => a + b), token = [y, x], HW = y * x, nh_kd = spec.heads * KEY_DIM, dh = ATTN_RATIO * nh_kd;
  for (let n = 0; n < BLOCKS; n++) {
    open(`block${n}`);
    for (const out of [nh_kd, nh_kd, dh]) convolution(C, out);
    part.multiply_adds += spec.heads * HW ** 2 * (KEY_DIM + ATTN_RATIO * KEY_DIM); // query @ key, weights @ value
    convolution(dh, C);
    convolution(C, MLP_RATIO * C);
    convolution(MLP_RATIO * C, MLP_RATIO * C, { kernel: 3, groups: MLP_RATIO * C, norm: false, bias: true });
    convolution(MLP_RATIO * C, C);
  }
  if (classes === null) return found;

  // What the injections take from a level is of its size, what they take from the blocks' output of the token grid's.
  const M = spec.injected;
  for (const n of [1, 2, 3]) {
    open(`injected${n}`);
    for ([y, x] of [grids[n], token, token]) convolution(channels[n], M);
  }
  open("class_scores");
  [y, x] = grids[1];
  convolution(M, M, { groups: spec.depthwiseFuse ? M : 1 });
  convolution(M, classes, { norm: false, bias: true });
  return found;
}
