// Questions whose answers are in the run on show: what is given, and which answer is right, in numbers; as run/questions.py has them.
//
// Each is null where the run gives no clear answer, or another than the given facts lead to. An answer is {given: a saying,
// options: [{text: a saying, right, reason: a saying}, ...]}; the lesson has the words. Whether there is an answer, and which one,
// depends on bounds: numbers within some 1e-6 of one may fall on its other side than Python's float32 do, as may the order of two
// heads that are as near to each other.

const OPTIONS = 4; // answers to a question at most, the right one among them
const CLEAR = 0.02; // share by which two numbers must differ for one of them to be called larger
const EXACT = 1e-3; // share below which they are called the same

// A question whose answers stand in their natural order and share one reason: the numbers.
function chooseFrom(given, options, right, reason) {
  return { given, options: options.map((name, n) => ({ text: { say: name }, right: n === right, reason })) };
}

// 0: more, 1: less, 2: the same; null where it is neither the same nor clearly different.
function compared(after, before) {
  const change = Math.abs(after - before) / Math.max(Math.abs(before), 1e-12);
  if (change < EXACT) return 2;
  return change < CLEAR ? null : Number(after < before);
}

// Between which of `ends` the value lies; null where it is too near to one to tell.
function bandOf(value, ends) {
  return ends.some((end) => Math.abs(value - end) < CLEAR * end) ? null : ends.filter((end) => value > end).length;
}

// Whether the first two of `values` in this order differ.
function clearlyFirst(values, order) {
  const [first, second] = order.map((head) => values[head]);
  return Math.abs(first - second) > CLEAR * Math.max(Math.abs(first), Math.abs(second));
}

const fmean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
const spreadsOver = (effective, run) => ({ say: "spreads_over", effective, HW: run.sizes.HW });

const LIVE_QUESTIONS = {
  scale(run, block) {
    const { key_dim, HW } = run.sizes, plain = fmean(run.answer("measures", block).effective);
    const scaled = effectiveTokens(inOrder(run.tensor(`${block}.scores`)), HW, key_dim ** -0.5), right = compared(scaled, plain);
    if (right === null || (right !== 0 && plain < HW * (1 - EXACT))) return null; // rows that are one-hot, and stay so
    const reason = { say: right ? "flat_already" : "scaled", plain, scaled };
    return chooseFrom(spreadsOver(plain, run), ["more", "fewer", "as_many"], right, reason);
  },

  focused(run, block) {
    const { effective } = run.answer("measures", block), { HW } = run.sizes, varied = rowsVary(run.tensor(`${block}.scores`));
    const sorted = (key) => effective.map((_, head) => head).sort((a, b) => key(a) - key(b));
    const order = sorted((head) => effective[head]), told = sorted((head) => -varied[head]);
    if (order[0] !== told[0] || !(clearlyFirst(effective, order) && clearlyFirst(varied, told))) return null;
    const best = order[0], step = Math.ceil(order.length / OPTIONS), offered = order.filter((_, n) => n % step === 0).sort((a, b) => a - b);
    const spread = (head) => ({ head: { say: `head${head}` }, value: effective[head] });
    const first = spread(best), others = { best: first.head, best_value: first.value, HW };
    const options = offered.map((head) => ({
      text: { say: `head${head}` },
      right: head === best,
      reason: { say: head === best ? "this_head" : "not_this_head", ...others, ...spread(head) },
    }));
    const vary = offered.map((head) => ({ say: "scores_of_head", n: head + 1, value: varied[head] }));
    return { given: { say: "scores_vary", heads: vary }, options };
  },

  sums(run, block) {
    const { HW } = run.sizes, [low, high] = endsOf(popularity(run.tensor(`${block}.weights`)));
    const off = Math.max(Math.abs(low - 1), Math.abs(high - 1));
    if (EXACT <= off && off < CLEAR) return null;
    const [least, most] = run.answer("range", `${block}.scores`), same = off < EXACT;
    const reason = { say: same ? "sums_are_1" : "sums_are", rows: run.answer("mean", `${block}.weights`) * HW, low, high };
    return chooseFrom({ say: "scores_go", low: least, high: most }, ["rows", "columns", "both"], same ? 2 : 0, reason);
  },

  alike(run, block) {
    if (run.sizes.HW < 2) return null;
    const [value, mixed] = ["value", "mixed"].map((name) => tokensVary(run.tensor(`${block}.${name}`)));
    const effective = fmean(run.answer("measures", block).effective);
    if (effective < 2 || compared(mixed, value) !== 1) return null; // rows that read one token each are no means
    return chooseFrom(spreadsOver(effective, run), ["more_alike", "less_alike", "as_alike"], 0, { say: "varies", value, mixed });
  },

  become_zero(run, block) {
    const share = zerosOf(run.tensor(`${block}.activated`)), right = bandOf(share, [0.25, 0.5, 0.75]);
    if (right === null) return null;
    const [first, second, third] = quantiles(run.tensor(`${block}.merged`), [0.25, 0.5, 0.75]);
    const given = { say: "quartiles", first, second, third };
    return chooseFrom(given, ["quarter1", "quarter2", "quarter3", "quarter4"], right, { say: "zeros_are", share });
  },

  branch(run, block) {
    const projected = run.tensor(`${block}.projected`), share = zerosOf(projected), largest = largestOf(projected);
    if (CLEAR < share && share < 1) return null;
    const own = run.model instanceof TopFormer ? `backbone.trans.transformer_blocks.${block.slice("block".length)}.attn` : "attn";
    const [[low, high], [least, most]] = ["weight", "bias"].map((name) => {
      const data = run.model.parameter(`${own}.proj.1.bn.${name}`);
      return endsOf(tensorOf(data, [data.length]));
    });
    const reason = share === 1 ? { say: "branch_is_zero" } : { say: "branch_is", share, largest };
    return chooseFrom({ say: "gain_and_bias", low, high, least, most }, ["nothing", "half", "something"], share === 1 ? 0 : 2, reason);
  },
};

// The standard deviation of each row of scores (heads, HW, HW), the mean over a head's rows: one number per head.
function rowsVary(scores) {
  const [heads, HW] = scores.shape, numbers = inOrder(scores), out = Array(heads).fill(0);
  for (let h = 0, from = 0; h < heads; h++) {
    for (let i = 0; i < HW; i++, from += HW) {
      let sum = 0, squares = 0;
      for (let j = from; j < from + HW; j++) sum += numbers[j];
      const middle = sum / HW;
      for (let j = from; j < from + HW; j++) squares += (numbers[j] - middle) ** 2;
      out[h] += Math.sqrt(squares / HW) / HW;
    }
  }
  return out;
}

// The standard deviation over the tokens of (heads, HW, d), with PyTorch's correction: the variance is divided by HW - 1, not HW;
// then the mean over heads and features.
function tokensVary({ data, shape: [heads, HW, d], strides: [sh, si, sf] }) {
  let all = 0;
  for (let h = 0; h < heads; h++) {
    for (let f = 0; f < d; f++) {
      const from = h * sh + f * sf;
      let sum = 0, squares = 0;
      for (let i = 0, at = from; i < HW; i++, at += si) sum += data[at];
      const middle = sum / HW;
      for (let i = 0, at = from; i < HW; i++, at += si) squares += (data[at] - middle) ** 2;
      all += Math.sqrt(squares / (HW - 1));
    }
  }
  return all / (heads * d);
}

// As NumPy has them: between two entries in order, what lies between counts by how near it is.
function quantiles(tensor, shares) {
  const sorted = asItLies(tensor).slice().sort(), last = sorted.length - 1;
  return shares.map((share) => {
    const at = share * last, below = Math.floor(at), low = sorted[below], high = sorted[Math.min(below + 1, last)];
    return low + (high - low) * (at - below);
  });
}
