// The attention explorer: point at a pixel and see what it reads, in every head, and by what arithmetic.
// A page of its own, a guest in the lesson (`host`), and a file that works alone. Every answer to a pointer is made
// here; the server is asked for another block or for a run without a head. attention.js, which comes first, has the numbers.

// How an address spells the state; what is left at its default does not show there. Numbers in addresses count from 1.
const DEFAULTS = { mode: "row", values: "weights", log: false, each: false, smooth: false, with: "", sort: "", removal: "", locked: false };
const REST = 400; // ms without news until the address and the screen reader hear of it

class Explorer {
  constructor(root, host = {}) {
    this.root = root;
    this.host = host;
    this.find = (selector) => root.querySelector(`.explorer ${selector}`);
    this.box = root.querySelector(".explorer");
    this.known = new Map(); // block, from 0 -> Attention
    this.state = { ...DEFAULTS, head: 0, block: 0, query: null, anchor: null, key: null, cell: null, pinned: null, selecting: false };
    // A finger that lifts points on.
    const gone = (news) => (event) => event.pointerType === "touch" || (news ? this.change(news) : this.light(null));
    this.box.onkeydown = (event) => this.pressed(event);
    this.box.onpointerover = (event) => this.light(event.target.closest("[data-light]"));
    this.box.onpointerleave = gone(null);
    this.box.onfocusin = (event) => this.light(event.target.closest("[data-light]"));
    this.box.onfocusout = () => this.light(null);
    const photo = this.find(".photo");
    photo.onpointerdown = (event) => this.down(event, photo);
    photo.onpointermove = (event) => this.over(event, photo);
    photo.onpointerup = (event) => this.up(event, photo);
    photo.onpointercancel = () => this.cancel();
    photo.onpointerleave = gone({ key: null });
    const map = this.find(".map");
    map.onpointermove = (event) => this.change({ key: this.pixelAt(event, map), cell: null });
    map.onpointerdown = (event) => {
      map.onpointermove(event);
      photo.focus({ preventScroll: true }); // the keys belong to whoever was touched last
      event.preventDefault();
    };
    map.onpointerleave = gone({ key: null });
    const matrix = this.find(".matrix");
    matrix.onpointermove = (event) => this.overMatrix(event, matrix);
    matrix.onpointerdown = (event) => {
      this.overMatrix(event, matrix, true);
      photo.focus({ preventScroll: true });
      event.preventDefault();
    };
    matrix.onpointerleave = gone({ cell: null });
    this.resized = new ResizeObserver((entries) => {
      for (const { target, contentRect: { width, height } } of entries) {
        Object.assign(this.bars[target.closest(".bars").dataset.bars], { width, height });
      }
      this.dressBars();
      if (this.sumInView && this.pair) this.drawSum();
    });
    // The arithmetic is drawn where it can be seen: below the window's edge it would only cost time.
    this.seen = new IntersectionObserver((entries) => {
      this.sumInView = entries.at(-1).isIntersecting;
      if (this.sumInView && this.pair) this.drawSum();
    });
    this.seen.observe(this.find(".sum"));
    this.find(".with").onchange = (event) => this.compare(event.target.value);
    this.find(".sort").onchange = (event) => this.settle({ sort: event.target.value });
    this.find(".selecting").onclick = () => this.settle({ selecting: !this.state.selecting });
    this.find(".free").onclick = () => this.settle(FREE);
    this.find(".save").onclick = () => this.save();
    this.find(".link-button").onclick = () => this.copyLink();
  }

  close() {
    cancelAnimationFrame(this.frame);
    clearTimeout(this.resting);
    this.resized.disconnect();
    this.seen.disconnect();
    for (const url of [this.photoUrl, this.greyUrl, ...(this.overlays ?? [])]) if (url) URL.revokeObjectURL(url);
  }

  // ------------------------------------------------------------ what comes from the server

  show(header) {
    const news = { ...header.explorer, ...header.view }, first = !this.info;
    if (first || news.run !== this.info.run || header.lang !== this.header.lang) this.known.clear();
    this.header = header;
    this.info = news;
    this.ui = news.ui;
    [this.rows, this.columns] = news.grid;
    this.n = this.rows * this.columns;
    for (const [b, data] of Object.entries(news.known)) {
      const removals = { ...this.known.get(+b)?.removals, ...data.removals };
      this.known.set(+b, Object.assign(new Attention(data), { removals }));
    }
    this.sent ??= news.answer;
    if (news.answer === this.sent) { // an answer to an earlier wish, early or late, leaves the last one standing
      this.state.block = news.block;
      this.wished = undefined;
    }
    if (first) Object.assign(this.state, this.read(news.asked));
    this.fit();
    this.box.lang = header.lang;
    this.box.classList.toggle("guest", Boolean(this.host.guest));
    this.showPhoto(header.photo);
    const frame = JSON.stringify([header.lang, news.heads, news.headNames, news.grid, this.block.dim, this.block.d]);
    if (frame !== this.built) this.build();
    this.built = frame;
    this.settle({});
    if (news.file && news.file.id !== this.saved) download(news.file); // the same payload may come twice
    this.saved = news.file?.id;
  }

  // What another picture or model has no place for goes back to its default.
  fit() {
    const { state, n, info } = this, inside = (pixel) => Number.isInteger(pixel) && pixel >= 0 && pixel < n;
    if (!inside(state.query)) state.query = Math.floor(this.rows / 2) * this.columns + Math.floor(this.columns / 2);
    for (const name of ["anchor", "key", "pinned"]) if (!inside(state[name])) state[name] = null;
    state.cell = null;
    if (!(state.head === "mean" || (Number.isInteger(state.head) && state.head >= 0 && state.head < info.heads))) state.head = 0;
    if (state.with === "query" && state.pinned === null) state.with = "";
    if (!this.options().some(([value]) => value === state.with)) state.with = "";
    if (state.removal && !this.headOf(state.removal)) state.removal = "";
  }

  showPhoto(photo) {
    for (const url of [this.photoUrl, this.greyUrl]) if (url) URL.revokeObjectURL(url);
    this.photoUrl = URL.createObjectURL(photo.blob);
    this.greyUrl = undefined;
    this.box.style.setProperty("--ratio", photo.width / photo.height);
    this.find(".colour").src = this.photoUrl;
    const shown = this.photoUrl;
    // Grey once and for all: a filter would be worked out again with every frame.
    createImageBitmap(photo.blob).then((image) => grey(image).convertToBlob({ type: "image/jpeg", quality: 0.8 })).then((blob) => {
      if (shown !== this.photoUrl) return;
      this.greyUrl = URL.createObjectURL(blob);
      this.spreadGrey();
    });
  }

  spreadGrey() {
    if (this.greyUrl) for (const image of this.root.querySelectorAll(".explorer .grey")) if (image.src !== this.greyUrl) image.src = this.greyUrl;
  }

  // Another block, a block to compare with, a run without a head: what is not here yet is asked for, once.
  wish(wanted = {}) {
    const { state } = this, block = wanted.block ?? this.wished ?? state.block;
    const other = state.with.startsWith("block-") ? Number(state.with.slice(6)) - 1 : null;
    const missing = !this.known.has(block) || (other !== null && !this.known.has(other)) || (state.removal && !this.known.get(block).removals[state.removal]) || this.known.get(block)?.difference === null || wanted.save;
    if (this.known.has(block)) state.block = block;
    else this.wished = block;
    this.box.setAttribute("aria-busy", String(Boolean(missing && this.host.ask)));
    const wish = { run: this.info.run, block, with: other, removal: state.removal, save: wanted.save ?? null }, words = JSON.stringify([this.info.run, wish]);
    // Never the same twice: an answer that lacks what was asked for must not start a circle.
    if (this.host.ask && (missing || wanted.block !== undefined) && (words !== this.asked || wanted.save)) {
      this.wished = block;
      this.sent += 1;
      this.host.ask({ ...wish, number: this.sent });
    }
    this.asked = words;
  }

  // ------------------------------------------------------------ state

  // Something a pointer may change sixty times a second: drawn in the next frame.
  change(news) {
    if (Object.entries(news).every(([name, value]) => same(this.state[name], value))) return;
    Object.assign(this.state, news);
    this.frame ??= requestAnimationFrame(() => {
      this.frame = undefined;
      this.draw();
    });
  }

  // A setting: toolbar and pictures anew.
  settle(news) {
    Object.assign(this.state, news);
    if (this.state.values === "scores") this.state.log = false; // scores have both signs
    if (this.host.guest && !this.box.offsetParent) return; // another stage is on show
    // Settings of display are folded away at first where there is little room.
    if (!this.folded) this.find(".display").open = this.box.clientWidth >= 560;
    this.folded = true;
    this.wish();
    this.drawToolbar();
    this.drawMatrix();
    this.drawRemoval();
    this.dressBars();
    this.draw();
    this.host.changed?.(this.state);
  }

  chooseBlock(b) {
    if (b < 0 || b >= this.info.blocks || b === (this.wished ?? this.state.block)) return;
    if (this.host.block) return this.host.block(b);
    this.wish({ block: b });
    this.settle({});
  }

  compare(value) {
    this.settle({ with: value, pinned: value === "query" ? this.state.query : null });
    if (value) this.find(".against").scrollIntoView({ block: "nearest" });
  }

  get block() {
    return this.known.get(this.state.block) ?? this.known.values().next().value;
  }

  get column() {
    return this.state.mode === "column";
  }

  // The pixels that ask: one, or the rectangle between anchor and query.
  get pixels() {
    const { anchor, query } = this.state, w = this.columns;
    if (anchor === null || anchor === query) return [query];
    const [r0, r1] = [Math.floor(anchor / w), Math.floor(query / w)].sort((a, b) => a - b);
    const [c0, c1] = [anchor % w, query % w].sort((a, b) => a - b), found = [];
    for (let r = r0; r <= r1; r++) for (let c = c0; c <= c1; c++) found.push(r * w + c);
    return found;
  }

  read(asked) {
    const pixel = (text) => (/^\d{1,6}$/.test(text ?? "") ? Number(text) - 1 : null), one = (value, of) => (of.includes(value) ? value : of[0]);
    const [query, anchor, pinned] = [pixel(asked.query), pixel(asked.to), pixel(asked.pinned)];
    return {
      query, anchor, pinned,
      head: asked.head === "mean" ? "mean" : (pixel(asked.head) ?? this.state.head),
      mode: one(asked.mode, ["row", "column"]),
      values: one(asked.values, ["weights", "scores"]),
      log: asked.colour === "log",
      each: asked.scale === "each",
      smooth: asked.smooth === "1",
      locked: asked.lock === "1",
      with: asked.with === "query" && pinned === null ? "" : (asked.with ?? ""),
      sort: one(asked.sort, ["", "effective", "distance"]),
      removal: asked.removal ?? "",
    };
  }

  // The state as an address writes it; null is left out.
  get parameters() {
    const s = this.state, on = (value, word) => (value ? word : null);
    return {
      block: s.block + 1,
      head: s.head === "mean" ? "mean" : s.head + 1,
      query: s.query + 1,
      to: s.anchor === null ? null : s.anchor + 1,
      pinned: s.with === "query" && s.pinned !== null ? s.pinned + 1 : null,
      lock: on(s.locked, "1"),
      mode: on(this.column, "column"),
      values: on(s.values === "scores", "scores"),
      colour: on(s.log, "log"),
      scale: on(s.each, "each"),
      smooth: on(s.smooth, "1"),
      with: on(s.with, s.with),
      sort: on(s.sort, s.sort),
      removal: on(s.removal, s.removal),
    };
  }

  rest() {
    clearTimeout(this.resting);
    this.resting = setTimeout(() => {
      if (!this.sumInView) this.drawSum(); // for whoever searches the page or prints it
      this.find(".spoken").textContent = this.find(".said").textContent;
      this.host.remember?.(this.parameters);
    }, REST);
  }

  async copyLink() {
    clearTimeout(this.resting);
    this.host.remember?.(this.parameters);
    const said = this.find(".link-said");
    if (await copyLink(said, this.ui, this.header.link?.sample === OWN ? this.ui.upload_stays : "")) setTimeout(() => said.replaceChildren(), 6000);
  }

  save() {
    this.wish({ save: this.parameters });
  }

  // ------------------------------------------------------------ pointer and keys

  pixelAt(event, plane) {
    const box = plane.getBoundingClientRect(), inside = (v, end) => Math.max(0, Math.min(end - 1, Math.floor(v * end)));
    return inside((event.clientY - box.top) / box.height, this.rows) * this.columns + inside((event.clientX - box.left) / box.width, this.columns);
  }

  down(event, plane) {
    if (event.button) return;
    plane.setPointerCapture(event.pointerId);
    const pixel = this.pixelAt(event, plane), { state } = this;
    const { query, anchor, locked } = state;
    this.start = { pixel, before: { query, anchor, locked }, again: state.locked && state.anchor === null && pixel === state.query, touch: event.pointerType === "touch" && !state.selecting };
    this.change({ query: pixel, anchor: null, key: null, cell: null });
  }

  over(event, plane) {
    const pixel = this.pixelAt(event, plane), { start, state } = this;
    if (start) {
      const moved = pixel !== start.pixel || state.anchor !== null;
      this.change({ query: pixel, anchor: moved && !start.touch ? start.pixel : null, cell: null });
    } else if (state.locked) this.change({ key: pixel, cell: null });
    else this.change({ query: pixel, key: null, cell: null });
  }

  up(event, plane) {
    if (!this.start) return;
    const again = this.start.again && this.pixelAt(event, plane) === this.start.pixel && this.state.anchor === null;
    this.start = undefined;
    this.settle(again ? FREE : { locked: true });
  }

  // The finger scrolls the page after all: as if it had not touched.
  cancel() {
    if (this.start) this.change(this.start.before);
    this.start = undefined;
  }

  overMatrix(event, plane, lock = false) {
    const box = plane.getBoundingClientRect(), { n, state } = this;
    const inside = (v) => Math.max(0, Math.min(n - 1, Math.floor(v * n)));
    const i = inside((event.clientY - box.top) / box.height), j = inside((event.clientX - box.left) / box.width);
    const news = { cell: [i, j], key: null };
    if (!state.locked || lock) Object.assign(news, { query: this.column ? j : i, anchor: null });
    if (lock) this.settle({ ...news, locked: true });
    else this.change(news);
  }

  pressed(event) {
    if (event.altKey || event.ctrlKey || event.metaKey || event.defaultPrevented) return;
    const target = event.composedPath()[0];
    if (target.closest("input, textarea, select")) return;
    const { state, rows, columns } = this;
    const by = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] }[event.key];
    const onPhoto = target.closest(".photo");
    if (by) {
      // What was drawn last may be some presses behind.
      const other = state.cell || state.key === null ? this.pair[this.column ? 0 : 1] : state.key;
      const from = event.shiftKey ? other : state.query;
      const r = Math.max(0, Math.min(rows - 1, Math.floor(from / columns) + by[0])), c = Math.max(0, Math.min(columns - 1, (from % columns) + by[1]));
      const pixel = r * columns + c;
      if (event.shiftKey) this.change({ key: pixel, cell: null });
      else this.change({ query: pixel, anchor: state.selecting ? (state.anchor ?? state.query) : null, cell: null });
    } else if (event.shiftKey) return;
    else if (/^[0-9]$/.test(event.key)) {
      if (Number(event.key) > this.info.heads) return;
      this.settle({ head: event.key === "0" ? "mean" : Number(event.key) - 1 });
    } else if (event.key === "[" || event.key === "]") this.chooseBlock((this.wished ?? state.block) + (event.key === "]" ? 1 : -1));
    else if (event.key === "Escape") this.settle(FREE);
    else if (onPhoto && (event.key === "Enter" || event.key === " ")) this.settle(state.locked ? FREE : { locked: true });
    else return;
    event.preventDefault();
  }

  // Pointing at a term of the arithmetic lights what it comes from.
  light(element) {
    for (const lit of this.root.querySelectorAll(".explorer .lit")) lit.classList.remove("lit");
    const bars = this.bars[element?.closest(".bars")?.dataset.bars], feature = element?.dataset.feature;
    let said = "";
    if (bars?.values) said = feature ? this.say("feature", { row: bars.label, c: Number(feature) + 1, value: number(bars.values[feature]) }) : `${bars.label}: ${bars.values.map((v) => number(v)).join("; ")}`;
    this.find(".term-said").textContent = said;
    for (const name of element?.dataset.light.split(" ") ?? []) {
      for (const lit of this.root.querySelectorAll(`.explorer [data-term~="${name}"]`)) lit.classList.add("lit");
    }
  }

  // ------------------------------------------------------------ words

  say(name, values = {}) {
    return this.ui[name].replace(/\{(\w+)\}/g, (_, place) => values[place]);
  }

  get space() {
    return this.header.lang === "zh" ? "" : " "; // between sentences
  }

  pixelName(i) {
    return this.say("pixel", { i: i + 1, r: Math.floor(i / this.columns) + 1, c: (i % this.columns) + 1 });
  }

  // `short`: for titles, which stay on one line lest the pictures below them jump.
  asking(short = false) {
    const { pixels } = this;
    if (pixels.length === 1) return short ? this.say("pixel_short", { i: pixels[0] + 1 }) : this.pixelName(pixels[0]);
    const [row, column] = [(p) => Math.floor(p / this.columns) + 1, (p) => (p % this.columns) + 1].map((of) => `${of(pixels[0])}–${of(pixels.at(-1))}`);
    return this.say(short ? "region_short" : "region", { n: pixels.length, row, column });
  }

  headName(head) {
    const own = this.info.headNames?.[head];
    return head === "mean" ? this.ui.mean : this.say("head_n", { n: head + 1 }) + (own ? ` (${own})` : "");
  }

  headOf(removal) {
    const match = /^(without|only)-([1-9]\d?)$/.exec(removal), head = match && Number(match[2]) - 1;
    return match && head >= 0 && head < this.info.heads ? { kind: match[1], head } : null;
  }

  // What the chosen head can be laid beside: [value, words].
  options() {
    const { ui, info, state } = this, found = [["", ui.nothing], ["query", this.state.pinned === null ? ui.this_pixel : this.say("pinned", { pixel: this.pixelName(state.pinned) })]];
    for (const h of countTo(info.heads)) found.push([`head-${h + 1}`, this.headName(h)]);
    if (info.heads > 1) found.push(["head-mean", ui.mean]);
    for (const b of countTo(info.blocks > 1 ? info.blocks : 0)) found.push([`block-${b + 1}`, this.say("block_n", { n: b + 1 })]);
    return found;
  }

  // ------------------------------------------------------------ the frame of the page: built when a run arrives

  build() {
    const { ui, info } = this, photo = this.find(".photo"), map = this.find(".map");
    const grid = `<svg class="lines${this.columns > 24 ? " dense" : ""}" viewBox="0 0 ${this.columns} ${this.rows}" preserveAspectRatio="none" aria-hidden="true"><path d="${gridPath(info.grid, 0, 0, this.columns, this.rows)}"/><path class="over" d="${gridPath(info.grid, 0, 0, this.columns, this.rows)}"/></svg>`;
    const mark = (name) => `<div class="mark ${name}" data-term="${name}" hidden></div>`;
    for (const extra of this.root.querySelectorAll(".explorer .lines, .explorer .mark")) extra.remove();
    photo.insertAdjacentHTML("beforeend", grid + mark("pin") + mark("i") + mark("j"));
    map.insertAdjacentHTML("beforeend", mark("i") + mark("j"));
    map.dataset.term = "row";
    this.find(".matrix").insertAdjacentHTML("beforeend", '<div class="mark line" data-term="row"></div><div class="mark spot" data-term="cell"></div>');
    this.box.style.setProperty("--heads", info.heads);
    this.mapSheet = new Sheet(this.find(".map canvas"), this.rows, this.columns);
    this.cards = countTo(info.heads).map((head) => {
      const card = element("button", { type: "button", className: "card", onclick: () => this.settle({ head }) });
      card.innerHTML = '<span class="name"></span><span class="plane"><img class="grey" alt=""><canvas></canvas></span><span class="top"></span><span class="numbers"></span>';
      card.dataset.head = head;
      return { head, card, sheet: new Sheet(card.querySelector("canvas"), this.rows, this.columns) };
    });
    const against = this.find(".against .views");
    against.replaceChildren(...["a", "b", "difference"].map((name) => {
      const view = element("figure", { className: `view ${name}` });
      view.innerHTML = '<h3></h3><div class="plane"><img class="grey" alt=""><canvas></canvas><div class="mark i"></div></div><div class="legend"></div>';
      return view;
    }));
    this.against = [...against.children].map((view) => ({ view, sheet: new Sheet(view.querySelector("canvas"), this.rows, this.columns) }));
    this.buildTicks();
    this.buildSum();
    this.spreadGrey();
    const words = { ".photo-title": ui.photo, ".strip h3": ui.strip, ".strip-note": ui.strip_note, ".sort-label": ui.sort, ".with-label": ui.compare, ".selecting": ui.select, ".free": ui.free, ".save": ui.save, ".link-button": ui.copy_link, ".removal h3": ui.removal };
    for (const [selector, text] of Object.entries(words)) this.find(selector).textContent = text;
    this.find(".display summary").textContent = ui.display;
    this.find(".photo").setAttribute("aria-label", ui.photo_label);
    this.find(".save").hidden = !info.saves;
    this.find(".link-button").hidden = !this.host.remember || Boolean(this.host.guest);
  }

  // The token grid shows in the matrix's ticks: one where each row of the picture begins.
  buildTicks() {
    const { rows, columns, n } = this, every = Math.ceil(rows / 22);
    for (const [side, place] of [["down", "top"], ["across", "left"]]) {
      this.find(`.ticks.${side}`).replaceChildren(...countTo(rows).map((r) => {
        const labels = side === "down" ? every : Math.ceil((rows * String(n).length) / 44);
        const tick = element("span", { className: "tick", textContent: r % labels || (side === "across" && r * columns > 0.94 * n) ? "" : r * columns + 1 });
        tick.style[place] = `${(r * columns * 100) / n}%`;
        return tick;
      }));
    }
  }

  buildSum() {
    const { block } = this, bars = (row, count, light) =>
      `<div class="bars" data-bars="${row}"><span class="name"></span><div class="features" tabindex="0" role="img" data-light="${light.replace(/\S*# ?/g, "")}" style="--count:${count}"><canvas></canvas>${countTo(count).map((c) => `<span class="feature" data-term="${row}${c}" data-feature="${c}" data-light="${light.replaceAll("#", c)}"></span>`).join("")}</div><span class="end"></span></div>`;
    this.find(".dot").innerHTML = bars("q", block.dim, "q# i") + bars("k", block.dim, "k# j") + bars("p", block.dim, "p# q# k# i j");
    this.find(".mixing").innerHTML = block.d ? bars("v", block.d, "v# j") + bars("w", block.d, "w# v# weight j cell") + bars("o", block.d, "o# w# row") : "";
    this.resized.disconnect();
    this.bars = {};
    for (const row of this.root.querySelectorAll(".explorer .bars")) {
      const canvas = row.querySelector("canvas");
      this.bars[row.dataset.bars] = { row, canvas, name: row.querySelector(".name"), end: row.querySelector(".end") };
      this.resized.observe(canvas);
    }
  }

  // ------------------------------------------------------------ toolbar

  drawToolbar() {
    const { ui, info, state } = this, guest = this.host.guest;
    const choice = (selector, label, options, chosen, act) => {
      const box = this.find(selector), focused = [...box.children].indexOf(this.root.activeElement);
      box.setAttribute("aria-label", label);
      box.hidden = options.length < 2;
      box.replaceChildren(
        element("span", { className: "choice-label", textContent: label }),
        ...options.map(([value, text, title = "", disabled = false]) => element("button", { type: "button", textContent: text, title, disabled, ariaPressed: String(value === chosen), onclick: () => act(value) })),
      );
      box.children[focused]?.focus(); // the buttons are new, the focus stays
    };
    const set = (name) => (value) => this.settle({ [name]: value });
    const heads = countTo(info.heads).map((h) => [h, info.headNames ? `${h + 1} ${info.headNames[h]}` : String(h + 1), this.headName(h)]);
    choice(".blocks", ui.block, guest ? [] : countTo(info.blocks).map((b) => [b, String(b + 1), this.say("block_n", { n: b + 1 })]), this.wished ?? state.block, (b) => this.chooseBlock(b));
    choice(".heads", ui.head, guest ? [] : [...heads, ["mean", ui.mean_short, ui.mean]], state.head, set("head"));
    choice(".mode", ui.direction, [["row", ui.row, ui.row_title], ["column", ui.col, ui.col_title]], state.mode, set("mode"));
    choice(".values", ui.values, guest ? [] : [["scores", ui.scores, ui.scores_title], ["weights", ui.weights, ui.weights_title]], state.values, set("values"));
    choice(".log", ui.colour, [[false, ui.linear], [true, ui.log, state.values === "scores" ? ui.log_not : ui.log_title, state.values === "scores"]], state.log, set("log"));
    choice(".each", ui.scale, [[false, ui.shared, ui.shared_title], [true, ui.each, ui.each_title]], state.each, set("each"));
    choice(".smooth", ui.cells, [[false, ui.sharp], [true, ui.smooth, ui.smooth_title]], state.smooth, set("smooth"));
    const select = (selector, options, chosen) => {
      this.find(selector).replaceChildren(...options.map(([value, textContent]) => element("option", { value, textContent })));
      this.find(selector).value = chosen;
    };
    select(".with", this.options(), state.with);
    select(".sort", [["", ui.in_order], ["effective", ui.by_effective], ["distance", ui.by_distance]], state.sort);
    this.find(".selecting").ariaPressed = String(state.selecting);
    this.find(".photo").classList.toggle("selecting-region", state.selecting);
    this.find(".free").hidden = !state.locked;
    const order = [...this.cards], { block } = this;
    if (state.sort) order.sort((a, b) => block[state.sort][a.head] - block[state.sort][b.head]);
    const focused = this.root.activeElement;
    this.find(".cards").replaceChildren(...order.map(({ card }) => card));
    if (focused?.classList.contains("card")) focused.focus();
    for (const { head, card } of this.cards) {
      card.ariaPressed = String(head === state.head);
      card.querySelector(".name").textContent = this.headName(head);
      card.querySelector(".numbers").textContent = this.say("card", { effective: number(block.effective[head]), n: this.n, distance: number(block.distance[head]) });
    }
  }

  // ------------------------------------------------------------ pictures

  // Colours for values from `low` to `high`: scores diverge where they have both signs, weights start at 0.
  scale([low, high]) {
    if (this.state.values === "scores") return scaleFor([low, high]);
    return this.state.log ? logScale(high) : { low: 0, high, table: SEQUENTIAL };
  }

  legend(box, scale, words) {
    if (!box.firstChild) box.innerHTML = '<span class="low"></span><canvas class="bar" width="256" height="1"></canvas><span class="high"></span><span class="legend-name"></span>';
    if (box.table !== scale.table) {
      const context = box.querySelector("canvas").getContext("2d"), image = context.createImageData(256, 1);
      new Uint32Array(image.data.buffer).set(scale.table);
      context.putImageData(image, 0, 0);
      box.table = scale.table;
    }
    const [low, high] = box.querySelectorAll(".low, .high");
    low.textContent = (scale.log ? "≤ " : "") + number(scale.low, Math.abs(scale.high));
    high.textContent = number(scale.high, Math.abs(scale.low));
    box.lastChild.textContent = words;
  }

  // The whole matrix of the chosen head; where the pixels are too many for it, averaged down by the server.
  drawMatrix() {
    const { state, block, n, info } = this, canvas = this.find(".matrix canvas");
    const all = state.head === "mean", heads = all || !state.each ? countTo(info.heads) : [state.head];
    let values, side = n, ends;
    if (n <= info.dense) {
      values = block.matrix(state.head, state.values);
      ends = all ? extent(values) : [Math.min(...heads.map((h) => block.low[h])), Math.max(...heads.map((h) => (state.values === "scores" ? block.high : block.top)[h]))];
    } else {
      const tensor = block.pooled[state.values], size = tensor.strides[0];
      side = tensor.shape[1];
      values = all ? average(countTo(info.heads).map((h) => tensor.data.slice(h * size, (h + 1) * size))) : tensor.data.subarray(state.head * size, (state.head + 1) * size);
      ends = extent(heads.length > 1 && !all ? tensor.data : values);
    }
    const scale = this.scale(ends);
    new Sheet(canvas, side, side).paint(values, scale);
    canvas.classList.toggle("smooth", state.smooth);
    this.find(".matrix-title").textContent = this.say("matrix", { values: this.ui[state.values], head: this.headName(state.head) });
    this.find(".matrix").setAttribute("aria-label", this.say("matrix_label", { n, head: this.headName(state.head) }));
    this.find(".axes").textContent = side === n ? this.say("axes", { n }) : `${this.say("axes", { n })} ${this.say("averaged", { side })}`;
    this.legend(this.find(".matrix-legend"), scale, this.ui[all ? "legend_mean" : state.each ? "legend_each" : "legend_shared"]);
  }

  draw() {
    cancelAnimationFrame(this.frame);
    this.frame = undefined;
    const { state, block, info, columns, pixels, column } = this;
    const lines = countTo(info.heads).map((h) => block.line(h, pixels, state.values, column));
    const chosen = state.head === "mean" ? average(lines) : lines[state.head];
    this.lines = lines;
    this.chosen = chosen;
    const ends = lines.map(extent), together = [Math.min(...ends.map((e) => e[0])), Math.max(...ends.map((e) => e[1]))];
    const shared = this.scale(together), scaleOf = (h) => (state.each ? this.scale(ends[h]) : shared);
    const own = state.head === "mean" ? (state.each ? this.scale(extent(chosen)) : shared) : scaleOf(state.head);
    this.mapSheet.paint(chosen, own);
    this.mapSheet.canvas.classList.toggle("smooth", state.smooth);
    const title = this.say(`${state.mode}_${state.values}`, { pixels: this.asking(true), head: this.headName(state.head) });
    this.find(".map-title").textContent = title;
    this.find(".map").setAttribute("aria-label", title);
    this.legend(this.find(".map-legend"), own, this.ui[!state.each ? "legend_shared" : state.head === "mean" ? "legend_mean" : "legend_each"]);
    for (const { head, card, sheet } of this.cards) {
      sheet.paint(lines[head], scaleOf(head));
      sheet.canvas.classList.toggle("smooth", state.smooth);
      const [low, high] = ends[head];
      card.querySelector(".top").textContent = state.values === "scores" ? range(low, high) : this.say("up_to", { high: number(high) });
    }
    // The other pixel: the one pointed at, or the strongest.
    let strongest = 0;
    for (let j = 1; j < chosen.length; j++) if (chosen[j] > chosen[strongest]) strongest = j;
    const other = state.key ?? strongest;
    this.pair = state.cell ?? (column ? [other, state.query] : [state.query, other]);
    this.drawMarks();
    if (this.sumInView || !this.bars.q.label) this.drawSum(); // out of sight once, for its pictures need names
    this.drawAgainst(lines);
    this.drawWords(strongest);
    const attributes = { block: state.block, head: state.head, query: state.query, mode: state.mode, values: state.values };
    attributes.row = Array.from(chosen.length > 256 ? chosen.slice(0, 256) : chosen, (v) => Number(v.toPrecision(7))).join(" ");
    attributes.queries = pixels.length > 1 ? pixels.join(" ") : "";
    attributes.locked = state.locked;
    Object.assign(this.box.dataset, attributes);
    this.rest();
  }

  drawMarks() {
    const { columns, rows, n, pixels, pair, state } = this, [i, j] = pair;
    const at = (mark, from, to = from) => {
      const [r, c, r1, c1] = [Math.floor(from / columns), from % columns, Math.floor(to / columns), to % columns];
      mark.hidden = false;
      Object.assign(mark.style, { left: `${(c * 100) / columns}%`, top: `${(r * 100) / rows}%`, width: `${((c1 - c + 1) * 100) / columns}%`, height: `${((r1 - r + 1) * 100) / rows}%` });
    };
    const region = pixels.length > 1 && !state.cell;
    for (const plane of [".photo", ".map"]) {
      const [query, key] = [this.find(`${plane} .mark.i`), this.find(`${plane} .mark.j`)];
      if (region) at(this.column ? key : query, pixels[0], pixels.at(-1));
      else at(this.column ? key : query, this.column ? j : i);
      at(this.column ? query : key, this.column ? i : j);
    }
    const pin = this.find(".mark.pin");
    if (state.with === "query" && state.pinned !== null) at(pin, state.pinned);
    else pin.hidden = true;
    const line = this.find(".mark.line"), spot = this.find(".mark.spot"), percent = (v) => `${(v * 100) / n}%`;
    const first = this.column ? j : i;
    Object.assign(line.style, this.column ? { left: percent(first), top: 0, width: percent(1), height: "100%" } : { left: 0, top: percent(first), width: "100%", height: percent(1) });
    line.hidden = region;
    Object.assign(spot.style, { left: percent(j), top: percent(i), width: percent(1), height: percent(1) });
  }

  drawWords(strongest) {
    const { state, chosen, column, ui } = this, weights = state.values === "weights", asking = this.asking();
    const values = { head: this.headName(state.head), pixels: asking, other: this.pixelName(strongest), value: number(chosen[strongest]), n: this.n };
    const words = [this.say(`said_${state.mode}_${state.values}`, values)];
    if (weights && !column) {
      words.push(this.say("said_effective", { effective: number(effective(chosen)), n: this.n }));
      if (this.pixels.length === 1) words.push(this.say("said_distance", { distance: number(meanDistance(chosen, state.query, this.columns)) }));
    } else if (weights) words.push(this.say("said_total", { sum: number(chosen.reduce((sum, w) => sum + w, 0)) }));
    if (state.key !== null || state.cell) {
      const [i, j] = this.pair, value = state.cell ? this.cellValue(i, j) : chosen[state.key];
      words.push(this.say("said_cell", { i: this.pixelName(i), j: this.pixelName(j), value: number(value) }));
    }
    this.find(".said").textContent = words.join(this.space);
    const touch = matchMedia("(pointer: coarse)").matches ? "_touch" : "";
    this.find(".hint").textContent = ui[(state.locked ? "hint_locked" : "hint") + touch];
    const off = Math.max(this.block.off, this.block.difference);
    this.find(".badge").textContent = this.block.difference === null ? "" : this.say("badge", { difference: off < 1e-9 ? "< 1e−9" : number(off) });
    this.find(".badge").title = ui.badge_title;
  }

  cellValue(i, j) {
    const heads = this.state.head === "mean" ? countTo(this.info.heads) : [this.state.head];
    return heads.reduce((sum, h) => sum + this.block[this.state.values](h, i)[j], 0) / heads.length;
  }

  // ------------------------------------------------------------ the arithmetic

  drawSum() {
    const { block, ui, state } = this, [i, j] = this.pair, head = state.head === "mean" ? 0 : state.head;
    const features = countTo(block.dim), q = features.map((c) => block.feature("query", head, i, c)), k = features.map((c) => block.feature("key", head, j, c));
    const products = features.map((c) => q[c] * k[c]), row = block.weights(head, i);
    const score = products.reduce((a, b) => a + b, 0), lse = block.lse.data[head * this.n + i];
    const whose = state.head === "mean" ? [this.say("sum_mean", { head: this.headName(0) })] : [];
    if (this.pixels.length > 1 && !state.cell) whose.push(this.say("sum_region", { pixel: this.pixelName(state.query) }));
    this.find(".sum-hint").textContent = [...whose, ui.sum_hint].join(this.space);
    this.find(".sum h3").textContent = this.say("sum", { head: this.headName(head), i: this.pixelName(i), j: this.pixelName(j) });
    this.row("q", q, this.say("q_row", { i: i + 1 }));
    this.row("k", k, this.say("k_row", { j: j + 1 }));
    this.row("p", products, ui.p_row);
    const shift = Math.abs(lse) < 600 && Math.abs(score) < 600 ? 0 : lse; // exp() of more is not a number any more
    const term = (name, light, text) => `<span class="term-chip" tabindex="0" data-term="${name}" data-light="${light}">${text}</span>`;
    const less = shift ? ` − ${exact(shift)}` : "";
    const steps = `${term("score", `score ${features.map((c) => `p${c}`).join(" ")} cell`, `${ui.score} <b>${exact(score)}</b>`)}
      <span class="then">→</span> ${term("exp", "exp score cell", `exp(${exact(score)}${less}) = <b>${exact(Math.exp(score - shift))}</b>`)}
      <span class="then">÷</span> ${term("total", "row", `${ui.total} <b>${exact(Math.exp(lse - shift))}</b>`)}
      <span class="then">=</span> ${term("weight", "weight exp total cell", `${ui.weight} <b>${exact(row[j])}</b>`)}`;
    const box = this.find(".steps");
    if (box.said !== steps) box.innerHTML = box.said = steps;
    if (!block.d) return;
    const v = countTo(block.d).map((f) => block.feature("value", head, j, f)), out = [...block.mixed(head, row)];
    this.row("v", v, this.say("v_row", { j: j + 1 }));
    const part = v.map((x) => x * row[j]), end = Math.max(...[...part, ...out].map(Math.abs));
    this.row("w", part, this.say("w_row", { weight: number(row[j]) }), end);
    this.row("o", out, this.say("o_row", { i: i + 1 }), end);
  }

  // Colour and font of the bars: not looked up with every move, for asking costs a layout.
  dressBars() {
    for (const bars of Object.values(this.bars)) {
      const { color, fontFamily } = getComputedStyle(bars.canvas);
      Object.assign(bars, { colour: color, font: `10.5px ${fontFamily}` });
    }
  }

  // Bars around a middle line, each with its number where there is room; `end` is the value of a full bar. On a canvas:
  // as elements of their own they took longer than all the rest of a move.
  row(name, values, label, end = Math.max(...values.map(Math.abs))) {
    const bars = this.bars[name], { canvas } = bars, context = canvas.getContext("2d"), ratio = window.devicePixelRatio || 1;
    Object.assign(bars, { values, label });
    bars.name.textContent = label;
    canvas.parentElement.setAttribute("aria-label", label);
    bars.end.textContent = `±${number(end)}`;
    const { width = 0, height = 0 } = bars, step = width / values.length, middle = height / 2, numbers = step >= 40;
    if (canvas.width !== Math.round(width * ratio)) Object.assign(canvas, { width: Math.round(width * ratio), height: Math.round(height * ratio) });
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    context.fillStyle = bars.colour;
    context.font = bars.font;
    context.textAlign = "center";
    values.forEach((value, c) => {
      const size = end ? (value / end) * (middle - (numbers ? 5 : 1)) : 0;
      context.globalAlpha = 0.8;
      context.fillRect(c * step + step * 0.12, middle - Math.max(0, size), step * 0.76, Math.max(0.5, Math.abs(size)));
      context.globalAlpha = 1;
      if (numbers) context.fillText(number(value, end), (c + 0.5) * step, value < 0 ? middle - 5 : middle + 13);
    });
  }

  // ------------------------------------------------------------ two side by side

  drawAgainst(lines) {
    const { state, pixels, column, chosen } = this, box = this.find(".against"), [kind, which] = state.with.split("-");
    const otherBlock = kind === "block" ? this.known.get(Number(which) - 1) : this.block;
    box.hidden = !kind || !otherBlock;
    if (box.hidden) return;
    const head = kind === "head" ? (which === "mean" ? "mean" : Number(which) - 1) : state.head, asks = kind === "query" ? [state.pinned] : pixels;
    const all = kind === "head" ? lines : countTo(head === "mean" ? this.info.heads : 0).map((h) => otherBlock.line(h, asks, state.values, column));
    const other = head === "mean" ? average(all) : kind === "head" ? lines[head] : otherBlock.line(head, asks, state.values, column);
    const difference = chosen.map((v, j) => v - other[j]), [a, b, d] = [chosen, other, difference].map(extent);
    const both = [Math.min(a[0], b[0]), Math.max(a[1], b[1])], end = Math.max(-d[0], d[1]);
    const name = (blockIndex, h, who) => this.say("view_of", { block: blockIndex + 1, head: this.headName(h), pixels: who });
    const otherPixels = kind === "query" ? this.say("pixel_short", { i: state.pinned + 1 }) : this.asking(true);
    const titles = [`A: ${name(state.block, state.head, this.asking(true))}`, `B: ${name(kind === "block" ? Number(which) - 1 : state.block, head, otherPixels)}`, "A − B"];
    const scales = [this.scale(state.each ? a : both), this.scale(state.each ? b : both), { low: -end, high: end, table: DIVERGING }];
    [chosen, other, difference].forEach((line, at) => {
      const { view, sheet } = this.against[at];
      sheet.paint(line, scales[at]);
      sheet.canvas.classList.toggle("smooth", state.smooth);
      view.querySelector("h3").textContent = titles[at];
      this.legend(view.querySelector(".legend"), scales[at], at < 2 ? this.ui[state.each ? "legend_each" : "legend_both"] : this.ui.legend_difference);
      const mark = view.querySelector(".mark"), asked = at === 1 ? asks : pixels;
      const [from, to] = [asked[0], asked.at(-1)], { columns: w, rows: h } = this;
      Object.assign(mark.style, { left: `${((from % w) * 100) / w}%`, top: `${(Math.floor(from / w) * 100) / h}%`, width: `${(((to % w) - (from % w) + 1) * 100) / w}%`, height: `${((Math.floor(to / w) - Math.floor(from / w) + 1) * 100) / h}%` });
      mark.hidden = at === 2;
    });
    box.querySelector("h3").textContent = this.ui.against;
    const moved = difference.reduce((sum, v) => sum + Math.abs(v), 0) / 2;
    const share = state.values === "weights" && !column ? this.space + this.say("moved", { share: `${number(moved * 100)}%` }) : "";
    box.querySelector(".views + .under").textContent = this.say("apart", { value: number(end) }) + share;
  }

  // ------------------------------------------------------------ a head taken away

  drawRemoval() {
    const { state, ui, block } = this, box = this.find(".removal"), head = state.head === "mean" ? null : state.head;
    const chosen = this.headOf(state.removal), options = [["", ui.as_it_ran]], seen = new Set();
    for (const h of new Set([head, chosen?.head])) {
      if (h === null || h === undefined || seen.has(h)) continue;
      seen.add(h);
      options.push([`without-${h + 1}`, this.say("without", { head: this.headName(h) })]);
      if (this.info.heads > 1) options.push([`only-${h + 1}`, this.say("only", { head: this.headName(h) })]);
    }
    const here = options.filter(([value]) => !value || !this.info.alone || block.removals[value]);
    box.hidden = this.info.heads < 2;
    const focused = [...box.querySelectorAll("button")].indexOf(this.root.activeElement);
    box.querySelector(".choice").replaceChildren(...here.map(([value, text]) => element("button", { type: "button", textContent: text, ariaPressed: String(value === state.removal), onclick: () => this.settle({ removal: value }) })));
    if (focused >= 0) box.querySelectorAll("button")[Math.min(focused, here.length - 1)]?.focus();
    const result = block.removals[state.removal], shown = this.find(".result");
    for (const url of this.overlays ?? []) URL.revokeObjectURL(url);
    this.overlays = [];
    box.querySelector(".under").textContent = head === null && !chosen ? ui.removal_mean : ui.removal_words;
    shown.replaceChildren();
    if (!result) return;
    shown.append(element("p", { className: "facts", textContent: result.words.join(this.space) }));
    const views = element("div", { className: "views" });
    shown.append(views);
    const view = (title, under) => {
      const figure = element("figure", { className: "view" });
      figure.append(element("h3", { textContent: title }), under);
      views.append(figure);
      return figure;
    };
    const plane = (...parts) => {
      const box = element("div", { className: "plane" });
      box.append(...parts);
      return box;
    };
    const canvas = element("canvas"), change = result.change, scale = { low: 0, high: result.largest, table: SEQUENTIAL };
    const figure = view(ui.removal_output, plane(element("img", { className: "grey", alt: "" }), canvas));
    new Sheet(canvas, this.rows, this.columns).paint(change.data, scale);
    canvas.classList.toggle("smooth", state.smooth);
    const legend = element("div", { className: "legend" });
    figure.append(legend);
    this.legend(legend, scale, ui.removal_scale);
    for (const [title, picture] of [[ui.removal_before, result.before], [state.removal.startsWith("only") ? ui.removal_only : ui.removal_after, result.after], [ui.removal_changed, result.changed]]) {
      if (!picture) continue;
      const url = URL.createObjectURL(picture.blob);
      this.overlays.push(url);
      const image = element("img", { className: picture === result.changed ? "labels sparse" : "labels", src: url, alt: "" });
      const figure = view(title, plane(element("img", { className: "grey", alt: "" }), image));
      if (picture === result.changed) figure.append(element("p", { className: "under", textContent: result.moves.join(ui.semicolon) }));
    }
    if (result.legend) {
      const keys = element("p", { className: "keys" });
      for (const [name, colour] of result.legend) {
        const key = element("span", { className: "key-class", textContent: name });
        key.style.setProperty("--class", colour);
        keys.append(key);
      }
      shown.append(keys);
    }
    this.spreadGrey();
  }
}

// Five digits, for numbers that somebody may work through with a calculator.
function exact(v) {
  const text = Math.abs(v) >= 1e6 || (v && Math.abs(v) < 1e-4) ? v.toExponential(4) : Number(v.toPrecision(5)).toString();
  return text.replace("e+", "e").replaceAll("-", "−");
}

const FREE = { locked: false, anchor: null, key: null, cell: null, selecting: false };

const same = (a, b) => a === b || (Array.isArray(a) && Array.isArray(b) && a.every((v, i) => v === b[i]));

// The explorer as a page of the app: its state lives in the address.
class ExplorerPage {
  constructor(root) {
    this.explorer = new Explorer(root, {
      ask: (wish) => this.ask("wish", wish),
      remember: (parameters) => {
        const at = new URL(location.href), { link, lang } = this.header;
        for (const [name, value] of Object.entries({ ...link, ...parameters, lang })) {
          if (value === null) at.searchParams.delete(name);
          else at.searchParams.set(name, value);
        }
        if (at.href !== location.href) history.replaceState(history.state, "", at);
        stored("topformer-explorer", { run: this.header.view.run, parameters });
      },
    });
  }

  show(header) {
    // Back from another page: where one was in this run, unless the address says something else.
    const { run, parameters } = this.header ? {} : stored("topformer-explorer");
    if (run === header.view.run && !Object.keys(header.view.asked).length) header.view.asked = parameters;
    this.header = header;
    this.explorer.show(header);
  }

  close() {
    this.explorer.close();
  }
}
