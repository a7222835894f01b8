// What travels of a run for the page of the whole network: maps of every part and the page's answers; as app/network/travelling.py
// does. Maps are shown as their strength, the root mean square over channels.

const MATRIX = 96; // longest side, in cells, of a mean attention matrix

// A run, which is called `name`, as the page shows it: what Run in app/canvas/run.js takes. A backbone without injection ends with
// its last block.
async function wholeMessage(run, model, photo, name, pause) {
  const { H, W } = run.sizes, seen = await Seen.of(run, model, pause), maps = {};
  for (let n = 0; n < 4; n++) maps[`pyramid${n}.strength`] = strengthOf(seen.tensor(`pyramid${n}`));
  for (let n = 0; n < 4; n++) maps[`pyramid${n}.shown`] = copied(pyramidLevel(run, n));
  for (const traced of ["tokens", `block${model.numBlocks - 1}.output`]) maps[`${traced}.levels`] = byLevel(seen.tensor(traced), model.channels);
  for (let n = 0; n < model.numBlocks; n++) {
    await pause();
    Object.assign(maps, blockMaps(seen, n));
  }
  if (model.classes !== null) {
    for (const n of [1, 2, 3]) {
      maps[`gate${n}.mean`] = meanMap(seen.tensor(`gate${n}`));
      maps[`injected${n}.strength`] = strengthOf(seen.tensor(`injected${n}`));
    }
    Object.assign(maps, classMaps(seen));
  }
  return { run: name, grid: [H, W], photo, tensors: maps, recipes: {}, answers: seen.answersTo(askedOfWhole(run, model)) };
}

// The mean of the heads' attention, and how much each token is read: in each head, and on average.
function blockMaps(seen, n) {
  const block = `block${n}`, { H, W, heads } = seen.sizes, weights = seen.tensor(`${block}.weights`);
  const read = tensorOf(popularity(weights).data, [heads, H, W]);
  return { [`${block}.mean`]: shrink(meanMap(weights), MATRIX), [`${block}.read`]: meanMap(read), [`${block}.heads`]: read };
}

// The mean over the channels, (C, H, W) to (1, H, W).
function meanMap(tensor) {
  const [C, H, W] = tensor.shape, numbers = inOrder(tensor), sums = new Float64Array(H * W);
  for (let c = 0, from = 0; c < C; c++) for (let i = 0; i < sums.length; i++, from++) sums[i] += numbers[from];
  return tensorOf(new Float32Array(sums.map((sum) => sum / C)), [1, H, W]);
}

// The segmentation, the ones without a part's work and those had it stopped early (blocks + 1, Y, X), as places in the legend; how sure
// it is; scores of its first classes.
function classMaps(seen) {
  const scores = seen.tensor("class_scores"), told = seen.present.slice(0, LEGEND), index = new Uint8Array(scores.shape[0]).fill(told.length);
  told.forEach((c, place) => (index[c] = place));
  const map = (labels, size) => tensorOf(new Uint8Array(labels.map((c) => index[c])), [1, ...size]);
  const winners = stacked(seen.answer("winners", "class_scores").map((c) => copied(partOf(scores, c, 1))));
  return {
    labels: map(seen.whole.labels, seen.size),
    small: map(seen.small, seen.smallSize),
    ...Object.fromEntries(Object.entries(seen.withouts).map(([part, labels]) => [`without.${part}`, map(labels, seen.smallSize)])),
    lens: stacked(seen.lens.map((labels) => map(labels, seen.smallSize))),
    sure: tensorOf(new Uint8Array(seen.whole.sure.map((sure) => roundToEven(255 * sure))), [1, ...seen.size]),
    scores: shrink(winners, PYRAMID_CELLS),
  };
}
