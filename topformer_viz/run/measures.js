// What is measured of one block's attention, a few queries at a time, so that memory grows with HW and not its square; below that,
// what is shown of a run's feature maps: averaged down, and as their strength. As run/measures.py does.

const CHUNK = 2 ** 20; // entries of scores looked at between two pauses, all heads together
const PYRAMID_CHANNELS = 6; // channels shown of each pyramid level
const PYRAMID_CELLS = 48; // longest side, in cells, of a drawn pyramid level: finer levels are averaged down to it

// Numbers of a block's heads: `log_sum_exp`, a tensor (heads, HW), of each row of scores. The others are a list of one number per
// head: `effective`, exp(entropy) of a row, and `distance`, the mean Euclidean distance read across, both in tokens and means over
// the rows; `low` and `high`, the smallest and largest score; `top`, the largest weight.
function measure(run, block) {
  return finished(measuring(run, block));
}

function* measuring(run, block) {
  const { heads, H, W, HW } = run.sizes, apart = distances([H, W]), across = 2 * W - 1, each = (value) => Array(heads).fill(value);
  const log_sum_exp = tensorOf(new Float32Array(heads * HW), [heads, HW]);
  const [effective, distance, low, high, top] = [each(0), each(0), each(Infinity), each(-Infinity), each(0)];
  for (const [first, end] of chunks(run)) {
    for (let h = 0; h < heads; h++) {
      const [scores, weights] = rows(run, `block${block}`, h, first, end);
      for (let query = first, from = 0; query < end; query++, from += HW) {
        let least = Infinity, most = -Infinity, sum = 0, weighted = 0, largest = 0, far = 0;
        for (let j = from; j < from + HW; j++) {
          least = Math.min(least, scores[j]);
          most = Math.max(most, scores[j]);
        }
        for (let j = from; j < from + HW; j++) {
          const power = scores[j] - most, e = expUpTo0(power);
          sum += e;
          weighted += e * power;
        }
        const y = Math.floor(query / W), x = query % W;
        for (let r = 0, j = from; r < H; r++) {
          for (let c = 0, at = (r - y + H - 1) * across + W - 1 - x; c < W; c++, j++, at++) {
            far += weights[j] * apart[at];
            largest = Math.max(largest, weights[j]);
          }
        }
        log_sum_exp.data[h * HW + query] = most + Math.log(sum);
        effective[h] += Math.exp(Math.log(sum) - weighted / sum) / HW;
        distance[h] += far / HW;
        low[h] = Math.min(low[h], least);
        high[h] = Math.max(high[h], most);
        top[h] = Math.max(top[h], largest);
      }
    }
    yield;
  }
  return { log_sum_exp, effective, distance, low, high, top };
}

// The scores and the weights of `block`, from 0, averaged down: (heads, cells, cells) each. The cells are those of
// adaptive_avg_pool2d on the whole matrices.
function* pooling(run, block, cells) {
  const { heads, HW } = run.sizes, ends = cellsOf(HW, cells), before = new Float64Array(HW + 1);
  const sums = [0, 1].map(() => new Float64Array(heads * cells * cells));
  for (const [first, end] of chunks(run)) {
    for (let h = 0; h < heads; h++) {
      const both = rows(run, `block${block}`, h, first, end);
      for (let query = first; query < end; query++) {
        const asking = ends.flatMap(([from, to], cell) => (from <= query && query < to ? [cell] : [])); // two where cells overlap
        for (const [n, matrix] of both.entries()) {
          for (let j = 0, at = (query - first) * HW; j < HW; j++, at++) before[j + 1] = before[j] + matrix[at];
          for (const cell of asking) {
            const share = 1 / (ends[cell][1] - ends[cell][0]), at = (h * cells + cell) * cells;
            for (let k = 0; k < cells; k++) sums[n][at + k] += (share * (before[ends[k][1]] - before[ends[k][0]])) / (ends[k][1] - ends[k][0]);
          }
        }
      }
    }
    yield;
  }
  return sums.map((sum) => tensorOf(new Float32Array(sum), [heads, cells, cells]));
}

// How far the attention on show is from `plain`, a plain forward pass of the same image, nothing folded: one number per block. On
// show are softmax(query @ key) of the run, as the page computes them. The plain pass's weights are compared or, where it makes
// none, its mixed values. The number is the largest absolute difference.
function difference(plain, run) {
  return finished(differing(plain, run));
}

function* differing(plain, run) {
  const { heads, HW } = run.sizes, largest = [];
  for (let n = 0; Object.hasOwn(run.tensors, `block${n}.query`); n++) {
    const block = `block${n}`, stage = Object.hasOwn(run.tensors, `${block}.weights`) ? "weights" : "mixed";
    const theirs = inOrder(plain.tensors[`${block}.${stage}`]), value = run.tensors[`${block}.value`], d = value.shape[2];
    const width = stage === "mixed" ? d : HW;
    let off = 0;
    for (const [first, end] of chunks(run)) {
      for (let h = 0; h < heads; h++) {
        let shown = softmaxOf(scoresOf(run, block, h, first, end), HW);
        if (stage === "mixed") shown = mixedOf(shown, value, h, HW);
        for (let i = 0, at = (h * HW + first) * width; i < shown.length; i++, at++) off = Math.max(off, Math.abs(shown[i] - theirs[at]));
      }
      yield;
    }
    largest.push(off);
  }
  return largest;
}

// All queries as [first, end], so few at a time that their rows in all heads are at most CHUNK entries (but one query at least).
function chunks({ sizes: { heads, HW } }) {
  const step = Math.max(1, Math.floor(CHUNK / (heads * HW)));
  return Array.from({ length: Math.ceil(HW / step) }, (_, n) => [n * step, Math.min((n + 1) * step, HW)]);
}

// Rows of a head's scores from the run's query and key: (queries, HW).
function scoresOf(run, block, head, first, end) {
  const { HW, key_dim } = run.sizes, query = run.tensors[`${block}.query`], key = run.tensors[`${block}.key`];
  const [qh, qi, qc] = query.strides, [kh, kc, kj] = key.strides, asks = query.data, answers = key.data;
  const out = new Float32Array((end - first) * HW), line = new Float64Array(HW);
  for (let i = first; i < end; i++) {
    line.fill(0);
    for (let c = 0; c < key_dim; c++) {
      const factor = asks[head * qh + i * qi + c * qc];
      for (let j = 0, at = head * kh + c * kc; j < HW; j++, at += kj) line[j] += factor * answers[at];
    }
    out.set(line, (i - first) * HW);
  }
  return out;
}

// softmax of each row of HW numbers.
function softmaxOf(scores, HW) {
  const out = new Float32Array(scores.length), line = new Float64Array(HW);
  for (let from = 0; from < scores.length; from += HW) {
    let most = -Infinity, sum = 0;
    for (let j = from; j < from + HW; j++) most = Math.max(most, scores[j]);
    for (let j = 0; j < HW; j++) sum += line[j] = expUpTo0(scores[from + j] - most);
    for (let j = 0; j < HW; j++) out[from + j] = line[j] / sum;
  }
  return out;
}

// What rows of a head's weights bring back of the values: (queries, d).
function mixedOf(weights, { data, strides: [vh, vj, vf], shape: [, , d] }, head, HW) {
  const out = new Float32Array((weights.length / HW) * d);
  for (let i = 0, at = 0; i < weights.length; i += HW) {
    for (let f = 0; f < d; f++, at++) {
      let sum = 0;
      for (let j = 0, from = head * vh + f * vf; j < HW; j++, from += vj) sum += weights[i + j] * data[from];
      out[at] = sum;
    }
  }
  return out;
}

// Rows of a head's scores and weights, (queries, HW) each: the stored ones, or computed where none are.
function rows(run, block, head, first, end) {
  const { HW } = run.sizes, { [`${block}.scores`]: scores, [`${block}.weights`]: weights } = run.tensors;
  if (weights) return [scores, weights].map((tensor) => inOrder(tensor).subarray((head * HW + first) * HW, (head * HW + end) * HW));
  const computed = scoresOf(run, block, head, first, end);
  return [computed, softmaxOf(computed, HW)];
}

// exp(entropy) of softmax(factor * scores), in tokens: the mean over all rows of HW scores. A row's entropy is the logarithm of what
// its exps sum to less the mean of their exponents: of weights themselves every entry would need a logarithm, which takes longer.
function effectiveTokens(scores, HW, factor = 1) {
  let all = 0;
  for (let from = 0; from < scores.length; from += HW) {
    let most = -Infinity, sum = 0, weighted = 0;
    for (let j = from; j < from + HW; j++) most = Math.max(most, scores[j]);
    for (let j = from; j < from + HW; j++) {
      const power = factor * (scores[j] - most), e = expUpTo0(power);
      sum += e;
      weighted += e * power;
    }
    all += Math.exp(Math.log(sum) - weighted / sum);
  }
  return (all * HW) / scores.length;
}

// How far apart two tokens of a grid (H, W) are, in tokens, by the difference of their rows and columns: (2H - 1, 2W - 1), no
// difference in the middle. So the distances from one token to all are lines of one table.
function distances([H, W]) {
  const across = 2 * W - 1;
  return Float64Array.from({ length: (2 * H - 1) * across }, (_, at) => Math.hypot(Math.floor(at / across) - H + 1, (at % across) - W + 1));
}

// A tensor (n, h, w) averaged down to at most `longest` cells a side; a smaller one as it is.
function shrink(tensor, longest) {
  const [n, h, w] = tensor.shape, scale = Math.min(1, longest / Math.max(h, w));
  if (scale === 1) return tensor;
  const size = [h, w].map((side) => Math.max(1, roundToEven(side * scale))), [tall, wide] = size.map((cells, axis) => cellsOf([h, w][axis], cells));
  const numbers = inOrder(tensor), out = new Float32Array(n * size[0] * size[1]), line = new Float64Array(w);
  for (let c = 0, at = 0; c < n; c++) {
    for (const [top, bottom] of tall) {
      line.fill(0);
      for (let r = top, from = (c * h + top) * w; r < bottom; r++) for (let x = 0; x < w; x++, from++) line[x] += numbers[from];
      for (const [left, right] of wide) {
        let sum = 0;
        for (let x = left; x < right; x++) sum += line[x];
        out[at++] = sum / ((bottom - top) * (right - left));
      }
    }
  }
  return tensorOf(out, [n, ...size]);
}

// Where each of so many cells along a side begins and ends, as adaptive_avg_pool2d has them: they may overlap by one.
function cellsOf(side, cells) {
  return Array.from({ length: cells }, (_, k) => [Math.floor((k * side) / cells), Math.ceil(((k + 1) * side) / cells)]);
}

// Some channels of a tensor (C, H, W), from `first` on.
function partOf(tensor, first, n) {
  const { data, shape: [, ...sides], strides } = tensor;
  return tensorOf(data.subarray(first * strides[0]), [n, ...sides], strides);
}

// What is shown of a pyramid level: its first channels, (PYRAMID_CHANNELS, h, w) averaged down to PYRAMID_CELLS a side.
function pyramidLevel(run, n) {
  const level = run.tensors[`pyramid${n}`];
  return shrink(partOf(level, 0, Math.min(PYRAMID_CHANNELS, level.shape[0])), PYRAMID_CELLS);
}

// Root mean square over the channels, (C, H, W) to (1, H, W), averaged down to at most PYRAMID_CELLS.
function strengthOf(tensor) {
  const [C, H, W] = tensor.shape, numbers = inOrder(tensor), power = new Float64Array(H * W);
  for (let c = 0, from = 0; c < C; c++) for (let i = 0; i < power.length; i++, from++) power[i] += numbers[from] * numbers[from];
  const { data, shape } = shrink(tensorOf(power, [1, H, W]), PYRAMID_CELLS);
  return tensorOf(Float32Array.from(data, (sum) => Math.sqrt(sum / C)), shape);
}

// The strength of each level's part of the channels, (4, H, W).
function byLevel(tokens, channels) {
  let first = 0;
  return stacked(channels.map((n) => strengthOf(partOf(tokens, (first += n) - n, n))));
}

// Tensors of one shape (1, H, W), one after another.
function stacked(tensors) {
  const [{ shape: [, ...sides], data }] = tensors, out = new data.constructor(tensors.length * data.length);
  tensors.forEach((tensor, n) => out.set(tensor.data, n * data.length));
  return tensorOf(out, [tensors.length, ...sides]);
}

// How much each token is read, (heads, HW) of weights (heads, HW, HW): 1 is uniform.
function popularity(weights) {
  const [heads, HW] = weights.shape, numbers = inOrder(weights), sums = new Float64Array(heads * HW);
  for (let h = 0, from = 0; h < heads; h++) {
    for (let i = 0; i < HW; i++) for (let j = 0, at = h * HW; j < HW; j++, at++, from++) sums[at] += numbers[from];
  }
  return tensorOf(new Float32Array(sums), [heads, HW]); // a mean over HW rows, times HW
}

// The size of what block `n`'s attention adds, as a part of the feature map's own: root mean squares.
function added(run, n) {
  return rmsOf(run.tensors[`block${n}.projected`]) / rmsOf(run.tensors[`block${n}.tokens`]);
}
