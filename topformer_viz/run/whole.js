// The numbers of a run that are asked of the whole network: in one table, as in numbers.js, but worked out only where they are looked
// at; as run/whole.py has them. Some take the network two to three runs more: its segmentation, and what becomes of it without a part's
// work, or after fewer blocks.

const SEGMENTATION = 480; // longest side of the segmentation, in image pixels
const COMPARED = 240; // and of those without a part's work, or after fewer blocks
const LEGEND = 255; // most classes told apart in one image: the rarest after them become one
const SCORES = 8; // classes whose scores are shown
const NAMED = 3; // classes named whose share of the image a block changes most
const LEAST = 0.0005; // change of a share below which it would be called 0.0%

// What a run says of its whole network, and its segmentations, which are worked out before anything is asked: `whole`; `small`, the
// classes as small as those to be compared with; and these, `withouts`, by the name of what is taken away in SILENCED, and `lens`.
class Seen extends Asked {
  static async of(run, model, pause) {
    const seen = new Seen(run, model, WHOLE_NUMBERS, {});
    if (model.classes === null) return seen;
    const scores = run.tensors.class_scores, size = sizeOf(run, COMPARED);
    seen.size = sizeOf(run, SEGMENTATION);
    seen.whole = await segment(scores, seen.size, pause);
    seen.smallSize = size;
    seen.lens = await lensOf(run, model, pause);
    seen.small = seen.lens.at(-1);
    seen.withouts = {};
    for (const [part, names] of Object.entries(SILENCED)) {
      // With nothing added to them in the blocks, the tokens come out as they came in.
      seen.withouts[part] = part === "blocks" ? seen.lens[0] : await labelled(await without(model, run, names, pause), size, pause);
    }
    // Image pixels of each class in the segmentation; its classes, the one with most image pixels first; and the classes of all
    // these segmentations, in the same order.
    seen.counts = countsOf([seen.whole.labels], scores.shape[0]);
    seen.commonest = byCount(seen.counts, seen.counts);
    seen.present = byCount(seen.counts, countsOf([seen.whole.labels, ...seen.lens, ...Object.values(seen.withouts)], scores.shape[0]));
    return seen;
  }
}

// The classes had the network stopped before its blocks, after the first, and so on; after the last it is the segmentation itself.
async function lensOf(run, model, pause) {
  const size = sizeOf(run, COMPARED), maps = [];
  for (let blocks = 0; blocks < model.numBlocks; blocks++) maps.push(await labelled(await stopped(model, run, blocks, pause), size, pause));
  return [...maps, await labelled(run.tensors.class_scores, size, pause)];
}

// From one map of so many `classes` to another: the share of image pixels that change class; the classes whose share of the image
// changes most, with both shares; the largest change of another class's.
function changesOf(before, after, classes) {
  const total = before.length, [old, now] = [before, after].map((labels) => countsOf([labels], classes)), larger = now.map((n, c) => Math.abs(n - old[c]));
  const order = byCount(larger, larger.map((n) => n >= LEAST * total));
  const named = order.slice(0, NAMED).map((c) => ({ class: c, before: old[c] / total, after: now[c] / total }));
  const others = order.slice(NAMED).reduce((most, c) => Math.max(most, larger[c] / total), 0);
  return { share: shareChanged(after, before), classes: named, others };
}

// How often each of `classes` is in maps of labels.
function countsOf(maps, classes) {
  const counts = Array(classes).fill(0);
  for (const labels of maps) for (let i = 0; i < labels.length; i++) counts[labels[i]]++;
  return counts;
}

// The classes that are in `found` at all, the commonest first; of equals the first.
function byCount(counts, found) {
  return found.flatMap((n, c) => (n ? [c] : [])).sort((a, b) => counts[b] - counts[a]);
}

const WHOLE_NUMBERS = {
  // How large what a block's attention adds is, beside the feature map it is added to.
  added: (seen, of) => ({ say: "added", share: added(seen.trace, Number(of.slice("block".length))) }),

  // Over how many tokens a head spreads, "block0.head0".
  spread(seen, of) {
    const [block, head] = of.split(".head"), { HW } = seen.sizes, [scores] = rows(seen.trace, block, Number(head), 0, HW);
    return { say: "spread", tokens: effectiveTokens(scores, HW) };
  },

  // What a gate lets through on average.
  passes: (seen, of) => ({ say: "passes", share: meanOf(seen.tensor(of)) }),

  // The share of image pixels that change class without a part's work.
  changed: (seen, of) => ({ say: "changed", share: shareChanged(seen.withouts[of], seen.small) }),

  // What changes in the segmentation if the network stops after a block, not before it.
  lens({ lens, counts }, of) {
    const block = Number(of.slice("block".length));
    return changesOf(lens[block], lens[block + 1], counts.length);
  },

  sure: ({ whole: { sure } }) => ({ say: "sure", share: meanOf(tensorOf(sure, [sure.length])) }),

  // The classes told apart, with the share of the image that each has; where more became one, that comes last, without a class.
  legend({ whole: { labels }, counts, present }) {
    const share = (c) => counts[c] / labels.length, rest = present.slice(LEGEND);
    const legend = present.slice(0, LEGEND).map((c) => ({ class: c, share: share(c) }));
    return rest.length ? [...legend, { class: null, share: rest.reduce((sum, c) => sum + share(c), 0) }] : legend;
  },

  // The classes that win most image pixels.
  winners: ({ commonest }) => commonest.slice(0, SCORES),
};

// The share of image pixels whose class is another.
function shareChanged(labels, others) {
  let changed = 0;
  for (let i = 0; i < labels.length; i++) changed += labels[i] !== others[i];
  return changed / labels.length;
}

// All that is asked of the whole network: a name of WHOLE_NUMBERS, and of what.
function askedOfWhole(run, model) {
  const asked = [];
  for (let n = 0; n < model.numBlocks; n++) {
    asked.push(["added", `block${n}`]);
    for (let head = 0; head < run.sizes.heads; head++) asked.push(["spread", `block${n}.head${head}`]);
  }
  if (model.classes === null) return asked;
  for (const n of [1, 2, 3]) asked.push(["passes", `gate${n}`]);
  for (const part of Object.keys(SILENCED)) asked.push(["changed", part]);
  for (let n = 0; n < model.numBlocks; n++) asked.push(["lens", `block${n}`]);
  for (const name of ["sure", "legend", "winners"]) asked.push([name, "class_scores"]);
  return asked;
}
