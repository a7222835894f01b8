// What travels of a run from the worker to the page, once, for every page, block and language: its tensors by name and its answers,
// as Run in run.js takes them. As app/canvas/travelling.py does; but the way is short here, so all tensors go along as they are, and
// only scores and weights are left to the page, which makes them of query and key.

const POOLED = 128; // cells per side of the matrix where it has too many entries for a cell each

// `photo` is the photograph's {width, height, blob}, `name` the run's.
async function travels(run, model, photo, name, pause = () => {}) {
  const { H, W, HW, heads } = run.sizes, blocks = model.numBlocks, known = {};
  const tensors = carried(Object.entries(run.tensors).filter(([name]) => !/\.(scores|weights)$/.test(name)));
  for (let n = 0; n < blocks; n++) {
    const measured = await paused(measuring(run, n), pause);
    known[keyOf("measures", `block${n}`)] = measuresOf(measured);
    tensors[`block${n}.log_sum_exp`] = measured.log_sum_exp;
    if (HW <= DENSE_TOKENS) continue;
    const [scores, weights] = await paused(pooling(run, n, POOLED), pause);
    Object.assign(tensors, { [`block${n}.scores.pooled`]: scores, [`block${n}.weights.pooled`]: weights });
  }
  for (let n = 0; n < 4; n++) if (Object.hasOwn(run.tensors, `pyramid${n}`)) tensors[`pyramid${n}.shown`] = copied(pyramidLevel(run, n));
  return { run: name, grid: [H, W], heads, blocks, dense: DENSE_TOKENS, photo, tensors, recipes: {}, answers: answersOf(run, model, known) };
}

// Tensors, [name, tensor] each, with numbers of their own, as the network's memory stays behind: written once for all that lie on
// the same.
function carried(tensors) {
  const own = new Map();
  return Object.fromEntries(tensors.map(([name, { data, shape, strides }]) => {
    if (!own.has(data.buffer)) own.set(data.buffer, {});
    const written = own.get(data.buffer), place = `${data.byteOffset} ${data.length}`;
    return [name, tensorOf((written[place] ??= data.slice()), shape, strides)];
  }));
}

const copied = (tensor) => tensorOf(inOrder(tensor).slice(), tensor.shape);
