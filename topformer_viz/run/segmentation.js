// From class scores to a segmentation, and what becomes of it when attention, a head of it, or the blocks after one are taken away; as
// run/segmentation.py does. SILENCED comes from there: traced tensors that are set to 0.

// Class scores (classes, h, w), brought to `size` (Y, X) bilinearly, then the best class of each image pixel: `labels`, a list of
// Y * X, and its confidence `sure`, the probability after softmax.
async function segment(scores, size, pause) {
  const [Y, X] = size, sure = new Float32Array(Y * X);
  const labels = await labelled(scores, size, pause, (line, best, y) => confidence(line, best, sure.subarray(y * X, (y + 1) * X)));
  return { labels, sure };
}

// The classes alone: most segmentations are only compared. `see` is shown every line of image pixels: the scores (classes, X) and
// the best of them (X).
async function labelled(scores, [Y, X], pause, see = () => {}) {
  const [classes, h, w] = scores.shape, numbers = inOrder(scores), labels = new Uint16Array(Y * X);
  const down = between(h, Y), along = between(w, X), best = new Float32Array(X), line = new Float32Array(classes * X);
  // The two rows of scores between which a line of image pixels lies, each brought to X once.
  const known = [0, 1].map(() => ({ row: -1, wide: new Float32Array(classes * X) }));
  const widened = (row, other) => {
    const here = known.find((each) => each.row === row) ?? known.find((each) => each.row !== other);
    if (here.row !== row) widen(numbers, h, w, (here.row = row), along, here.wide);
    return here.wide;
  };
  for (let y = 0; y < Y; y++) {
    if (y % 16 === 0) await pause();
    const [first, second] = [down.first[y], down.second[y]];
    blend(widened(first, second), widened(second, first), down.less[y], down.more[y], line, best, labels.subarray(y * X, (y + 1) * X));
    see(line, best, y);
  }
  return labels;
}

// A row of every class's scores at the places `along` it: (classes, X).
function widen(numbers, h, w, row, { first, second, less, more }, out) {
  for (let from = row * w, at = 0; at < out.length; from += h * w) {
    for (let x = 0; x < first.length; x++, at++) out[at] = numbers[from + first[x]] * less[x] + numbers[from + second[x]] * more[x];
  }
}

// A line of image pixels between two rows: its scores (classes, X), the best of them, and whose it is; of equals the first.
function blend(over, under, less, more, line, best, labels) {
  best.fill(-Infinity);
  for (let c = 0, at = 0; at < line.length; c++) {
    for (let x = 0; x < best.length; x++, at++) {
      line[at] = over[at] * less + under[at] * more;
      if (line[at] > best[x]) {
        best[x] = line[at];
        labels[x] = c;
      }
    }
  }
}

function confidence(line, best, sure) {
  sure.fill(0);
  for (let at = 0; at < line.length; ) for (let x = 0; x < best.length; x++, at++) sure[x] += expUpTo0(line[at] - best[x]);
  for (let x = 0; x < best.length; x++) sure[x] = 1 / sure[x];
}

// Between which of `from` places each of `to` places lies, and how much each of the two counts: as interpolate does it with
// align_corners off, in float32.
function between(from, to) {
  const [first, second] = [new Uint32Array(to), new Uint32Array(to)], [less, more] = [new Float32Array(to), new Float32Array(to)];
  const scale = Math.fround(from / to);
  for (let k = 0; k < to; k++) {
    const place = Math.max(Math.fround(Math.fround(scale * Math.fround(k + 0.5)) - 0.5), 0);
    first[k] = Math.min(Math.floor(place), from - 1);
    second[k] = Math.min(first[k] + 1, from - 1);
    more[k] = Math.min(Math.max(place - first[k], 0), 1);
    less[k] = 1 - more[k];
  }
  return { first, second, less, more };
}

// (Y, X) of a run's image brought to `longest` image pixels on its longer side.
function sizeOf(run, longest) {
  const sides = [run.sizes.Y, run.sizes.X], scale = longest / Math.max(...sides);
  return sides.map((side) => Math.max(1, roundToEven(side * scale)));
}

// The run's class scores (classes, H_1, W_1) had the tensors `names` ("block0.projected", ...) been 0.
function without(model, run, names, pause) {
  const silence = (name, tensor) => {
    if (names.includes(name)) tensor.data.fill(0);
    return tensor;
  };
  return model.again(run, silence, pause);
}

// The class scores had the run gone through so many `blocks` and no further: none of them runs again.
const stopped = (model, run, blocks, pause) => model.onward(run, blocks ? run.tensors[`block${blocks - 1}.output`] : run.tensors.tokens, pause);

// The run again, with what `heads` (from 0) of `block` (from 0) mixed set to 0; the other heads stay: that block's `output`
// (C, H, W), and the class `scores`, null where there are none.
async function withoutHeads(model, run, block, heads, pause) {
  const last = `block${block}.${model instanceof TopFormer ? "output" : "residual"}`;
  let output;
  const silence = (name, tensor) => {
    if (name === `block${block}.mixed`) for (const head of heads) silenceHead(tensor, head);
    if (name === last) output = tensorOf(inOrder(tensor).slice(), tensor.shape); // the memory is used again by what follows
    return tensor;
  };
  const scores = await model.again(run, silence, pause);
  return { output, scores: model instanceof TopFormer && model.classes !== null ? scores : null };
}

// What a head mixed, of (heads, HW, d), set to 0 where it lies.
function silenceHead({ data, shape: [, HW, d], strides: [sh, si, sf] }, head) {
  for (let i = 0; i < HW; i++) for (let f = 0, at = head * sh + i * si; f < d; f++, at += sf) data[at] = 0;
}
