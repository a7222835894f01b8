// A network with a meaning before any training: TopFormer's attention over a grid of average colours. Beside colour.py, which tells
// why its parameters are what they are.
//
// Each token carries, beside the features u of a question, their squared length |u|^2 and a 1. Then minus the squared distance is a
// plain dot product of two linear maps of the tokens:
//
//     score_ij = -b |u_i - u_j|^2 = (2b u_i, -b, -b |u_i|^2) . (u_j, |u_j|^2, 1)

// Channels of a token: the ten features (which are also what each head's value hands on), then the squared lengths.
// Lightness and place are measured from the middle.
const FEATURES = ["red", "green", "blue", "L", "a", "b", "hue_x", "hue_y", "row", "column"];
const COLOUR_QUESTIONS = { colour: ["L", "a", "b"], brightness: ["L"], hue: ["hue_x", "hue_y"], place: ["row", "column"] };
// b above, one per head: a token at distance 1 / sqrt(b) is read exp(-1) times as much as the token itself.
const SHARPNESS = { colour: 400, brightness: 600, hue: 40, place: 120 };
const CHANNELS = [...FEATURES, ...Object.keys(COLOUR_QUESTIONS).map((question) => `${question} squared`), "one"];
const COLOUR_KEY_DIM = 5; // three features, their squared length and 1
const MIN_GRID = 8, MAX_GRID = 64;
const GREY = 0.04; // Oklab chroma below which a colour counts as nearly grey, and its hue fades out

// sRGB in 0..1 to Oklab, of one colour: distances near those people see (B. Ottosson, 2020).
function oklab(rgb) {
  const times = (rows, vector) => rows.map((row) => row.reduce((sum, factor, i) => sum + factor * vector[i], 0));
  const linear = rgb.map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
  const cones = [
    [0.4122214708, 0.5363325363, 0.0514459929],
    [0.2119034982, 0.6806995451, 0.1073969566],
    [0.0883024619, 0.2817188376, 0.6299787005],
  ];
  const opponents = [
    [0.2104542553, 0.793617785, -0.0040720468],
    [1.9779984951, -2.428592205, 0.4505937099],
    [0.0259040371, 0.7827717662, -0.808675766],
  ];
  return times(opponents, times(cones, linear).map((value) => Math.max(value, 0) ** (1 / 3)));
}

// One attention module, normalised RGB (3, Y, X) in, (15, H, W) out.
//
// `grid` is the number of tokens along the image's short side, 8 to 64.
class ColourModel extends Model {
  constructor(grid, kernels) {
    if (!(MIN_GRID <= grid && grid <= MAX_GRID)) {
      throw new RangeError(`the colour model's grid is ${MIN_GRID} to ${MAX_GRID} tokens, not ${grid}`);
    }
    super({ spec: null, classes: null, classNames: null, tensors: colourTensors() }, kernels, true);
    Object.assign(this, { grid, numHeads: Object.keys(COLOUR_QUESTIONS).length, numBlocks: 1, channels: [], steps: 1 });
    this.attn = new Attention(this.net, "attn", COLOUR_KEY_DIM, this.numHeads, 2);
  }

  // [H, W] of the grid for an image of height x width pixels; what a token covers is nearly as wide as high.
  tokenGrid(height, width) {
    const scale = this.grid / Math.min(height, width);
    return [roundToEven(height * scale), roundToEven(width * scale)];
  }

  // Average colour, its features and their squared lengths for each token: (3, Y, X) to (15, H, W).
  lift(image) {
    const { kernels } = this, [, Y, X] = image.shape, [H, W] = this.tokenGrid(Y, X), HW = H * W;
    const tokens = kernels.tensor([CHANNELS.length, H, W]);
    const unit = 2 * Math.min(H, W); // twice the short side, so that place lies in the same range as colour
    kernels.aside(() => {
      const means = kernels.array(3 * HW);
      kernels.run("pool", image.data, 3, Y, X, means, H, W);
      for (let i = 0; i < HW; i++) {
        const rgb = MEAN.map((mean, c) => Math.min(Math.max(means[c * HW + i] * STD[c] + mean, 0), 1));
        const lab = oklab(rgb), strength = Math.sqrt(lab[1] ** 2 + lab[2] ** 2 + GREY ** 2);
        const place = [Math.floor(i / W) - (H - 1) / 2, (i % W) - (W - 1) / 2].map((distance) => distance / unit);
        const features = Float32Array.of(...rgb, lab[0] - 0.5, lab[1], lab[2], lab[1] / strength, lab[2] / strength, ...place);
        const length = (names) => names.reduce((sum, name) => sum + features[FEATURES.indexOf(name)] ** 2, 0);
        const lengths = Object.values(COLOUR_QUESTIONS).map(length);
        [...features, ...lengths, 1].forEach((value, c) => (tokens.data[c * HW + i] = value));
      }
    });
    return tokens;
  }

  async pass(image, keep, pause) {
    await pause();
    image = keep("image", image);
    return this.attend(kept(keep, "tokens", this.lift(image)), keep);
  }

  async rest(tensors, keep) {
    const tokens = this.kernels.tensor(tensors.tokens.shape);
    tokens.data.set(tensors.tokens.data);
    return this.attend(tokens, keep);
  }

  attend(tokens, keep) {
    keep = under("block0", keep);
    return kept(keep, "residual", plus(this.kernels, tokens, this.attn.forward(tokens, keep))); // (C, H, W)
  }
}

// The parameters of its attention, under their names.
function colourTensors() {
  const heads = Object.entries(COLOUR_QUESTIONS), d = 2 * COLOUR_KEY_DIM, C = CHANNELS.length, tensors = {};
  const make = (name, out, inp) => {
    const parts = { weight: 1, bias: 0, running_mean: 0, running_var: 1 - EPS }; // BatchNorm divides by sqrt(var + eps): by exactly 1
    for (const [part, value] of Object.entries(parts)) {
      tensors[`attn.${name}.bn.${part}`] = { shape: [out], data: new Float32Array(out).fill(value) };
    }
    const { data } = (tensors[`attn.${name}.c.weight`] = { shape: [out, inp, 1, 1], data: new Float32Array(out * inp) });
    return (row, column, value) => (data[row * inp + column] = value);
  };
  const toQ = make("to_q", heads.length * COLOUR_KEY_DIM, C), toK = make("to_k", heads.length * COLOUR_KEY_DIM, C);
  const toV = make("to_v", heads.length * d, C), proj = make("proj.1", C, heads.length * d), channel = (name) => CHANNELS.indexOf(name);
  for (const [head, [question, features]] of heads.entries()) {
    const b = SHARPNESS[question];
    let row = head * COLOUR_KEY_DIM;
    for (const feature of features) {
      toQ(row, channel(feature), 2 * b);
      toK(row++, channel(feature), 1);
    }
    toQ(row, channel("one"), -b);
    toK(row++, channel(`${question} squared`), 1);
    toQ(row, channel(`${question} squared`), -b);
    toK(row, channel("one"), 1);
    for (const i of FEATURES.keys()) { // value: what a token hands on is its ten features
      toV(head * d + i, i, 1);
      proj(i, head * d + i, 1 / heads.length); // the heads' mean comes back
    }
  }
  return tensors;
}
