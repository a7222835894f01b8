// The network's input: an image's sides, and the image as a tensor. Stands beside input.py.

// Per channel (R, G, B), for values in 0..1: the ImageNet statistics TopFormer was trained with.
const MEAN = [0.485, 0.456, 0.406];
const STD = [0.229, 0.224, 0.225];

// The [width, height] in image pixels, both multiples of 64, at which an image of this width and height is fed to the network.
// `shortSide`: the wanted short side, rounded to a multiple of 64; `maxTokens`: the most tokens wanted. To keep to it, the whole is
// reduced in steps of 64 of the short side, and if one row of tokens is still too many, the row is cut.
function networkSize(width, height, shortSide = 512, maxTokens = 512) {
  if (!(Math.min(width, height, shortSide, maxTokens) >= 1)) throw new RangeError("width, height, shortSide and maxTokens must be at least 1");
  const small = Math.min(width, height), large = Math.max(width, height);
  const along = (short) => Math.floor((2 * short * large + small) / (2 * small)); // tokens on the long side, rounded; never less than short
  let short = Math.max(1, Math.floor((shortSide + CELL / 2) / CELL)), long = along(short);
  while (short > 1 && short * long > maxTokens) long = along(--short);
  long = Math.min(long, Math.floor(maxTokens / short));
  return width >= height ? [long * CELL, short * CELL] : [short * CELL, long * CELL];
}

// The network's input, float32 [3, Y, X]: the picture / 255, less MEAN, by STD. Each step is rounded to float32, as PyTorch's is: so
// the numbers are the same, to the bit. A level of a channel has one answer, which is looked up.
function toTensor({ data, width, height }) {
  const n = width * height, out = new Float32Array(3 * n);
  for (let c = 0; c < 3; c++) {
    const mean = Math.fround(MEAN[c]), std = Math.fround(STD[c]);
    const of = Float32Array.from({ length: 256 }, (_, level) => Math.fround(Math.fround(level / 255) - mean) / std);
    for (let i = 0, at = c, to = c * n; i < n; i++, at += 4, to++) out[to] = of[data[at]];
  }
  return tensorOf(out, [3, height, width]);
}
