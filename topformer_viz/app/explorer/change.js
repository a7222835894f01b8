// What a run without some heads changed: its block's output and, where the model has one, the segmentation; as app/explorer/change.py
// and payload.py tell it.

const LABELS = 320; // longest side, in image pixels, of the segmentations shown
const MOVED = 3; // changes of class named
const SEEN = 0.0005; // share of the image pixels below which a change would be called 0.0%
const PRESENT = 12; // classes in the legend at most
const UNCHANGED = 255; // stands for "the same class as before" on a map of what changed

// What changes in `block` (from 0) and after it through a `removal`, "without-2" or "only-1" (counted from 1): what Removal in
// removal.js shows. `change`: how much the block's output changed, root mean square over the channels (1, H, W).
async function removalOf(run, model, block, removal, pause) {
  const { output, scores } = await withoutHeads(model, run, block, headsOf(removal, model.numHeads), pause);
  const before = run.tensors[`block${block}.${model instanceof TopFormer ? "output" : "residual"}`], [C, H, W] = before.shape;
  const was = inOrder(before), now = output.data, powers = new Float64Array(H * W);
  for (let i = 0; i < was.length; i++) powers[i % (H * W)] += (now[i] - was[i]) ** 2;
  const change = tensorOf(Float32Array.from(powers, (sum) => Math.sqrt(sum / C)), [1, H, W]);
  const share = Math.sqrt(powers.reduce((a, b) => a + b)) / Math.max(rmsOf(before) * Math.sqrt(was.length), 1e-12);
  const told = { change, largest: largestOf(change), said: [{ say: "output", share }] };
  if (!scores) return { ...told, said: [...told.said, { say: "no_segmentation" }] };
  const colours = coloursOf(scores.shape[0], model.classNames);
  return { ...told, ...(await relabelled(run.tensors.class_scores, scores, sizeOf(run, LABELS), colours, told.said, pause)) };
}

// The heads, from 0, that a removal takes away.
function headsOf(removal, heads) {
  const [, kind, head] = /^(without|only)-([1-9]\d?)$/.exec(removal) ?? [];
  if (!(head <= heads)) throw new Error(`no removal ${removal}`);
  return Array.from({ length: heads }, (_, h) => h).filter((h) => (h === head - 1) === (kind === "without"));
}

// What became of the segmentation, of class scores before and after, in these colours.
async function relabelled(scores, others, size, colours, said, pause) {
  const was = await labelled(scores, size, pause), now = await labelled(others, size, pause), counts = countsOf([was, now], colours.length);
  const pictures = { before: was, after: now, changed: now.map((c, i) => (c === was[i] ? UNCHANGED : c)) };
  for (const [name, labels] of Object.entries(pictures)) pictures[name] = { blob: await inColours(labels, size, colours) };
  return {
    said: [...said, { say: "image_pixels", share: shareChanged(now, was) }],
    moves: movesOf(was, now),
    legend: byCount(counts, counts).slice(0, PRESENT),
    ...pictures,
  };
}

// The commonest changes of class, with their share of all image pixels; of equals those from and to the first classes.
function movesOf(was, now) {
  const counts = new Map(), classes = 65536; // as many as labels can tell apart
  was.forEach((old, i) => old !== now[i] && counts.set(old * classes + now[i], (counts.get(old * classes + now[i]) ?? 0) + 1));
  const commonest = [...counts].sort(([a, n], [b, m]) => m - n || a - b).slice(0, MOVED).filter(([, n]) => n >= SEEN * was.length);
  return commonest.map(([pair, n]) => ({ say: "moves", old: Math.floor(pair / classes), new: pair % classes, share: n / was.length }));
}

// Labels (Y, X) as a PNG; UNCHANGED and the classes after it are transparent.
function inColours(labels, [Y, X], colours) {
  const canvas = new OffscreenCanvas(X, Y), context = canvas.getContext("2d");
  const image = context.createImageData(X, Y), dots = new Uint32Array(image.data.buffer);
  const channel = (colour, n) => parseInt(colour.slice(2 * n + 1, 2 * n + 3), 16) * 256 ** n;
  const opaque = colours.slice(0, UNCHANGED).map((colour) => 0xff000000 + channel(colour, 0) + channel(colour, 1) + channel(colour, 2));
  labels.forEach((c, i) => (dots[i] = opaque[c] ?? 0));
  context.putImageData(image, 0, 0);
  return canvas.convertToBlob({ type: "image/png" });
}
