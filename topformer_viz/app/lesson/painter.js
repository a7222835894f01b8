// Lays a stage's tiles out for a given width, and within `room` in height if there is one; `actions` draw them, `tiles`
// answer the pointer. `scale` and `quantity` are the legend's, `high` what it says at its end where that is no number.
class Painter {
  constructor(view, width, room) {
    Object.assign(this, { view, lesson: view.lesson, width, room, height: 0, actions: [], tiles: [], scale: null, quantity: "", high: null });
    const { color, fontFamily, borderTopColor } = getComputedStyle(view.find(".lesson"));
    Object.assign(this, { ink: color, font: fontFamily, faint: borderTopColor });
  }

  axisColour(axis) {
    const probe = this.view.find(".probe");
    probe.style.background = `var(--axis-${axis.replace(/\d$/, "")})`;
    return getComputedStyle(probe).backgroundColor;
  }

  text(string, x, y, { align = "left", colour = this.ink, size = 12, turn = false } = {}) {
    this.actions.push((context) => {
      context.save();
      context.translate(x, y);
      if (turn) context.rotate(-Math.PI / 2);
      Object.assign(context, { font: `${size}px ${this.font}`, textAlign: align, fillStyle: colour });
      context.fillText(string, 0, 0);
      context.restore();
    });
  }

  tile(tile, scale, options = {}) {
    this.answer(tile);
    this.actions.push((context) => {
      const { rows, cols, at } = tile;
      if (this.sheet?.width !== cols || this.sheet.height !== rows) this.sheet = new OffscreenCanvas(cols, rows);
      fillPixels(this.sheet, (p) => colourOf(scale, at(Math.floor(p / cols), p % cols))); // one sheet for all: a canvas each takes longer than its picture
      context.globalAlpha = options.alpha ?? 1;
      context.drawImage(this.sheet, tile.x, tile.y, tile.w, tile.h);
      Object.assign(context, { globalAlpha: 1, strokeStyle: this.faint, lineWidth: 1 });
      context.strokeRect(tile.x - 0.5, tile.y - 0.5, tile.w + 1, tile.h + 1);
    });
  }

  // A tile that answers the pointer: which token a cell belongs to, and where a token lies in it.
  // `list`: the axis, rows or columns, along which the tokens stand in a list; without it they lie on their grid.
  answer(tile) {
    const [h, w] = this.lesson.grid, { x, y, rows, cols, list } = tile, n = h * w;
    tile.token = (r, c) => ({ rows: r, columns: c })[list] ?? Math.floor(((r + 0.5) / rows) * h) * w + Math.floor(((c + 0.5) / cols) * w);
    tile.box = (i) =>
      ({
        rows: { x, y: y + (i * tile.h) / n, w: tile.w, h: tile.h / n },
        columns: { x: x + (i * tile.w) / n, y, w: tile.w / n, h: tile.h },
      })[list] ?? { x: x + ((i % w) * tile.w) / w, y: y + (Math.floor(i / w) * tile.h) / h, w: tile.w / w, h: tile.h / h };
    this.tiles.push(tile);
  }

  // Where a token of the token grid lies, as people say it.
  token(i) {
    return tokenName(this.lesson.ui, i, this.lesson.grid);
  }

  value(step, tile, r, c) {
    return (step.tensor?.exact === false ? "≈ " : "= ") + number(tile.at(r, c));
  }

  heads() {
    return this.view.head ? [this.view.head - 1] : countTo(this.lesson.heads);
  }

  // ---- the image under the token grid
  photo() {
    const { lesson, view } = this, [h, w] = lesson.grid;
    const fit = Math.min(this.width / lesson.photo.width, (this.room ?? 560) / lesson.photo.height);
    const box = { x: 0, y: 0, w: lesson.photo.width * fit, h: lesson.photo.height * fit };
    this.height = box.h + 2;
    this.actions.push((context) => {
      context.imageSmoothingEnabled = true;
      if (view.photo.image.complete) context.drawImage(view.photo.image, box.x, box.y, box.w, box.h);
      context.imageSmoothingEnabled = false;
      this.grid(context, box);
    });
    this.answer({ ...box, rows: h, cols: w, at: () => 0, say: (r, c) => this.token(r * w + c) });
  }

  grid(context, { x, y, w, h }) {
    const lines = new Path2D(gridPath(this.lesson.grid, x, y, w, h));
    for (const [strokeStyle, lineWidth] of [["rgba(0,0,0,.35)", 2], ["rgba(255,255,255,.75)", 1]]) {
      Object.assign(context, { strokeStyle, lineWidth });
      context.stroke(lines);
    }
  }

  // ---- small multiples of channels
  pyramid(step) {
    let y = 0;
    const high = this.room ? (this.room - 4 * 36) / 3.25 : 112; // of the first level's tiles
    step.levels.forEach(({ tensor, sizes, range: ends }, n) => {
      const scale = scaleFor(ends); // each level has its own: they differ by an order of magnitude
      const [channels, rows, cols] = tensor.shape;
      const gap = 6, side = Math.min((this.width - gap * (channels - 1)) / channels, (high * cols) / rows) * [1, 0.9, 0.75, 0.6][n];
      this.text(`pyramid${n}`, 0, y + 13);
      this.text(sizes.map(([axis, size]) => `${axis} ${size}`).join("  ·  "), 76, y + 13, { colour: this.axisColour("C") });
      this.text(range(scale.low, scale.high), this.width, y + 13, { align: "right" });
      y += 20;
      for (let c = 0; c < channels; c++) {
        const at = channelOf(tensor, c), tile = { x: c * (side + gap), y, w: side, h: (side * rows) / cols, rows, cols, at };
        tile.say = (r, col) => `pyramid${n}[${c + 1}, ${r + 1}, ${col + 1}] ≈ ${number(at(r, col))}`;
        this.tile(tile, scale);
      }
      y += (side * rows) / cols + 16;
    });
    this.height = y;
  }

  // ---- one tile per channel
  maps(step) {
    const { tensor } = step, [h, w] = this.lesson.grid, { channelNames, ui } = this.lesson, axis = step.axes[1];
    const named = Boolean(channelNames) && axis === "C";
    this.scale = named ? null : scaleFor(step.range); // a named channel is a quantity of its own, and gets a scale of its own
    this.quantity = step.stage;
    const { groups, per, across, wide, side, perRow, gap, block } = this.arranged(step, named), high = (side * h) / w;
    groups.forEach((group, at) => {
      const left = (at % across) * wide, y = Math.floor(at / across) * block;
      const label = step.grouped ? `${this.headName(group)}: ${per} ${ui.channels}` : `${per} ${ui.channels}`;
      this.text(label, left, y + 13, { colour: this.axisColour(step.grouped ? "heads" : axis) });
      for (let i = 0; i < per; i++) {
        const n = group * per + i, at = channelOf(tensor, n);
        const x = left + (i % perRow) * (side + 4), top = y + 20 + Math.floor(i / perRow) * (high + gap) + (named ? 28 : 0);
        const tile = { x, y: top, w: side, h: high, rows: h, cols: w, at };
        tile.say = (r, c) => `${step.stage}[${named ? channelNames[n] : n + 1}, ${r + 1}, ${c + 1}] ${this.value(step, tile, r, c)}`;
        this.tile(tile, named ? this.namedScale(channelNames[n], tile) : this.scale);
      }
    });
    this.height = Math.ceil(groups.length / across) * block;
  }

  // The heads, or all channels at once, so many side by side that the tiles are largest; on a page one below the other.
  arranged({ tensor, grouped }, named) {
    const { grid: [h, w], heads, headNames } = this.lesson, groups = grouped ? this.heads() : [0];
    const per = grouped ? tensor.shape[0] / heads : tensor.shape[0], gap = named ? 36 : 4, apart = 16;
    const wide = (across) => (this.width - apart * (across - 1)) / across;
    const fitting = (across, side) => Math.max(1, Math.floor((wide(across) + 4) / (side + 4)));
    const largest = (across) => {
      const down = Math.ceil(groups.length / across), limit = this.room ? this.room - 10 * down : named ? 620 : 520;
      let side = Math.min(150, wide(across));
      while (side > (this.room ? 6 : 14) && down * (Math.ceil(per / fitting(across, side)) * ((side * h) / w + gap) + 20) > limit) side -= 1;
      return side;
    };
    const legible = (across) => across === 1 || wide(across) > (headNames ? 180 : 116); // the groups' names
    const across = this.room ? countTo(groups.length).map((i) => i + 1).filter(legible).sort((a, b) => largest(b) - largest(a))[0] : 1;
    const side = largest(across), perRow = Math.min(per, fitting(across, side));
    const block = 20 + Math.ceil(per / perRow) * ((side * h) / w + gap) + (named ? 6 : 10);
    return { groups, per, across, wide: wide(across) + apart, side, perRow, gap, block };
  }

  // A named channel's scale, written above its tile.
  namedScale(name, { x, y, rows, cols, at }) {
    const all = countTo(rows * cols).map((k) => at(Math.floor(k / cols), k % cols)), scale = scaleFor(extent(all));
    this.text(name, x, y - 17, { size: 11 });
    this.text(range(scale.low, scale.high), x, y - 5, { size: 10 });
    return scale;
  }

  // ---- one matrix per head
  rows(step) {
    const heads = this.heads(), [, n, features] = step.tensor.shape, left = 46, gap = 14;
    const w = Math.min((this.width - left - gap * (heads.length - 1)) / heads.length, features * 22);
    const h = this.room ? this.room - 46 : Math.min(520, Math.max(260, n * 5.4));
    this.scale = scaleFor(step.range);
    this.quantity = step.stage;
    heads.forEach((head, i) => {
      const x = left + i * (w + gap);
      if (w > 40) this.headLabel(head, x, 13);
      else this.text(String(head + 1), x, 13, { colour: this.axisColour("heads") });
      const tile = { ...this.view.matrixTile(step, head), x, y: 22, w, h, list: "rows" };
      tile.say = (r, c) => `${step.stage}[${this.lesson.ui.head} ${head + 1}, ${this.token(r)}, ${this.lesson.ui.feature} ${c + 1}] ${this.value(step, tile, r, c)}`;
      this.tile(tile, this.scale);
      if (w > 62 || i === 0) this.text(`${step.axes[3]} ${features}`, x + w / 2, 22 + h + 16, { align: "center", colour: this.axisColour(step.axes[3]) });
      this.gridTicks(tile, { left: i === 0 });
    });
    this.text(`HW ${n}`, 12, 22 + h / 2, { align: "center", colour: this.axisColour("HW"), turn: true });
    this.height = h + 46;
  }

  columns(step) {
    const heads = this.heads(), [, features, n] = step.tensor.shape, left = 30;
    const across = this.room && heads.length > 4 ? 2 : 1, down = Math.ceil(heads.length / across), w = this.width / across - left;
    const h = Math.min(this.room ? (this.room - 26) / down - 34 : heads.length > 1 ? 84 : 200, features * 18);
    this.scale = scaleFor(step.range);
    this.quantity = step.stage;
    heads.forEach((head, i) => {
      const x = left + (i % across) * (this.width / across), y = Math.floor(i / across) * (h + 34);
      this.headLabel(head, x, y + 13);
      const tile = { ...this.view.matrixTile(step, head), x, y: y + 20, w, h, list: "columns" };
      tile.say = (r, c) => `${step.stage}[${this.lesson.ui.head} ${head + 1}, ${this.lesson.ui.feature} ${r + 1}, ${this.token(c)}] ${this.value(step, tile, r, c)}`;
      this.tile(tile, this.scale);
      this.text(`key_dim ${features}`, x - 16, y + 20 + h / 2, { align: "center", colour: this.axisColour("key_dim"), turn: true, size: 11 });
      if (i < heads.length - across) return;
      this.gridTicks(tile, { below: true });
      this.text(`HW ${n}`, x + w / 2, y + h + 50, { align: "center", colour: this.axisColour("HW") });
    });
    this.height = down * (h + 34) + 26;
  }

  // ---- per-head outputs laid back onto the image
  overlay(step) {
    const t = step.tensor, [h, w] = this.lesson.grid, { lesson, view } = this, heads = this.heads(), d = t.shape[2];
    const gap = 12, ratio = lesson.photo.width / lesson.photo.height;
    // How high a map may be where so many stand side by side; below one head's map its features need room.
    const most = (across) => (!this.room ? (heads.length === 1 ? 340 : 220) : heads.length === 1 ? this.room * 0.5 : (this.room - 22) / Math.ceil(heads.length / across) - 30);
    const wide = (across) => Math.min((this.width - gap * (across - 1)) / across, most(across) * ratio);
    const best = countTo(heads.length).map((i) => i + 1).sort((a, b) => wide(b) - wide(a))[0];
    const across = this.room ? best : heads.length === 1 ? 1 : heads.length > 4 ? 3 : 2, width = wide(across);
    const height = (width * lesson.photo.height) / lesson.photo.width;
    const maps = heads.map((head) => strength(t, lesson.grid, countTo(d).map((f) => featureOf(t, head, f, w))));
    const scales = maps.map((map) => scaleFor(map.range)), one = heads.length === 1; // on one scale for all the weaker heads would be flat
    this.scale = scales[0];
    this.quantity = fill(one ? lesson.ui.strength : lesson.ui.strength_each, { d });
    this.high = one ? null : lesson.ui.own_largest;
    heads.forEach((head, i) => {
      const x = (i % across) * (width + gap), y = 22 + Math.floor(i / across) * (height + 30);
      this.headLabel(head, x, y - 8);
      if (!one) this.text(range(0, scales[i].high), x + width, y - 8, { align: "right" });
      this.actions.push((context) => {
        context.imageSmoothingEnabled = true;
        if (view.photo.grey) context.drawImage(view.photo.grey, x, y, width, height);
        context.imageSmoothingEnabled = false;
      });
      const tile = { ...maps[i], x, y, w: width, h: height };
      tile.say = (r, c) => `${lesson.ui.head} ${head + 1}, ${this.token(r * w + c)}: ≈ ${number(tile.at(r, c))}`;
      this.tile(tile, scales[i], { alpha: 0.75 });
    });
    this.height = 22 + Math.ceil(heads.length / across) * (height + 30);
    if (one) this.features(step, heads[0]);
  }

  // One head: its d features as well, each on its own.
  features(step, head) {
    const { tensor } = step, { lesson } = this, [h, w] = lesson.grid, d = tensor.shape[2];
    const own = scaleFor(step.range), below = this.room ? this.room - this.height - 24 : 260;
    const side = Math.max(this.room ? 10 : 28, Math.min(110, this.width / Math.ceil(Math.sqrt((d * this.width * h) / (w * below))) - 4));
    const perRow = Math.max(1, Math.floor((this.width + 4) / (side + 4))), high = (side * h) / w, y0 = this.height + 18;
    this.text(`${d} ${lesson.ui.features}: ${range(own.low, own.high)}`, 0, y0 - 6, { colour: this.axisColour("d") });
    for (let f = 0; f < d; f++) {
      const at = featureOf(tensor, head, f, w);
      const tile = { x: (f % perRow) * (side + 4), y: y0 + Math.floor(f / perRow) * (high + 4), w: side, h: high, rows: h, cols: w, at };
      tile.say = (r, c) => `${step.stage}[${lesson.ui.head} ${head + 1}, ${this.token(r * w + c)}, ${lesson.ui.feature} ${f + 1}] ≈ ${number(at(r, c))}`;
      this.tile(tile, own);
    }
    this.height = y0 + Math.ceil(d / perRow) * (high + 4);
  }

  headName(head) {
    const { ui, headNames } = this.lesson;
    return `${ui.head} ${head + 1}${headNames ? ` (${headNames[head]})` : ""}`;
  }

  headLabel(head, x, y) {
    this.text(this.headName(head), x, y, { colour: this.axisColour("heads") });
  }

  // The token grid shows in the ticks: one at the start of each row of the token grid.
  gridTicks(tile, { left = false, below = false }) {
    const [h, w] = this.lesson.grid, colour = this.axisColour("HW"), n = h * w;
    const every = Math.ceil((h * 13) / Math.max(left ? tile.h : tile.w, 1));
    for (let r = 0; r < h; r++) {
      const y = tile.y + (r * w * tile.h) / n, x = tile.x + (r * w * tile.w) / n;
      this.actions.push((context) => {
        Object.assign(context, { strokeStyle: colour, lineWidth: 1 });
        context.beginPath();
        if (left) context.moveTo(tile.x - 5, y + 0.5), context.lineTo(tile.x - 1, y + 0.5);
        if (below) context.moveTo(x + 0.5, tile.y + tile.h + 1), context.lineTo(x + 0.5, tile.y + tile.h + 5);
        context.stroke();
      });
      if (r % every) continue;
      if (left) this.text(String(r * w + 1), tile.x - 8, y + 4 + 3, { align: "right", colour, size: 10 });
      if (below && (r % Math.ceil((h * 22) / tile.w) === 0)) this.text(String(r * w + 1), x, tile.y + tile.h + 15, { colour, size: 10 });
    }
  }
}
