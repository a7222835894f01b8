// The pyramid's levels as stairs, the blocks in a row below, the injections as stairs on the right.
const AT = {
  image: [62, 96], pyramid0: [186, 58], pyramid1: [290, 134], pyramid2: [394, 210], pyramid3: [498, 284],
  tokens: [342, 446], block1: [470, 446], block2: [584, 446], block3: [698, 446], block4: [812, 446],
  split: [1020, 446], injected1: [985, 134], injected2: [1085, 210], injected3: [1185, 284],
  class_scores: [1296, 210], segmentation: [1424, 210],
};
const ROOM = {
  image: [104, 104], pyramid0: [88, 66], pyramid1: [76, 58], pyramid2: [64, 50], pyramid3: [52, 42],
  tokens: [72, 72], block: [84, 84], split: [46, 46], injected: [76, 58], class_scores: [84, 84], segmentation: [134, 134],
};
const CHANNEL_PITCH = [62, 54, 46, 38]; // between the channels' pictures of one level
const GATE_Y = 366; // the gates lie on the way from the split to the injections

class NetworkScene extends Scene {
  constructor(network) {
    super(network.root, (name) => network.choose(name), 0.92, (node, current) => node.setAttribute("aria-expanded", String(current)));
    this.network = network;
  }

  draw() {
    const { net } = this.network, whole = Boolean(net.classes);
    this.boxes = this.places(whole);
    this.fill(1500, 536, net.ui, [...this.ribbons(), ...(whole ? this.ribbonsBeyond() : []), ...this.nodes(), ...(whole ? this.nodesBeyond() : [])]);
    this.light();
  }

  light() {
    super.light(this.network.open);
    this.growLabels();
  }

  // ---- where the parts stand

  // Width and height of a map of this many rows and columns in a box.
  fit([width, height], ratio = this.network.net.grid[0] / this.network.net.grid[1]) {
    const w = Math.min(width, height / ratio);
    return { w: Math.max(12, w), h: Math.max(12, w * ratio) };
  }

  places(whole) {
    const { photo } = this.network.net, boxes = {};
    const put = (name, ratio, room = ROOM[name]) => (boxes[name] = { x: AT[name][0], y: AT[name][1], ...this.fit(room, ratio) });
    put("image", photo.height / photo.width);
    for (const n of countTo(4)) put(`pyramid${n}`);
    put("tokens");
    for (const n of countTo(4)) put(`block${n + 1}`, 1, ROOM.block);
    if (!whole) return boxes;
    boxes.split = { x: AT.split[0], y: AT.split[1], w: 312, h: this.fit(ROOM.split).h };
    for (const n of [1, 2, 3]) put(`injected${n}`, undefined, ROOM.injected);
    put("class_scores");
    put("segmentation", photo.height / photo.width);
    return boxes;
  }

  channelAt(n, c) {
    const { x, w } = this.boxes[`pyramid${n}`];
    return x + w / 2 + 14 + c * CHANNEL_PITCH[n];
  }

  channelsEnd(n) {
    return this.channelAt(n, this.network.net.tensor(`pyramid${n}.shown`).shape[0]);
  }

  // The n-th part of the split stands below the injection it goes to; the first, which is dropped, before them.
  partBox(n) {
    const x = n ? AT[`injected${n}`][0] : AT.injected1[0] - 74;
    return { x, y: AT.split[1], ...this.fit(ROOM.split) };
  }

  gateBox(n) {
    return { x: this.boxes[`injected${n}`].x, y: GATE_Y, ...this.fit([46, 40]) };
  }

  // ---- ribbons, each lit by the parts at its ends

  join(from, to) {
    const [a, b] = [this.boxes[from], this.boxes[to]], x1 = a.x + a.w / 2;
    return ribbon(`${from} ${to}`, `M${x1} ${a.y}${curveAcross(x1, a.y, b.x - b.w / 2, b.y)}`);
  }

  drop(from, to, x1, y1, x2, y2) {
    return ribbon(`${from} ${to}`, `M${x1} ${y1}${curveDown(x1, y1, x2, y2)}`);
  }

  ribbons() {
    const { boxes } = this, level = (n) => boxes[`pyramid${n}`], { tokens } = boxes;
    const step = (n) => {
      const [a, b] = [level(n), level(n + 1)], x = a.x + a.w / 4;
      return ribbon(`pyramid${n} pyramid${n + 1}`, `M${x} ${a.y + a.h / 2}C${x} ${b.y} ${a.x + a.w / 2} ${b.y} ${b.x - b.w / 2} ${b.y}`, "thin");
    };
    const pool = (n) => this.drop(`pyramid${n}`, "tokens", level(n).x - level(n).w / 8, level(n).y + level(n).h / 2, tokens.x + (n - 1.5) * 17, tokens.y - tokens.h / 2 - 6);
    return [
      this.join("image", "pyramid0"), ...countTo(3).map(step), ...countTo(4).map(pool),
      ...countTo(4).map((n) => this.join(n ? `block${n}` : "tokens", `block${n + 1}`)),
    ];
  }

  ribbonsBeyond() {
    const { block4 } = this.boxes, first = this.partBox(0);
    const out = [ribbon("block4 split", `M${block4.x + block4.w / 2} ${block4.y}H${first.x - first.w / 2}`)];
    for (const n of [1, 2, 3]) {
      const name = `injected${n}`, to = this.boxes[name], part = this.partBox(n);
      out.push(ribbon(`pyramid${n} ${name}`, `M${this.channelsEnd(n) + 6} ${to.y}H${to.x - to.w / 2}`));
      out.push(this.drop("split", name, part.x, part.y - part.h / 2, to.x, to.y + to.h / 2), this.join(name, "class_scores"));
    }
    return [...out, this.join("class_scores", "segmentation")];
  }

  // ---- nodes

  // `title` and `sizes` say where they stand; null: without.
  node(name, parts, { width, title, sizes } = {}) {
    const { short, title: full, sizes: said } = this.network.byName[name], { x, y, w, h } = this.boxes[name], left = x - w / 2, top = y - h / 2;
    const words = [textAt(...(title ?? [x, top - 8]), "node-name", short)];
    if (sizes !== null) words.push(textAt(x, y + h / 2 + 15, "node-shape", said));
    return sceneNode(name, "", `${full}. ${said}`, { x: left - 8, y: top - 26, w: (width ?? w) + 16, h: h + 50 }, [...parts, ...words]);
  }

  picture(box, tile, scale) {
    return imageIn(box, this.url(tile, scale)) + outlineOf(box);
  }

  url(tile, scale = scaleFor(tile.range)) {
    return dataUrl(cells(tile.rows, tile.cols, tile.at, scale));
  }

  photograph(box) {
    return imageIn(box, this.network.photo.url, ' class="photograph"');
  }

  nodes() {
    const { net } = this.network, { boxes } = this, { tokens } = boxes;
    const levels = countTo(4).map((n) => {
      const shown = net.tensor(`pyramid${n}.shown`), strengths = plane(net.tensor(`pyramid${n}.strength`));
      const box = boxes[`pyramid${n}`], size = this.fit([CHANNEL_PITCH[n] - 6, ROOM[`pyramid${n}`][1] * 0.8]);
      const channels = countTo(shown.shape[0]).map((c) => imageIn({ x: this.channelAt(n, c + 0.5), y: box.y, ...size }, this.url(plane(shown, c)), ' opacity="0.75"'));
      return this.node(`pyramid${n}`, [this.picture(box, strengths), ...channels], { width: this.channelsEnd(n) - box.x + box.w / 2 });
    });
    const sheets = [12, 8, 4, 0].map((d) => `<rect class="outline" ${boxed({ ...tokens, x: tokens.x + d, y: tokens.y - d })} style="fill:var(--panel)"/>`);
    const blocks = net.heads.map((_, n) => {
      const tile = plane(net.tensor(`block${n}.mean`));
      return this.node(`block${n + 1}`, [this.picture(boxes[`block${n + 1}`], tile, matrixScale(net, tile.range[1]))]);
    });
    return [
      this.node("image", [this.photograph(boxes.image), tokenGrid(boxes.image, net.grid)]),
      ...levels,
      this.node("tokens", [...sheets, this.picture(tokens, together(net.tensor("tokens.levels")))], { title: [tokens.x, tokens.y - tokens.h / 2 - 20] }),
      ...blocks,
    ];
  }

  nodesBeyond() {
    const { net } = this.network, { split, class_scores: scores, segmentation } = this.boxes;
    return [
      this.node("split", countTo(4).map((n) => this.part(n)), { title: [this.partBox(2).x, split.y + split.h / 2 + 44], sizes: null }),
      ...[1, 2, 3].map((n) => this.injection(n)),
      this.node("class_scores", [this.picture(scores, plane(net.tensor("scores")))]),
      this.node("segmentation", [this.photograph(segmentation), imageIn(segmentation, dataUrl(painted(net.legend, net.labels, 0.6)))]),
    ];
  }

  // The first part is crossed out.
  part(n) {
    const { net } = this.network, box = this.partBox(n), { x, y, w, h } = box, drawn = this.picture(box, plane(net.tensor(SPLIT), n));
    const words = textAt(x, y + h / 2 + 15, "node-shape", n ? this.network.byName[`pyramid${n}`].short : net.ui.dropped);
    if (n) return drawn + words;
    return `<g opacity="0.55">${drawn}</g><path class="gone" d="M${x - w / 2 - 3} ${y - h / 2 - 3}l${w + 6} ${h + 6}m0 ${-h - 6}l${-w - 6} ${h + 6}"/>${words}`;
  }

  injection(n) {
    const { ui, tensor } = this.network.net, name = `injected${n}`, box = this.boxes[name], { x, y, w, h } = box, gateBox = this.gateBox(n);
    return this.node(name, [
      this.picture(gateBox, plane(tensor(`gate${n}.mean`)), GATE_SCALE), textAt(gateBox.x + gateBox.w / 2 + 5, gateBox.y + 4, "aside", ui.gate, "start"),
      this.picture(box, plane(tensor(`injected${n}.strength`))), signAt(x - w / 2 - 12, y, 9, "×"), signAt(x, y + h / 2 + 12, 9, "+"),
    ], { sizes: null });
  }
}
