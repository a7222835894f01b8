// The open part's pictures: tensors in figures of their own, with their values under the pointer and a colour bar.

class Pictures {
  constructor(network) {
    this.network = network;
  }

  get net() {
    return this.network.net;
  }

  get room() {
    const { width } = this.network;
    return Math.max(240, width - (width > 640 ? 50 : 30));
  }

  // A tensor's plane as a figure: caption, canvas with its values under the pointer, colour bar.
  figure(caption, tile, { width = 200, scale = scaleFor(tile.range), over = false, ratio = this.net.grid[0] / this.net.grid[1], dropped = false, axes = "" } = {}) {
    const w = Math.round(Math.min(width, this.room, 420 / ratio)), h = Math.round(w * ratio), dots = window.devicePixelRatio || 1;
    const canvas = element("canvas", { width: w * dots, height: h * dots, className: "frame", role: "img", ariaLabel: caption, style: `width: ${w}px` });
    const context = canvas.getContext("2d");
    context.scale(dots, dots);
    if (over && this.network.photo.grey) {
      context.drawImage(this.network.photo.grey, 0, 0, w, h);
      context.globalAlpha = 0.68;
    }
    context.imageSmoothingEnabled = false;
    context.drawImage(cells(tile.rows, tile.cols, tile.at, scale), 0, 0, w, h);
    canvas.onpointermove = canvas.onpointerdown = (event) => {
      const r = Math.min(tile.rows - 1, Math.floor((event.offsetY / canvas.clientHeight) * tile.rows)), c = Math.min(tile.cols - 1, Math.floor((event.offsetX / canvas.clientWidth) * tile.cols));
      if (r >= 0 && c >= 0) this.network.say(`${fill(this.net.ui.cell, { r: r + 1, c: c + 1 })}: ≈ ${number(tile.at(r, c))}`, event);
    };
    canvas.onpointerleave = () => this.network.leave();
    const words = (textContent) => element("figcaption", { textContent }), look = { className: dropped ? "dropped" : "", style: `max-width: ${Math.max(w, 130)}px` };
    return element("figure", look, words(caption), canvas, legend(element("div", { className: "legend" }), scale), ...(axes ? [words(axes)] : []));
  }

  // ---- of each kind of part, by its name

  image() {
    const { net } = this, ratio = net.photo.height / net.photo.width, w = Math.round(Math.min(this.room, 620, 480 / ratio)), h = Math.round(w * ratio);
    const svg = `<svg viewBox="0 0 ${w} ${h}" width="${w}" role="img" aria-label="${this.network.byName.image.title}" style="max-width:100%"><image href="${this.network.photo.url}" width="${w}" height="${h}" preserveAspectRatio="none"/><path d="${gridPath(net.grid, 0, 0, w, h)}" fill="none" stroke="#fff" stroke-width="1.2" opacity="0.8"/></svg>`;
    return [element("figure", { innerHTML: svg })];
  }

  pyramid(n) {
    const { net } = this, { ui } = net, shown = net.tensor(`pyramid${n}.shown`);
    const channels = countTo(shown.shape[0]).map((c) => this.figure(fill(ui.channel, { c: c + 1 }), plane(shown, c), { width: 190 }));
    return [this.figure(ui.strength, plane(net.tensor(`pyramid${n}.strength`)), { width: 330 }), ...channels];
  }

  tokens() {
    return this.byLevel("tokens.levels");
  }

  split() {
    return this.byLevel(SPLIT, true);
  }

  byLevel(name, split = false) {
    const { ui, channels, tensor } = this.net, tiles = countTo(4).map((n) => plane(tensor(name), n));
    return tiles.map((tile, n) => {
      const words = fill(ui.part_of, { scale: 4 << n, channels: channels[n] });
      return this.figure(split && n === 0 ? `${words} · ${ui.dropped}` : words, tile, { width: 230, over: true, dropped: split && n === 0 });
    });
  }

  block(n) {
    const { net } = this, { ui } = net, [mean, every, each] = ["mean", "read", "heads"].map((name) => net.tensor(`block${n - 1}.${name}`));
    const read = readScale(Math.max(...each.data)), whole = plane(every), matrix = plane(mean);
    const own = net.heads[n - 1].map((name, h) => this.figure(name, plane(each, h), { width: 190, over: true, scale: read }));
    const out = [
      this.figure(ui.mean, matrix, { width: 300, ratio: 1, scale: matrixScale(net, matrix.range[1]), axes: ui.mean_axes }),
      this.figure(ui.read, whole, { width: 300, over: true, scale: readScale(whole.range[1]) }), element("div", { className: "heads" }, ...own),
    ];
    if (!net.without) return out;
    const small = net.tensor("small"), cases = [net.without[n - 1], ...net.without.slice(net.heads.length)];
    const compared = [this.compared(ui.whole, small), ...cases.map((c) => this.compared([c.text, c.val], net.tensor(c.tensor), small))];
    out.push(element("h3", { textContent: ui.off }), element("div", { className: "row" }, ...compared), element("p", { className: "off-note", textContent: ui.off_note }));
    return out;
  }

  // A small segmentation; where it differs from another, it stands out.
  compared(captions, labels, other) {
    captions = [captions].flat().filter(Boolean);
    const [, h, w] = labels.shape, width = Math.min(300, this.room, (300 * w) / h), style = `width: ${width}px; height: ${(width * h) / w}px`;
    const canvas = element("canvas", { width: w, height: h, className: "frame", role: "img", ariaLabel: captions.join(". "), style });
    const context = canvas.getContext("2d");
    if (this.network.photo.grey) context.drawImage(this.network.photo.grey, 0, 0, w, h);
    context.drawImage(painted(this.net.legend, labels, 0.75, other && ((p) => labels.data[p] !== other.data[p])), 0, 0);
    canvas.onpointermove = canvas.onpointerdown = (event) => {
      const p = pixelUnder(event, canvas, labels);
      if (p === undefined) return;
      const now = this.net.legend[labels.data[p]].name, before = other && this.net.legend[other.data[p]].name;
      this.network.say(before && before !== now ? `${before} → ${now}` : now, event);
    };
    canvas.onpointerleave = () => this.network.leave();
    return element("figure", { style: `max-width: ${width}px` }, ...captions.map((textContent) => element("figcaption", { textContent })), canvas);
  }

  injected(n) {
    const { ui, tensor } = this.net, sign = (s) => element("span", { className: "sum", textContent: s });
    return [
      this.figure(fill(ui.level_at, { scale: 4 << n }), plane(tensor(`pyramid${n}.strength`)), { width: 215 }), sign("×"),
      this.figure(ui.gate_map, plane(tensor(`gate${n}.mean`)), { width: 215, scale: GATE_SCALE }), sign("+"),
      this.figure(ui.part_map, plane(tensor(SPLIT), n), { width: 215 }), sign("="),
      this.figure(fill(ui.injected_at, { scale: 4 << n }), plane(tensor(`injected${n}.strength`)), { width: 215 }),
    ];
  }

  class_scores() {
    const { winners, classes, tensor } = this.net, scores = tensor("scores"), scale = scaleFor(extent(scores.data));
    return winners.map((c, n) => this.figure(classes[c].name, plane(scores, n), { width: 210, scale }));
  }
}

// Both reach to four times uniform at least, so that what is even does not look like much.
const matrixScale = ({ grid }, top) => rootScale(Math.max(top, 4 / (grid[0] * grid[1])));
const readScale = (top) => rootScale(Math.max(top, 4));
const SPLIT = "block3.output.levels"; // the last block's
const GATE_SCALE = { low: 0, high: 1, table: SEQUENTIAL };

// One (rows, columns) plane of a tensor (n, rows, columns).
function plane(tensor, n = 0) {
  const [, rows, cols] = tensor.shape, at = channelOf(tensor, n);
  const [low, high] = extent(countTo(rows * cols).map((p) => at(Math.floor(p / cols), p % cols)));
  return { rows, cols, at, range: [Math.min(0, low), high] };
}

// The root mean square of several strengths.
function together(tensor) {
  const [n, rows, cols] = tensor.shape;
  return strength(tensor, [rows, cols], countTo(n).map((c) => channelOf(tensor, c)));
}
