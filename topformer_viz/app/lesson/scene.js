// The lesson's scene. Where a stage stands and what it is joined to follow from what it is made from (`sources`):
// a new one finds its place by itself.

const PITCH = 97, EDGE = 54; // from column to column; from the scene's edge to the first
// The heights of the strands, of the frame around the heads and of all; on a phone, where no sizes stand, they lie closer.
const LANES = { q: 94, k: 193, v: 292, top: 24, high: 330, height: 372 };
const CLOSE = { q: 84, k: 160, v: 236, top: 20, high: 262, height: 299 };
const AT_ONCE = 6, AT_REST = 300; // ms: of work on small maps at a time; until those of other blocks are made
const PHONE = 560; // width of a window from which on they have room

// The stages as nodes, from left to right: {name, step, sources, strands, column, x, y}. Each stands one column after the
// last of its sources, in the middle of the strands that flow into it, and below what has that place already.
function layout(steps, lanes = LANES) {
  const nodes = {}, apart = lanes.v - lanes.k;
  for (const step of steps) {
    const sources = step.sources.map((name) => nodes[name]);
    const strands = step.strand ? [step.strand] : [...new Set(sources.flatMap((source) => source.strands))];
    const column = 1 + Math.max(-1, ...sources.map((source) => source.column));
    const y = strands.reduce((sum, strand) => sum + lanes[strand], 0) / strands.length || lanes.k;
    nodes[step.stage] = { name: step.stage, step, sources, strands, column, x: EDGE + column * PITCH, y };
  }
  const ordered = Object.values(nodes).sort((a, b) => a.column - b.column || a.y - b.y);
  ordered.forEach((node, n) => {
    const before = ordered[n - 1];
    if (before?.column === node.column) node.y = Math.max(node.y, before.y + apart);
  });
  return ordered;
}

// What joins the nodes, {from, to}: ribbons and, around everything between, the other part of an addition.
function links(nodes) {
  const all = nodes.flatMap((to) => to.sources.toSorted((a, b) => a.y - b.y).map((from) => ({ from, to })));
  const isArc = ({ from, to }) => to.step.operation === "add" && to.column - from.column > 1;
  return { arcs: all.filter(isArc), ribbons: all.filter((link) => !isArc(link)) };
}

// A place for a small map; `of` says which.
const mapIn = (box, of) => `<image data-of="${of}" ${boxed(box)} preserveAspectRatio="none"/>`;

class BlockScene extends Scene {
  constructor(view) {
    super(view.root, (name) => view.go(name), 0.95, (node, current) => this.markNode(node, current));
    this.view = view;
    this.thumbnails = new Map(); // of one run: "block/stage/head" -> addresses of its small maps
  }

  // Of another run all is to be made anew.
  forget() {
    this.thumbnails.clear();
  }

  draw() {
    const { lesson, head } = this.view, { ui } = lesson, lanes = this.room, nodes = layout(lesson.steps, lanes);
    this.lanes = lanes;
    for (const node of nodes) Object.assign(node, this.sizeOf(node.step));
    const inHeads = nodes.filter((node) => node.step.axes.includes("heads")), left = inHeads[0].x - 46;
    const frame = { x: left, y: lanes.top, w: inHeads.at(-1).x + 46 - left, h: lanes.high };
    const width = EDGE * 2 + nodes.at(-1).column * PITCH, { arcs, ribbons } = links(nodes);
    this.svg.style.setProperty("--scene-width", `${width}px`);
    const parts = [
      this.headsCards(frame),
      `<g class="arcs">${arcs.map((link) => this.arc(link, frame)).join("")}</g>`,
      `<g class="ribbons">${ribbons.map((link) => this.ribbon(link, ribbons)).join("")}</g>`,
      ...nodes.map((node) => this.node(node)),
      '<g class="whence"></g>',
    ];
    const drawn = [width, parts, lesson.lang].join();
    if (drawn !== this.drawn) { // another block is other maps in the same places
      this.fill(width, lanes.height, ui, parts);
      this.growLabels();
    }
    this.drawn = drawn;
    this.root.querySelector(".scene-note").textContent = fill(ui.scene_note, { head: Math.max(1, head) });
    this.markWay(nodes.find(({ name }) => name === "tokens"));
    this.hang();
    this.light();
  }

  // To a later block's tokens the way leads by the block before, and past blocks that are not drawn.
  markWay({ x, y, h, step }) {
    const { ui, block } = this.view.lesson, enters = step.operation === "enter", way = this.svg.querySelector(".way");
    way.classList.toggle("broken", enters);
    way.dataset.ends = enters ? "" : way.dataset.way;
    this.svg.querySelector(".whence").innerHTML = enters ? textAt(x, y - h / 2 - 34, "from", `${ui.block} ${block - 1} →`) : "";
  }

  light() {
    super.light(this.view.stage);
  }

  // The small maps in their places: what is made already at once, the rest after this frame, and then those of the other blocks.
  hang() {
    const { lesson, head } = this.view, missing = [];
    for (const image of this.svg.querySelectorAll("image")) {
      const [stage, n] = image.dataset.of.split("/"), step = lesson.byStage[stage];
      const put = () => {
        const url = this.pictures(step, lesson.block, head)[n];
        if (image.getAttribute("href") !== url) image.setAttribute("href", url);
      };
      if (step.view === "photo" || this.thumbnails.has(this.keyOf(step, lesson.block, head))) put();
      else missing.push(put);
    }
    const others = countTo(lesson.blocks).flatMap((b) => this.view.stepsOf(b).map((step) => () => this.pictures(step, b + 1, head)));
    clearTimeout(this.hanging);
    this.hanging = setTimeout(() => this.work(missing, () => (this.hanging = setTimeout(() => this.work(others), AT_REST))));
  }

  // Do `jobs`, some milliseconds at a time, so that nothing waits for them; and `then`.
  work(jobs, then = () => {}) {
    const until = performance.now() + AT_ONCE;
    while (jobs.length && performance.now() < until) jobs.shift()();
    if (jobs.length) this.hanging = setTimeout(() => this.work(jobs, then));
    else then();
  }

  close() {
    clearTimeout(this.hanging);
  }

  get room() {
    const { clientWidth } = this.box; // 0 while it is not on show
    return clientWidth && clientWidth < PHONE ? CLOSE : LANES;
  }

  // For a window of another width.
  fit() {
    if (this.lanes !== this.room) this.draw();
    else this.growLabels();
  }

  // A card for every head, but no more than four.
  headsCards({ x, y, w, h }) {
    const { lesson, head } = this.view, { ui, heads } = lesson;
    const card = (n) => `<rect class="card${n ? "" : " front"}" x="${x + 5 * n}" y="${y + 5 * n}" width="${w}" height="${h}" rx="10"/>`;
    const cards = countTo(Math.min(4, heads)).reverse().map(card);
    return cards.join("") + textAt(x + w - 14, y + h - 12, "frame-label", head ? `${ui.head} ${head} / ${heads}` : `${heads} × ${ui.head}`, "end");
  }

  // Ribbons that leave or enter a node together lie side by side. One past other columns bends only before its end.
  ribbon({ from, to }, ribbons) {
    const beside = (end, apart) => {
      const all = ribbons.filter((link) => link[end] === { from, to }[end]), at = all.findIndex((link) => link.from === from && link.to === to);
      return (at - (all.length - 1) / 2) * apart;
    };
    const x1 = from.x + from.w / 2 + 3, x2 = to.x - to.w / 2 - 3, y1 = from.y + beside("from", 18), y2 = to.y + beside("to", 26);
    const past = to.column - from.column > 1;
    const path = `M${x1} ${y1}${past ? `H${x2 - 130}${curveAcross(x1, y1, x2, y2, x2 - 70)}` : curveAcross(x1, y1, x2, y2)}`;
    const strand = to.step.strand || from.step.strand, ends = `${from.name} ${to.name}`, way = to.name === "tokens";
    return ribbon(ends, path, `${strand} ${way ? "way" : ""}`, ` stroke-width="${strand ? 20 : 26}"${way ? ` data-way="${ends}"` : ""}`);
  }

  // Over the frame where it passes it.
  arc({ from, to }, frame) {
    const start = from.y - from.h / 2 - 24, end = to.y - to.h / 2 - 24, y = from.x < frame.x && to.x > frame.x + frame.w ? 10 : this.lanes.k - 109;
    return `<path class="arc" data-ends="${to.name}" d="M${from.x} ${start}V${y + 18}Q${from.x} ${y} ${from.x + 18} ${y}H${to.x - 18}Q${to.x} ${y} ${to.x} ${y + 18}V${end}"/>
      <path class="arc-head" data-ends="${to.name}" d="M${to.x - 5} ${end - 6}l5 7l5 -7"/>`;
  }

  // ---- nodes

  sizeOf({ view, strand }) {
    const { photo, grid } = this.view.lesson;
    if (view === "matrix") return { w: 70, h: 70 };
    if (view === "rows") return { w: strand === "v" ? 42 : 28, h: 66 };
    if (view === "columns") return { w: 66, h: 28 };
    if (view === "pyramid") return { w: 64, h: 92 };
    const [rows, cols, high, wide] = view === "photo" ? [photo.height, photo.width, 88, 88] : [...grid, 52, 66];
    const scale = Math.min(high / rows, wide / cols);
    return { w: Math.max(16, cols * scale), h: Math.max(16, rows * scale) };
  }

  node(node) {
    const { name, step, x, y, w, h } = node, { lesson } = this.view, left = x - w / 2, top = y - h / 2, hit = { x: x - 45, y: top - 24, w: 90, h: h + 46 };
    const sheets = step.axes.includes("heads") ? [2, 1].map((n) => `<rect class="sheet" x="${left + 3.5 * n}" y="${top - 3.5 * n}" width="${w}" height="${h}" rx="2"/>`) : [];
    const one = () => [mapIn(node, `${name}/0`), step.view === "photo" ? tokenGrid(node, lesson.grid) : "", outlineOf(node)];
    return sceneNode(name, step.strand, "", hit, [
      ...sheets,
      ...(step.view === "pyramid" ? this.stairs(node) : one()),
      step.sign && signAt(left - 11, y, 8.5, step.sign, step.does),
      textAt(x, top - (sheets.length ? 14 : 8), "node-name", name),
      this.lanes === LANES ? textAt(x, y + h / 2 + 15, "node-shape", "") : "",
    ]);
  }

  // The levels of the pyramid, one below the other.
  stairs({ name, x, y, step }) {
    const [rows, columns] = this.view.lesson.grid, ratio = rows / columns;
    return step.levels.map((_, n) => {
      const size = [1, 0.75, 0.5, 0.32][n] * 34, w = ratio > 1 ? size / ratio : size * Math.min(1.6, 1 / ratio);
      return mapIn({ x, y: [y - 31, y + 4, y + 27, y + 42][n], w, h: w * ratio }, `${name}/${n}`);
    });
  }

  // Of the stages before the blocks' own there is one for all blocks.
  keyOf(step, block, head) {
    return [step.view === "pyramid" ? 0 : block, step.stage, step.axes.includes("heads") ? Math.max(0, head - 1) : 0].join("/");
  }

  // Small maps of a stage: the image, or the tensor itself, or its strength over the channels. Blocks and heads from 1; head 0 is all.
  pictures(step, block, head) {
    if (step.view === "photo") return [this.view.photo.url];
    const key = this.keyOf(step, block, head);
    if (!this.thumbnails.has(key)) {
      const urls = this.tiles(step, block, Math.max(0, head - 1)).map((tile) => dataUrl(cells(tile.rows, tile.cols, tile.at, tile.scale ?? scaleFor(tile.range))));
      this.thumbnails.set(key, urls);
    }
    return this.thumbnails.get(key);
  }

  tiles(step, block, head) {
    const { view } = this, { grid } = view.lesson, { tensor } = step;
    const channels = (t) => countTo(t.shape[0]).map((c) => channelOf(t, c));
    if (step.view === "pyramid") return step.levels.map(({ tensor: level }) => strength(level, level.shape.slice(1), channels(level)));
    if (step.view === "maps") return [strength(tensor, grid, channels(tensor))];
    if (step.view === "overlay") return [strength(tensor, grid, countTo(tensor.shape[2]).map((f) => featureOf(tensor, head, f, grid[1])))];
    const tile = view.matrixTile(step, head, block);
    return [step.stage === "weights" ? { ...tile, scale: rootScale(view.message.run.attention(block - 1).top[head]) } : tile];
  }

  // A stage that is still to be guessed does not give its shape away.
  markNode(node, current) {
    const step = this.view.lesson.byStage[node.dataset.name], closed = this.view.quiz.pending(step);
    const sizes = step.axes.slice(1).map((axis, i) => `<tspan style="fill:var(--axis-${axis.replace(/\d$/, "")})">${step.shape[i + 1]}</tspan>`);
    const said = closed ? step.title : [step.title, ...step.axes.map((axis, i) => `${axis} ${step.shape[i]}`)].join(" · ");
    const shape = node.querySelector(".node-shape");
    if (shape) shape.innerHTML = closed ? "?" : sizes.join("<tspan> × </tspan>");
    node.querySelector("title").textContent = said;
    Object.assign(node, { ariaLabel: said, ariaCurrent: current ? "step" : null });
  }
}
