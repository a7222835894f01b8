// Maps of classes: `labels` (1, Y, X) hold places in `classes`, {name, colour} each.

// Every image pixel in its class's colour; `only` says which are painted.
function painted(classes, labels, alpha, only) {
  const [, h, w] = labels.shape, colours = classes.map(({ colour }) => [1, 3, 5].map((i) => parseInt(colour.slice(i, i + 2), 16)));
  return fillPixels(new OffscreenCanvas(w, h), (p) => rgba(...colours[labels.data[p]], Math.round(255 * alpha * (only && !only(p) ? 0.06 : 1))));
}

// The image pixel of `labels` that the pointer is on; undefined beside them.
function pixelUnder(event, canvas, labels) {
  const [, h, w] = labels.shape, r = Math.floor((event.offsetY / canvas.clientHeight) * h), c = Math.floor((event.offsetX / canvas.clientWidth) * w);
  return r >= 0 && r < h && c >= 0 && c < w ? r * w + c : undefined;
}

// The one that an arrow key leads to from another, at first from the middle; undefined for other keys, which keep their meaning.
function pixelBeside(event, { shape: [, h, w] }, from = Math.floor(h / 2) * w + Math.floor(w / 2)) {
  const p = neighbour(from, event.key, [h, w], Math.round(w / 40));
  if (p !== undefined) event.preventDefault();
  return p;
}

// A ring around it, and where on the screen that is.
function ringed(canvas, { shape: [, h, w] }, p) {
  const across = ((p % w) + 0.5) / w, down = (Math.floor(p / w) + 0.5) / h, context = canvas.getContext("2d");
  for (const [strokeStyle, lineWidth] of [["#000", 5], ["#fff", 2.5]]) {
    Object.assign(context, { strokeStyle, lineWidth });
    context.beginPath();
    context.arc(across * canvas.width, down * canvas.height, 8, 0, 7);
    context.stroke();
  }
  const { left, top, width, height } = canvas.getBoundingClientRect();
  return { clientX: left + across * width, clientY: top + down * height };
}
