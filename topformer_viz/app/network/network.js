// The whole network in the browser: one scene, and under it the part that is open.
// Everything here answers without asking the server; only the way into the lesson does (setTriggerValue).
// The payload is made in payload.py; canvas.js, which comes first in the same script, reads it.

// Where the parts stand: the pyramid's levels as stairs, the blocks in a row below, the injections as stairs on the right.
const AT = {
  image: [62, 96], pyramid0: [186, 58], pyramid1: [290, 134], pyramid2: [394, 210], pyramid3: [498, 284],
  tokens: [342, 446], block1: [470, 446], block2: [584, 446], block3: [698, 446], block4: [812, 446],
  split: [1020, 446], injected1: [985, 134], injected2: [1085, 210], injected3: [1185, 284],
  class_scores: [1296, 210], segmentation: [1424, 210],
};
const WIDTH = 1500, HEIGHT = 536;
const ROOM = {
  image: [104, 104], pyramid0: [88, 66], pyramid1: [76, 58], pyramid2: [64, 50], pyramid3: [52, 42],
  tokens: [72, 72], block: [84, 84], split: [46, 46], injected: [76, 58], class_scores: [84, 84], segmentation: [134, 134],
};
const CHANNEL_PITCH = [62, 54, 46, 38]; // between the channels' pictures of one level
const GATE_Y = 366; // the gates lie on the way from the split to the injections
const ARROWS = { ArrowRight: 1, ArrowLeft: -1 };

class Network {
  constructor(root) {
    this.root = root;
    this.find = (selector) => root.querySelector(selector);
    this.opacity = 0.55;
    this.find(".previous").onclick = () => this.turn(-1);
    this.find(".next").onclick = () => this.turn(1);
    this.find(".walk").onclick = () => this.ask("walk", Number(this.open.slice(5)));
    this.key = (event) => this.pressed(event);
    document.addEventListener("keydown", this.key);
    this.resized = new ResizeObserver(() => {
      const width = this.find(".opened").clientWidth;
      if (!this.net || width === this.width) return;
      this.width = width;
      this.placeNotch();
      this.drawPictures();
    });
    this.resized.observe(this.find(".network"));
    this.find(".scene-scroll").onscroll = () => this.placeNotch();
  }

  close() {
    document.removeEventListener("keydown", this.key);
    this.resized.disconnect();
    if (this.photoUrl) URL.revokeObjectURL(this.photoUrl);
  }

  show(net) {
    const first = !this.net;
    this.net = net;
    this.byName = Object.fromEntries(net.parts.map((part) => [part.name, part]));
    const wanted = first ? net.asked : this.open;
    this.open = Object.hasOwn(this.byName, wanted) ? wanted : net.parts.at(-1).name;
    this.alone = undefined; // the class that is shown alone
    this.unsure = false;
    if (this.photoUrl) URL.revokeObjectURL(this.photoUrl);
    this.photoUrl = URL.createObjectURL(net.photo.blob);
    this.photo = new Image();
    this.grey = null; // the photograph without its colours, under maps
    this.photo.onload = ({ target }) => {
      if (target !== this.photo) return; // the next one is already on its way
      this.grey = grey(target);
      this.drawPictures();
    };
    this.photo.src = this.photoUrl;
    this.colours = net.legend?.map(({ colour }) => [1, 3, 5].map((i) => parseInt(colour.slice(i, i + 2), 16)));
    this.find(".network").lang = net.lang;
    this.width = this.find(".opened").clientWidth;
    this.drawScene();
    this.drawOpened();
    this.remember();
  }

  // ------------------------------------------------------------ moving about

  choose(name) {
    if (name === this.open) return;
    this.open = name;
    this.light();
    this.drawOpened();
    this.remember();
  }

  turn(by) {
    const at = this.net.parts.indexOf(this.byName[this.open]) + by;
    if (this.net.parts[at]) this.choose(this.net.parts[at].name);
  }

  pressed(event) {
    if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey || event.defaultPrevented) return;
    const by = ARROWS[event.key];
    if (!by) return;
    // Arrows keep their own meaning in fields, menus, radio groups and on the segmentation.
    const target = event.composedPath()[0];
    if (target.closest?.("input, textarea, select, [contenteditable], [role=radiogroup], [role=listbox], [role=slider], [role=combobox], .view")) return;
    event.preventDefault();
    this.turn(by);
  }

  remember() {
    const at = new URL(location.href), set = { ...this.net.link, part: this.open, lang: this.net.lang };
    for (const [name, value] of Object.entries(set)) {
      if (value === null) at.searchParams.delete(name);
      else at.searchParams.set(name, value);
    }
    if (at.href !== location.href) history.replaceState(history.state, "", at);
  }

  // ------------------------------------------------------------ the scene

  // Width and height of a map of this many rows and columns in a box.
  fit([width, height], ratio = this.net.grid[0] / this.net.grid[1]) {
    const w = Math.min(width, height / ratio);
    return { w: Math.max(12, w), h: Math.max(12, w * ratio) };
  }

  drawScene() {
    const { net } = this, svg = this.find(".scene"), photoRatio = net.photo.height / net.photo.width, out = [];
    const ends = (name) => Object.hasOwn(this.byName, name);
    svg.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
    svg.setAttribute("aria-label", net.ui.scene);
    this.find(".scene-note").textContent = net.ui.scene_note;
    this.boxes = {};
    const box = (name, room, ratio) => (this.boxes[name] = { x: AT[name][0], y: AT[name][1], ...this.fit(room, ratio) });
    box("image", ROOM.image, photoRatio);
    for (let n = 0; n < 4; n++) box(`pyramid${n}`, ROOM[`pyramid${n}`]);
    box("tokens", ROOM.tokens);
    for (let n = 1; n <= 4; n++) box(`block${n}`, ROOM.block, 1);
    if (ends("split")) {
      this.boxes.split = { x: AT.split[0], y: AT.split[1], w: 312, h: this.fit(ROOM.split).h };
      for (let n = 1; n <= 3; n++) box(`injected${n}`, ROOM.injected);
      box("class_scores", ROOM.class_scores);
      box("segmentation", ROOM.segmentation, photoRatio);
    }
    const b = this.boxes;
    // Ribbons, each lit by the parts at its ends.
    const across = (from, to, y1 = b[from].y, y2 = b[to].y, x1 = b[from].x + b[from].w / 2, x2 = b[to].x - b[to].w / 2) => {
      const middle = (x1 + x2) / 2;
      out.push(`<path class="ribbon" data-ends="${from} ${to}" d="M${x1} ${y1}C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}"/>`);
    };
    const down = (from, to, x1, y1, x2, y2, kind = "") =>
      out.push(`<path class="ribbon ${kind}" data-ends="${from} ${to}" d="M${x1} ${y1}C${x1} ${(y1 + y2) / 2} ${x2} ${(y1 + y2) / 2} ${x2} ${y2}"/>`);
    across("image", "pyramid0", b.image.y);
    for (let n = 0; n < 3; n++) {
      const a = b[`pyramid${n}`], c = b[`pyramid${n + 1}`];
      out.push(`<path class="ribbon thin" data-ends="pyramid${n} pyramid${n + 1}" d="M${a.x + a.w / 4} ${a.y + a.h / 2}C${a.x + a.w / 4} ${c.y} ${a.x + a.w / 2} ${c.y} ${c.x - c.w / 2} ${c.y}"/>`);
    }
    const strips = countTo(4).map((n) => b.tokens.x + (n - 1.5) * 17);
    for (let n = 0; n < 4; n++) {
      const a = b[`pyramid${n}`];
      down(`pyramid${n}`, "tokens", a.x - a.w / 8, a.y + a.h / 2, strips[n], b.tokens.y - b.tokens.h / 2 - 6);
    }
    for (let n = 0; n < 4; n++) across(n ? `block${n}` : "tokens", `block${n + 1}`);
    const gates = [];
    if (ends("split")) {
      const parts = countTo(4).map((n) => this.partBox(n));
      out.push(`<path class="ribbon" data-ends="block4 split" d="M${b.block4.x + b.block4.w / 2} ${b.block4.y}H${parts[0].x - parts[0].w / 2}"/>`);
      for (let n = 1; n <= 3; n++) {
        const to = b[`injected${n}`];
        out.push(`<path class="ribbon" data-ends="pyramid${n} injected${n}" d="M${this.channelsEnd(n) + 6} ${to.y}H${to.x - to.w / 2}"/>`);
        down("split", `injected${n}`, parts[n].x, parts[n].y - parts[n].h / 2, to.x, to.y + to.h / 2);
        across(`injected${n}`, "class_scores");
        gates.push({ n, x: to.x, y: GATE_Y, ...this.fit([46, 40]) });
      }
      across("class_scores", "segmentation");
    }
    // The nodes.
    out.push(this.node("image", `<image class="photograph" href="${this.photoUrl}" ${place(b.image)} preserveAspectRatio="none"/><path class="token-grid" d="${gridPath(net.grid, b.image.x - b.image.w / 2, b.image.y - b.image.h / 2, b.image.w, b.image.h)}"/>`));
    net.levels.forEach((level, n) => {
      const a = b[`pyramid${n}`], size = this.fit([CHANNEL_PITCH[n] - 6, ROOM[`pyramid${n}`][1] * 0.8]);
      const channels = countTo(level.channels.shape[0]).map((c) => {
        const x = a.x + a.w / 2 + 14 + (c + 0.5) * CHANNEL_PITCH[n];
        return `<image href="${this.url(plane(level.channels, c))}" ${place({ x, y: a.y, ...size })} preserveAspectRatio="none" opacity="0.75"/>`;
      });
      out.push(this.node(`pyramid${n}`, this.picture(a, plane(level.strength)) + channels.join(""), this.channelsEnd(n) - a.x + a.w / 2));
    });
    const stack = countTo(4).map((n) => 4 * (3 - n)).map((d) => `<rect class="outline" x="${b.tokens.x - b.tokens.w / 2 + d}" y="${b.tokens.y - b.tokens.h / 2 - d}" width="${b.tokens.w}" height="${b.tokens.h}" style="fill:var(--panel)"/>`);
    out.push(this.node("tokens", stack.join("") + this.picture(b.tokens, mean(net.tokens.maps))));
    net.blocks.forEach((block, n) => out.push(this.node(`block${n + 1}`, this.picture(b[`block${n + 1}`], plane(block.mean), matrixScale(net)))));
    if (ends("split")) {
      const parts = countTo(4).map((n) => {
        const p = this.partBox(n), gone = n === 0 ? `<path class="gone" d="M${p.x - p.w / 2 - 3} ${p.y - p.h / 2 - 3}l${p.w + 6} ${p.h + 6}m0 ${-p.h - 6}l${-p.w - 6} ${p.h + 6}"/>` : "";
        return `<g${n ? "" : ' opacity="0.55"'}>${this.picture(p, plane(net.split.maps, n))}</g>${gone}<text class="node-shape" x="${p.x}" y="${p.y + p.h / 2 + 15}" text-anchor="middle">${n ? `1/${4 << n}` : net.ui.dropped}</text>`;
      });
      out.push(this.node("split", parts.join("")));
      net.injections.forEach((injection) => {
        const name = `injected${injection.level}`, a = b[name], gate = gates[injection.level - 1];
        const sign = `<g class="sign"><circle cx="${a.x - a.w / 2 - 12}" cy="${a.y}" r="9"/><text x="${a.x - a.w / 2 - 12}" y="${a.y + 5}" text-anchor="middle">×</text><circle cx="${a.x}" cy="${a.y + a.h / 2 + 12}" r="9"/><text x="${a.x}" y="${a.y + a.h / 2 + 17}" text-anchor="middle">+</text></g>`;
        const gatePicture = `${this.picture(gate, plane(injection.gate), () => GATE_SCALE)}<text class="aside" x="${gate.x + gate.w / 2 + 5}" y="${gate.y + 4}">${net.ui.gate}</text>`;
        out.push(this.node(name, gatePicture + this.picture(a, plane(injection.injected)) + sign));
      });
      out.push(this.node("class_scores", this.picture(b.class_scores, plane(net.scores.maps))));
      out.push(this.node("segmentation", `<image class="photograph" href="${this.photoUrl}" ${place(b.segmentation)} preserveAspectRatio="none"/><image href="${dataUrl(this.painted(net.labels, 0.6))}" ${place(b.segmentation)} preserveAspectRatio="none"/>`));
    }
    svg.innerHTML = out.join("");
    for (const group of svg.querySelectorAll(".node")) {
      group.onclick = () => this.choose(group.dataset.name);
      group.onkeydown = (event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        this.choose(group.dataset.name);
      };
    }
    this.light();
  }

  channelsEnd(n) {
    const a = this.boxes[`pyramid${n}`];
    return a.x + a.w / 2 + 14 + this.net.levels[n].channels.shape[0] * CHANNEL_PITCH[n];
  }

  // The n-th part of the split stands below the injection it goes to; the first, which is dropped, before them.
  partBox(n) {
    const x = n ? AT[`injected${n}`][0] : AT.injected1[0] - 74;
    return { x, y: AT.split[1], ...this.fit(ROOM.split) };
  }

  node(name, picture, wide) {
    const part = this.byName[name], a = this.boxes[name];
    const width = wide ?? a.w, left = a.x - a.w / 2, top = a.y - a.h / 2, high = name === "tokens" ? 12 : 0;
    const labelAt = name === "split" ? this.partBox(2).x : a.x;
    const under = name === "split" ? "" : `<text class="node-shape" x="${labelAt}" y="${a.y + a.h / 2 + 15}" text-anchor="middle">${part.sizes}</text>`;
    const title = name === "split" ? `<text class="node-name" x="${labelAt}" y="${a.y + a.h / 2 + 44}" text-anchor="middle">${part.short}</text>` : `<text class="node-name" x="${labelAt}" y="${top - 8 - high}" text-anchor="middle">${part.short}</text>`;
    const beside = name.startsWith("injected") ? "" : under;
    const label = `${part.title}. ${part.sizes}`;
    return `<g class="node" data-name="${name}" role="button" tabindex="0" aria-label="${label}"><title>${label}</title>
      <rect class="hit" x="${left - 8}" y="${top - 26}" width="${width + 16}" height="${a.h + 50}"/>${picture}${title}${beside}</g>`;
  }

  picture(box, tile, scale = (high, ends) => scaleFor(ends)) {
    return `<image href="${this.url(tile, scale)}" ${place(box)} preserveAspectRatio="none"/><rect class="outline" ${place(box)} rx="2"/>`;
  }

  url(tile, scale = (high, ends) => scaleFor(ends)) {
    return dataUrl(cells(tile.rows, tile.cols, tile.at, scale(tile.range[1], tile.range)));
  }

  // The open part and the ribbons that meet in it are lit.
  light() {
    const hadFocus = this.root.activeElement?.closest(".node");
    for (const node of this.root.querySelectorAll(".node")) {
      const current = node.dataset.name === this.open;
      node.classList.toggle("current", current);
      node.setAttribute("aria-expanded", String(current));
    }
    for (const path of this.root.querySelectorAll("[data-ends]")) path.classList.toggle("lit", path.dataset.ends.split(" ").includes(this.open));
    const node = this.find(".node.current"), box = this.find(".scene-scroll");
    if (hadFocus) node.focus({ preventScroll: true });
    const middle = node.getBoundingClientRect(), frame = box.getBoundingClientRect();
    box.scrollLeft += middle.left + middle.width / 2 - frame.left - frame.width / 2;
    const svg = this.find(".scene"), drawn = svg.clientWidth / WIDTH;
    svg.style.setProperty("--grow", drawn ? Math.max(0.95, Math.min(1.3, 0.92 / drawn)) : 1);
    this.placeNotch();
  }

  // The open part's frame points at its picture in the scene.
  placeNotch() {
    const node = this.find(".node.current .outline, .node.current .photograph"), frame = this.find(".opened");
    if (!node) return;
    const at = node.getBoundingClientRect(), left = frame.getBoundingClientRect().left;
    frame.style.setProperty("--notch", `${Math.max(20, Math.min(frame.clientWidth - 20, at.left + at.width / 2 - left))}px`);
  }

  // ------------------------------------------------------------ the open part

  drawOpened() {
    const { net } = this, { ui } = net, part = this.byName[this.open], at = net.parts.indexOf(part);
    const text = (selector, value) => (this.find(selector).textContent = value);
    text(".count", ui.part.replace("{at}", at + 1).replace("{of}", net.parts.length));
    text("h2", part.title);
    this.find(".shape").innerHTML = part.shape;
    text(".previous", ui.previous);
    text(".next", ui.next);
    this.find(".previous").disabled = at === 0;
    this.find(".next").disabled = at === net.parts.length - 1;
    if (this.root.activeElement?.disabled) this.find(at ? ".previous" : ".next").focus();
    this.find(".note").innerHTML = part.note;
    this.find(".formula").innerHTML = part.formula;
    const cost = net.costs[part.name], all = net.costs.all;
    text(".cost", cost ? ui.cost.replace("{params}", cost[0].toLocaleString("en")).replace("{adds}", (cost[1] / 1e6).toLocaleString("en", { maximumFractionDigits: 1 })).replace("{share}", ((100 * cost[1]) / all[1]).toFixed(0)) : "");
    const walk = this.find(".walk"), block = this.open.match(/^block(\d)$/);
    walk.hidden = !block;
    walk.textContent = block ? ui.walk.replace("{n}", block[1]) : "";
    this.drawPictures();
  }

  drawPictures() {
    const box = this.find(".pictures"), kind = this.open.replace(/\d$/, ""), n = Number(this.open.at(-1));
    this.leave();
    const pictures = { image: () => this.ofImage(), pyramid: () => this.ofLevel(n), tokens: () => this.byLevel(this.net.tokens), block: () => this.ofBlock(n - 1), split: () => this.byLevel(this.net.split, true), injected: () => this.ofInjection(n - 1), class_scores: () => this.ofScores(), segmentation: () => this.ofSegmentation() };
    box.replaceChildren(...pictures[kind]());
  }

  get room() {
    return Math.max(240, this.width - (this.width > 640 ? 50 : 30));
  }

  // A tensor's plane as a figure: caption, canvas with its values under the pointer, colour bar.
  figure(caption, tile, { width = 200, scale = scaleFor(tile.range), over = false, ratio = this.net.grid[0] / this.net.grid[1], dropped = false, axes = "" } = {}) {
    const w = Math.round(Math.min(width, this.room, 420 / ratio)), h = Math.round(w * ratio), dots = window.devicePixelRatio || 1;
    const canvas = element("canvas", { width: w * dots, height: h * dots, className: "frame" });
    canvas.style.width = `${w}px`;
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", caption);
    const context = canvas.getContext("2d");
    context.scale(dots, dots);
    if (over && this.grey) {
      context.drawImage(this.grey, 0, 0, w, h);
      context.globalAlpha = 0.68;
    }
    context.imageSmoothingEnabled = false;
    context.drawImage(cells(tile.rows, tile.cols, tile.at, scale), 0, 0, w, h);
    canvas.onpointermove = canvas.onpointerdown = (event) => {
      const r = Math.min(tile.rows - 1, Math.floor((event.offsetY / canvas.clientHeight) * tile.rows)), c = Math.min(tile.cols - 1, Math.floor((event.offsetX / canvas.clientWidth) * tile.cols));
      if (r >= 0 && c >= 0) this.say(`${this.net.ui.cell.replace("{r}", r + 1).replace("{c}", c + 1)}: ≈ ${number(tile.at(r, c))}`, event);
    };
    canvas.onpointerleave = () => this.leave();
    const figure = element("figure", { className: dropped ? "dropped" : "" });
    figure.style.maxWidth = `${Math.max(w, 130)}px`;
    const words = element("figcaption", { textContent: caption });
    figure.append(words, canvas, this.bar(scale));
    if (axes) figure.append(element("figcaption", { textContent: axes }));
    return figure;
  }

  bar(scale) {
    const legend = element("div", { className: "legend" }), canvas = element("canvas", { className: "bar", width: 256, height: 1 });
    const context = canvas.getContext("2d"), image = context.createImageData(256, 1);
    new Uint32Array(image.data.buffer).set(scale.table.map((_, i) => (scale.root ? scale.table[Math.round(Math.sqrt(i / 255) * 255)] : scale.table[i])));
    context.putImageData(image, 0, 0);
    legend.append(number(scale.low, Math.abs(scale.high)), canvas, number(scale.high, Math.abs(scale.low)));
    return legend;
  }

  heading(text) {
    return element("h3", { textContent: text });
  }

  ofImage() {
    const { net } = this, ratio = net.photo.height / net.photo.width, w = Math.round(Math.min(this.room, 620, 480 / ratio)), h = Math.round(w * ratio);
    const svg = `<svg viewBox="0 0 ${w} ${h}" width="${w}" role="img" aria-label="${this.byName.image.title}" style="max-width:100%"><image href="${this.photoUrl}" width="${w}" height="${h}" preserveAspectRatio="none"/><path d="${gridPath(net.grid, 0, 0, w, h)}" fill="none" stroke="#fff" stroke-width="1.2" opacity="0.8"/></svg>`;
    const figure = element("figure", {});
    figure.innerHTML = svg;
    return [figure];
  }

  ofLevel(n) {
    const { ui, levels } = this.net, level = levels[n];
    const channels = countTo(level.channels.shape[0]).map((c) => this.figure(ui.channel.replace("{c}", c + 1), plane(level.channels, c), { width: 190 }));
    return [this.figure(ui.strength, plane(level.strength), { width: 330 }), ...channels];
  }

  byLevel(tokens, split = false) {
    const { ui } = this.net, tiles = countTo(4).map((n) => plane(tokens.maps, n));
    return tiles.map((tile, n) => {
      const words = ui.part_of.replace("{scale}", 4 << n).replace("{channels}", tokens.channels[n]);
      return this.figure(split && n === 0 ? `${words} · ${ui.dropped}` : words, tile, { width: 230, over: true, dropped: split && n === 0 });
    });
  }

  ofBlock(n) {
    const { net } = this, { ui } = net, block = net.blocks[n], whole = plane(block.read);
    const read = readScale(Math.max(...block.heads.data)), heads = countTo(net.heads);
    const own = element("div", { className: "heads" });
    own.append(...heads.map((h) => this.figure(block.names[h], plane(block.heads, h), { width: 190, over: true, scale: read })));
    const matrix = plane(block.mean);
    const out = [
      this.figure(ui.mean, matrix, { width: 300, ratio: 1, scale: matrixScale(this.net)(matrix.range[1]), axes: ui.mean_axes }),
      this.figure(ui.read, whole, { width: 300, over: true, scale: readScale(whole.range[1]) }), own,
    ];
    if (!net.without) return out;
    const cases = [net.without[n], ...net.without.slice(net.blocks.length)];
    const row = element("div", { className: "row" });
    row.append(this.compared(ui.whole, net.small), ...cases.map((c) => this.compared([c.text, c.val], c.labels, net.small)));
    out.push(this.heading(ui.off), row, element("p", { className: "off-note", textContent: ui.off_note }));
    return out;
  }

  // A small segmentation; where it differs from another, its pixels stand out.
  compared(captions, labels, other) {
    captions = [captions].flat().filter(Boolean);
    const [, h, w] = labels.shape, width = Math.min(300, this.room, (300 * w) / h), canvas = element("canvas", { width: w, height: h, className: "frame" });
    canvas.style.width = `${width}px`;
    canvas.style.height = `${(width * h) / w}px`;
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", captions.join(". "));
    const context = canvas.getContext("2d");
    if (this.grey) context.drawImage(this.grey, 0, 0, w, h);
    context.drawImage(this.painted(labels, 0.75, other && ((p) => labels.data[p] !== other.data[p])), 0, 0);
    canvas.onpointermove = canvas.onpointerdown = (event) => {
      const p = this.pixel(event, canvas, labels);
      if (p === undefined) return;
      const now = this.net.legend[labels.data[p]].name, before = other && this.net.legend[other.data[p]].name;
      this.say(before && before !== now ? `${before} → ${now}` : now, event);
    };
    canvas.onpointerleave = () => this.leave();
    const figure = element("figure", {});
    figure.style.maxWidth = `${width}px`;
    figure.append(...captions.map((caption) => element("figcaption", { textContent: caption })), canvas);
    return figure;
  }

  ofInjection(i) {
    const { ui, injections, levels } = this.net, { level, gate, injected } = injections[i], sign = (s) => element("span", { className: "sum", textContent: s });
    return [
      this.figure(ui.level_at.replace("{scale}", 4 << level), plane(levels[level].strength), { width: 215 }), sign("×"),
      this.figure(ui.gate_map, plane(gate), { width: 215, scale: GATE_SCALE }), sign("+"),
      this.figure(ui.part_map, plane(this.net.split.maps, level), { width: 215 }), sign("="),
      this.figure(ui.injected_at.replace("{scale}", 4 << level), plane(injected), { width: 215 }),
    ];
  }

  ofScores() {
    const { scores } = this.net, ends = [Math.min(...scores.maps.data), Math.max(...scores.maps.data)], scale = scaleFor(ends);
    return scores.names.map((name, c) => this.figure(name, plane(scores.maps, c), { width: 210, scale }));
  }

  // ------------------------------------------------------------ the segmentation

  // Every pixel in its class's colour; `only` says which pixels are painted.
  painted(labels, alpha, only) {
    const [, h, w] = labels.shape, canvas = new OffscreenCanvas(w, h), context = canvas.getContext("2d"), image = context.createImageData(w, h);
    for (let p = 0; p < h * w; p++) {
      const [r, g, b] = this.colours[labels.data[p]], faint = only && !only(p) ? 0.06 : 1;
      image.data.set([r, g, b, 255 * alpha * faint], 4 * p);
    }
    context.putImageData(image, 0, 0);
    return canvas;
  }

  ofSegmentation() {
    const { net } = this, { ui } = net;
    const viewer = element("div", { className: "viewer" }), left = element("div", {}), right = element("div", {});
    this.canvas = element("canvas", { className: "view frame", tabIndex: 0 });
    this.canvas.setAttribute("role", "img");
    this.canvas.setAttribute("aria-label", [this.byName.segmentation.title, ...net.legend.filter((c) => c.share >= 0.005).map((c) => `${c.name} ${percent(c.share)}`), ui.arrows].join(" · "));
    this.canvas.onpointermove = this.canvas.onpointerdown = (event) => this.tell(this.pixel(event, this.canvas, net.labels), event);
    this.canvas.onpointerleave = () => this.leave();
    this.canvas.onkeydown = (event) => this.step(event);
    const opacity = element("input", { type: "range", min: 0, max: 1, step: 0.01, value: this.opacity });
    opacity.oninput = () => ((this.opacity = Number(opacity.value)), this.paint());
    const unsure = element("input", { type: "checkbox", checked: this.unsure });
    unsure.onchange = () => ((this.unsure = unsure.checked), this.paint());
    const label = (text, field) => {
      const box = element("label", {});
      box.append(...(field.type === "checkbox" ? [field, text] : [text, field]));
      return box;
    };
    const controls = element("div", { className: "controls" });
    controls.append(label(ui.opacity, opacity), label(ui.unsure, unsure));
    left.append(this.canvas, controls);
    right.append(this.legend());
    for (const [title, ...sentences] of net.owed) right.append(this.heading(title), ...sentences.map((s) => element("p", { className: "owed", textContent: s })));
    viewer.append(left, right);
    requestAnimationFrame(() => this.paint());
    return [viewer];
  }

  legend() {
    const { net } = this, { ui } = net, table = element("table", { className: "keys" }), rated = net.legend.some((c) => c.iou !== null);
    const head = [ui.class, ui.share, ...(rated ? [ui.iou] : [])].map((t) => `<th scope="col">${t}</th>`).join("");
    table.innerHTML = `<caption>${ui.legend.replace("{set}", escaped(net.set))}${rated ? ui.iou_words : ""}</caption><thead><tr>${head}</tr></thead><tbody></tbody>`;
    const present = net.legend.map((entry, i) => [entry, i]).filter(([entry]) => entry.share > 0).slice(0, 20);
    for (const [entry, i] of present) {
      const row = element("tr", {}), cell = element("td", {}), button = element("button", { type: "button", ariaPressed: String(this.alone === i) });
      const swatch = element("span", { className: "swatch" });
      swatch.style.background = entry.colour;
      button.append(swatch, entry.name);
      button.onclick = () => {
        this.alone = this.alone === i ? undefined : i;
        for (const other of table.querySelectorAll("button")) other.ariaPressed = "false";
        button.ariaPressed = String(this.alone === i);
        this.paint();
      };
      cell.append(button);
      row.append(cell, element("td", { textContent: percent(entry.share) }));
      if (rated) row.append(element("td", { textContent: entry.iou === null ? "–" : entry.iou.toFixed(2) }));
      table.tBodies[0].append(row);
    }
    return table;
  }

  paint() {
    const { net, canvas } = this, ratio = net.photo.height / net.photo.width;
    if (!canvas?.isConnected) return;
    const w = Math.min(canvas.parentElement.clientWidth, 560 / ratio), dots = window.devicePixelRatio || 1;
    canvas.width = w * dots;
    canvas.height = w * ratio * dots;
    canvas.style.width = `${w}px`;
    const context = canvas.getContext("2d");
    if (this.photo.complete && this.photo.naturalWidth) context.drawImage(this.photo, 0, 0, canvas.width, canvas.height);
    context.globalAlpha = this.opacity;
    const only = this.alone === undefined ? undefined : (p) => net.labels.data[p] === this.alone;
    context.drawImage(this.painted(net.labels, 1, only), 0, 0, canvas.width, canvas.height);
    context.globalAlpha = 1;
    if (!this.unsure) return;
    // What the network is less than half sure of is hatched.
    const [, h, lw] = net.labels.shape, mask = new OffscreenCanvas(lw, h), over = mask.getContext("2d"), image = over.createImageData(lw, h);
    for (let p = 0; p < h * lw; p++) if (net.sure.data[p] < 128 && (!only || only(p))) image.data.set((Math.floor(p / lw) + (p % lw)) % 6 < 3 ? [0, 0, 0, 235] : [255, 255, 255, 235], 4 * p);
    over.putImageData(image, 0, 0);
    context.drawImage(mask, 0, 0, canvas.width, canvas.height);
  }

  pixel(event, canvas, labels) {
    const [, h, w] = labels.shape, r = Math.floor((event.offsetY / canvas.clientHeight) * h), c = Math.floor((event.offsetX / canvas.clientWidth) * w);
    return r >= 0 && r < h && c >= 0 && c < w ? r * w + c : undefined;
  }

  tell(p, event) {
    if (p === undefined) return;
    const { net } = this, { name } = net.legend[net.labels.data[p]];
    this.at = p;
    this.say(net.ui.here.replace("{name}", () => name).replace("{sure}", percent(net.sure.data[p] / 255)), event);
  }

  // With the keyboard: arrows move a point over the segmentation.
  step(event) {
    const by = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] }[event.key];
    if (!by) return;
    event.preventDefault();
    const [, h, w] = this.net.labels.shape, from = this.at ?? Math.floor(h / 2) * w + Math.floor(w / 2), stride = Math.round(w / 40);
    const r = Math.max(0, Math.min(h - 1, Math.floor(from / w) + by[0] * stride)), c = Math.max(0, Math.min(w - 1, (from % w) + by[1] * stride));
    const box = this.canvas.getBoundingClientRect();
    this.paint();
    const context = this.canvas.getContext("2d"), x = ((c + 0.5) / w) * this.canvas.width, y = ((r + 0.5) / h) * this.canvas.height;
    for (const [colour, line] of [["#000", 5], ["#fff", 2.5]]) {
      context.strokeStyle = colour;
      context.lineWidth = line;
      context.beginPath();
      context.arc(x, y, 8, 0, 7);
      context.stroke();
    }
    this.tell(r * w + c, { clientX: box.left + ((c + 0.5) / w) * box.width, clientY: box.top + ((r + 0.5) / h) * box.height });
  }

  // Words beside the pointer, inside the frame's width.
  say(text, event) {
    const label = this.find(".readout"), frame = this.find(".opened").getBoundingClientRect();
    label.textContent = text;
    label.hidden = false;
    const x = event.clientX - frame.left, y = event.clientY - frame.top;
    label.style.left = `${Math.max(0, Math.min(x + 14, frame.width - label.offsetWidth - 8))}px`;
    label.style.top = `${Math.max(0, y - label.offsetHeight - 12)}px`;
  }

  leave() {
    this.find(".readout").hidden = true;
  }
}

// Both reach to four times uniform at least, so that what is even does not look like much.
const matrixScale = (net) => (top) => rootScale(Math.max(top, 4 / (net.grid[0] * net.grid[1])));
const readScale = (top) => rootScale(Math.max(top, 4));
const GATE_SCALE = { low: 0, high: 1, table: SEQUENTIAL };

// One (rows, columns) plane of a tensor (n, rows, columns).
function plane(tensor, n = 0) {
  const [, rows, cols] = tensor.shape, at = channelOf(tensor, n);
  let low = Infinity, high = -Infinity;
  for (let r = 0; r < rows; r++) for (let c = 0; c < cols; c++) (low = Math.min(low, at(r, c))), (high = Math.max(high, at(r, c)));
  return { rows, cols, at: (r, c) => at(r, c), range: [Math.min(0, low), high] };
}

// The root mean square of several strengths.
function mean(tensor) {
  const [n, rows, cols] = tensor.shape;
  return strength(tensor, [rows, cols], countTo(n).map((c) => channelOf(tensor, c)));
}

const place = ({ x, y, w, h }) => `x="${x - w / 2}" y="${y - h / 2}" width="${w}" height="${h}"`;
const percent = (share) => (share > 0 && share < 0.005 ? "< 1%" : `${Math.round(100 * share)}%`);
const escaped = (text) => element("span", { textContent: text }).innerHTML;

export default mount(Network);
