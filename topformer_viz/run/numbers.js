// The numbers of a run that words, legends and questions quote: one function a number, by name, in one table; as run/numbers.py has
// them.
//
// Each takes what is asked of a run and what it is asked `of`, a traced tensor or a block ("block0"), and gives an answer; one may
// follow from another.

const UNIFORM = 0.999; // share of all tokens from which on rows are called uniform

const NUMBERS = {
  range: (run, of) => endsOf(run.tensor(of)),

  mean: (run, of) => meanOf(run.tensor(of)),

  // Of what is shown of a pyramid level.
  shown_range: (run, of) => endsOf(pyramidLevel(run.trace, Number(of.at(-1)))),

  // The share of entries that are 0.
  zeros: (run, of) => ({ say: "zeros", share: zerosOf(run.tensor(of)) }),

  largest(run, of) {
    const largest = largestOf(run.tensor(of));
    return largest ? { say: "largest", value: largest } : { say: "zero" };
  },

  // By how much a block's residual differs from its tokens. Python subtracts in float32: so much of them is 0 or not.
  change(run, of) {
    const [residual, tokens] = ["residual", "tokens"].map((name) => inOrder(run.tensor(`${of}.${name}`)));
    let change = 0;
    for (let i = 0; i < tokens.length; i++) change = Math.max(change, Math.abs(residual[i] - tokens[i]));
    return change ? { say: "changed", value: change } : { say: "unchanged" };
  },

  measures: (run, of) => measuresOf(measure(run.trace, Number(of.slice("block".length)))),

  // How spread the rows of each head are: exp(entropy), averaged over the rows.
  effective: (run, of) => ({ say: "effective", heads: run.answer("measures", of).effective, HW: run.sizes.HW }),

  // Rows within some 1e-6 of the bound may be called otherwise than in Python, which has them as float32.
  uniform: (run, of) => (Math.min(...run.answer("measures", of).effective) > UNIFORM * run.sizes.HW ? { say: "uniform" } : null),

  // How far each head's matrix of weights is from its own transpose: the largest difference.
  asymmetry(run, of) {
    const weights = run.tensor(`${of}.weights`), [heads, HW] = weights.shape, numbers = inOrder(weights);
    return { say: "asymmetry", heads: Array.from({ length: heads }, (_, h) => asymmetryOf(numbers.subarray(h * HW * HW, (h + 1) * HW * HW), HW)) };
  },

  ...LIVE_QUESTIONS,
};
const OF_TENSORS = { zeros: "activated", largest: "projected" }; // what is asked of one tensor of a block alone
const OF_MATRICES = ["effective", "uniform", "asymmetry", ...Object.keys(LIVE_QUESTIONS)]; // what needs a block's scores and weights whole

// A block's measures of each head, by name; `log_sum_exp`, of each row, travels as a tensor.
function measuresOf({ log_sum_exp, ...measured }) {
  return measured;
}

// The largest difference of a matrix (HW, HW) from its transpose. A part at a time: down a column of the whole matrix every entry
// would come from another line of the memory.
function asymmetryOf(matrix, HW) {
  const side = 32;
  let largest = 0;
  for (let top = 0; top < HW; top += side) {
    for (let left = 0; left <= top; left += side) {
      const bottom = Math.min(top + side, HW), right = Math.min(left + side, HW);
      for (let i = top; i < bottom; i++) {
        for (let j = left, across = i * HW + left, down = left * HW + i; j < right; j++, across++, down += HW) {
          largest = Math.max(largest, Math.abs(matrix[across] - matrix[down]));
        }
      }
    }
  }
  return largest;
}

// All that is asked of a run of this shape: a name of NUMBERS, and of what.
function askedOf(run, blocks) {
  const whole = Object.hasOwn(run.tensors, "block0.weights"), asked = [];
  for (let n = 0; n < blocks; n++) {
    const block = `block${n}`;
    for (const name of Object.values(walk(run, n))) asked.push(["range", name], ["mean", name]);
    for (const [name, of] of Object.entries(OF_TENSORS)) asked.push([name, `${block}.${of}`]);
    for (const name of ["change", "measures", ...(whole ? OF_MATRICES : [])]) asked.push([name, block]);
  }
  for (let n = 0; n < 4; n++) if (Object.hasOwn(run.tensors, `pyramid${n}`)) asked.push(["shown_range", `pyramid${n}`]);
  return asked;
}

// All that the run says, by the keys of its places; `known` is what has been worked out already.
function answersOf(run, model, known = {}) {
  return new Asked(run, model, NUMBERS, known).answersTo(askedOf(run, model.numBlocks));
}
