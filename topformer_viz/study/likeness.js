// Does an image look like the streets that the bundled checkpoint knows? As study/likeness.py tells.

// How far the run's summary, the last block's output averaged over the grid, lies from the mean of the training images' in standard
// deviations (root mean square over C directions). `fitted`: tensors mean (C) and whiten (C, C).
function likenessDistance({ mean, whiten }, run) {
  const last = Object.keys(run.tensors).filter((name) => name.endsWith(".output")).sort().at(-1);
  const { data, shape: [C, H, W], strides: [sc, sh, sw] } = run.tensors[last], off = new Float64Array(C);
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
