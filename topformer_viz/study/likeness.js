// Does an image look like those that the bundled checkpoint learned from? As study/likeness.py tells.

// How unlike the training images a run is, where its tokens leave the blocks and where they enter them. `fitted`: the tensors
// typical (K, C), mean (C) and whiten (C, C).
const likenessDistances = (fitted, run) => [fromTypical(fitted, run), fromMean(fitted, run)];

// 1 minus the cosine similarity of a token of the last block's output and the typical one most like it, the mean over the run's tokens.
function fromTypical({ typical }, run) {
  const last = Object.keys(run.tensors).filter((name) => name.endsWith(".output")).sort().at(-1);
  const { data, shape: [C, H, W], strides: [sc, sh, sw] } = run.tensors[last], K = typical.data.length / C;
  const lengths = Array.from({ length: K }, (_, k) => Math.hypot(...typical.data.subarray(k * C, (k + 1) * C))), token = new Float64Array(C);
  let sum = 0;
  for (let y = 0; y < H; y++) {
    for (let x = 0; x < W; x++) {
      let squares = 0, most = -1;
      for (let c = 0, at = y * sh + x * sw; c < C; c++, at += sc) squares += (token[c] = data[at]) ** 2;
      for (let k = 0, at = 0; k < K; k++) {
        let product = 0;
        for (let c = 0; c < C; c++, at++) product += typical.data[at] * token[c];
        most = Math.max(most, product / (lengths[k] || 1));
      }
      sum += most / (Math.sqrt(squares) || 1);
    }
  }
  return 1 - sum / (H * W);
}

// How far the tokens that enter the first block, averaged over the grid, lie from the mean of the training images' in standard
// deviations (root mean square over C directions).
function fromMean({ mean, whiten }, run) {
  const { data, shape: [C, H, W], strides: [sc, sh, sw] } = run.tensors.tokens, off = new Float64Array(C);
  for (let c = 0; c < C; c++) {
    let sum = 0;
    for (let y = 0; y < H; y++) for (let x = 0, at = c * sc + y * sh; x < W; x++, at += sw) sum += data[at];
    off[c] = sum / (H * W) - mean.data[c];
  }
  let squares = 0;
  for (let row = 0, at = 0; row < C; row++) {
    let direction = 0;
    for (let c = 0; c < C; c++, at++) direction += whiten.data[at] * off[c];
    squares += direction * direction;
  }
  return Math.sqrt(squares / C);
}
