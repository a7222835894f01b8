// The walkthrough in the browser: the scene, and the current stage's picture and words.
// Everything here answers without asking the server; only another block does (setTriggerValue). Scores and weights are
// shown by the explorer, a guest. The payload is made in payload.py; canvas.js, which comes first in the same script, reads it.
// Before this come quiz.js and present.js: questions before a stage, and a stage shown to a class.

const GROUPED = { nh_kd: true, dh: true }; // axes that hold the heads one after another
const COLUMNS = [
  ["image"], ["pyramid"], ["tokens"], ["query_map", "key_map", "value_map"], ["query", "key", "value"], ["scores"],
  ["weights"], ["mixed"], ["merged"], ["activated"], ["projected"], ["residual"], ["mlp"], ["output"],
];
const PITCH = 97, LEVELS = { query: 94, key: 193, value: 292 }, MIDDLE = LEVELS.key;
const EDGES = [
  ["image", "pyramid"], ["image", "tokens"], ["pyramid", "tokens"], ["tokens", "query_map"], ["tokens", "key_map"],
  ["tokens", "value_map"], ["query_map", "query"], ["key_map", "key"], ["value_map", "value"], ["query", "scores"],
  ["key", "scores"], ["scores", "weights"], ["weights", "mixed"], ["value", "mixed"], ["mixed", "merged"],
  ["merged", "activated"], ["activated", "projected"], ["projected", "residual"], ["residual", "mlp"],
  ["mlp", "output"],
];
const ARCS = [["tokens", "residual", 10], ["residual", "output", 84]];
const MEET = { "query scores": -13, "key scores": 13, "weights mixed": -13, "value mixed": 13 }; // two ribbons side by side
const SIGNS = { scores: "×", weights: "σ", mixed: "×", residual: "+", output: "+" };

class Lesson {
  constructor(root) {
    this.root = root;
    this.find = (selector) => root.querySelector(selector);
    this.find(".previous").onclick = () => this.turn(-1);
    this.find(".next").onclick = () => this.turn(1);
    this.find(".link-button").onclick = () => copyLink(this.find(".link-said"), this.lesson.ui, this.lesson.link.sample === OWN ? this.lesson.ui.upload_stays : "");
    this.canvas = this.find(".picture");
    this.canvas.onpointermove = (event) => this.point(event);
    this.canvas.onpointerdown = (event) => this.point(event);
    this.canvas.onpointerleave = () => this.leave();
    this.key = (event) => this.pressed(event);
    document.addEventListener("keydown", this.key);
    this.explorer = new Explorer(root, {
      guest: true,
      ask: (wish) => this.ask("wish", wish),
      block: (b) => this.chooseBlock(b + 1),
      changed: (state) => this.follow(state),
      remember: () => this.remember(),
    });
    this.quiz = new Quiz(this);
    this.presenter = new Presenter(this);
    this.resized = new ResizeObserver(() => {
      if (!this.lesson) return;
      this.growLabels();
      this.drawPicture();
    });
    this.resized.observe(this.find(".lesson"));
  }

  close() {
    document.removeEventListener("keydown", this.key);
    this.resized.disconnect();
    this.explorer.close();
    this.presenter.close();
    document.documentElement.classList.remove("asking");
    if (this.photoUrl) URL.revokeObjectURL(this.photoUrl);
  }

  show(lesson) {
    const first = !this.lesson, spoke = this.lesson?.lang, remembered = first ? stored("topformer-lesson") : {};
    this.lesson = lesson;
    lesson.byStage = Object.fromEntries(lesson.steps.map((s) => [s.stage, s]));
    const wanted = first ? (lesson.asked.stage ?? remembered.stage) : this.stage;
    this.stage = Object.hasOwn(lesson.byStage, wanted) ? wanted : lesson.start;
    const head = first ? (lesson.asked.head ?? (remembered.run === lesson.view.run ? remembered.head : 0)) : this.head;
    this.head = head <= lesson.heads ? head : 0; // 0 is all heads, then from 1
    this.explorer.show(lesson);
    if (lesson.block === this.asked) this.asked = undefined;
    this.thumbnails = new Map();
    if (this.photoUrl) URL.revokeObjectURL(this.photoUrl);
    this.photoUrl = URL.createObjectURL(lesson.photo.blob);
    this.photo = new Image();
    this.grey = null; // the photograph without its colours, under maps
    this.photo.onload = ({ target }) => {
      if (target !== this.photo) return; // the next one is already on its way
      this.grey = grey(target);
      this.drawPicture();
    };
    this.photo.src = this.photoUrl;
    this.find(".lesson").lang = lesson.lang;
    // The language buttons keep the focus, and with it the arrow keys, which belong to the lesson now.
    if (spoke && spoke !== lesson.lang) document.activeElement?.blur();
    this.find(".lesson").removeAttribute("aria-busy");
    this.find(".link-said").replaceChildren();
    // A link says itself whether it asks; coming back from another page, it is as it was.
    if (first) this.quiz.on = lesson.asked.quiz || (!lesson.asked.stage && Boolean(remembered.quiz));
    this.render();
    if (first && lesson.asked.present) this.presenter.turn(true, false);
  }

  render() {
    this.drawToolbar();
    this.drawScene();
    this.drawStage();
    this.remember();
  }

  get step() {
    return this.lesson.byStage[this.stage];
  }

  // ------------------------------------------------------------ moving about

  go(stage) {
    if (stage === this.stage) return;
    this.stage = stage;
    this.quiz.now = null;
    this.presenter.level = 0;
    this.find(".link-said").replaceChildren();
    this.lightScene();
    this.drawStage();
    this.remember();
  }

  turn(by) {
    const steps = this.lesson.steps, at = steps.indexOf(this.step) + by;
    if (steps[at]) this.go(steps[at].stage);
  }

  choose(head) {
    this.head = head;
    this.render();
  }

  chooseBlock(b) {
    if (b === (this.asked ?? this.lesson.block)) return;
    this.asked = b; // what was asked for last counts, also while an earlier wish is still on its way
    this.find(".lesson").setAttribute("aria-busy", "true");
    this.ask("block", b);
  }

  // The guest chose another head: the lesson goes along. Its "all heads" is the guest's mean.
  follow({ head }) {
    const own = head === "mean" ? 0 : head + 1;
    if (this.lesson && this.step.view === "matrix" && own !== this.head) this.choose(own);
  }

  pressed(event) {
    if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey || event.defaultPrevented) return;
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key], target = event.composedPath()[0];
    // Keys keep their own meaning in fields, menus and radio groups, arrows also in boxes that scroll.
    if (target.closest?.("input, textarea, select, [contenteditable], [role=radiogroup], [role=listbox], [role=slider], [role=combobox]")) return;
    if (by && target.closest?.(".diagram-scroll, .code")) return;
    if (by) this.turn(by);
    else if (event.key?.toLowerCase() === "p") this.presenter.turn(true);
    else if (!this.quiz.pressed(event, target)) return;
    event.preventDefault();
  }

  remember() {
    const lesson = this.lesson, at = new URL(location.href);
    const guest = Object.entries(this.explorer.parameters).map(([name, value]) => [name, this.step.view === "matrix" ? value : null]);
    const set = { ...lesson.link, ...Object.fromEntries(guest), values: null, quiz: this.quiz.on ? "1" : null, present: this.presenter.on ? "1" : null, stage: this.stage, block: lesson.block, head: this.head || null, lang: lesson.lang };
    for (const [name, value] of Object.entries(set)) {
      if (value === null) at.searchParams.delete(name);
      else at.searchParams.set(name, value);
    }
    if (at.href !== location.href) history.replaceState(history.state, "", at);
    stored("topformer-lesson", { stage: this.stage, quiz: this.quiz.on, run: lesson.view.run, head: this.head });
  }

  // ------------------------------------------------------------ toolbar and steps

  drawToolbar() {
    const { ui, blocks, block, heads, headNames } = this.lesson;
    const choice = (selector, label, options, chosen, act) => {
      const box = this.find(selector);
      box.setAttribute("aria-label", label);
      box.hidden = options.length < 2;
      const focused = [...box.children].indexOf(this.root.activeElement);
      box.replaceChildren(
        element("span", { className: "choice-label", textContent: label }),
        ...options.map(([value, text, title]) =>
          element("button", { type: "button", textContent: text, title, ariaPressed: String(value === chosen), onclick: () => act(value) }),
        ),
      );
      box.children[focused]?.focus(); // the buttons are new, the focus stays
    };
    choice(".blocks", ui.block, countTo(blocks).map((b) => [b + 1, String(b + 1), `${ui.block} ${b + 1}`]), block, (b) => this.chooseBlock(b));
    const names = countTo(heads).map((h) => [h + 1, headNames ? `${h + 1} ${headNames[h]}` : String(h + 1), `${ui.head} ${h + 1}`]);
    choice(".heads", ui.head, [[0, ui.all, ui.all_heads], ...names], this.head, (h) => this.choose(h));
    this.find(".link-button").textContent = ui.copy_link;
  }

  // ------------------------------------------------------------ the scene

  drawScene() {
    const { lesson } = this, svg = this.find(".scene");
    const columns = COLUMNS.map((names) => names.filter((n) => lesson.byStage[n])).filter((names) => names.length);
    const nodes = {};
    columns.forEach((names, i) => {
      for (const name of names) {
        const row = LEVELS[name.replace("_map", "")];
        const middle = name === "scores" || name === "weights" ? (LEVELS.query + LEVELS.key) / 2 : MIDDLE;
        nodes[name] = { name, step: lesson.byStage[name], x: 54 + i * PITCH, y: row ?? middle, ...this.nodeSize(name) };
      }
    });
    const width = 54 * 2 + (columns.length - 1) * PITCH, height = 372;
    const first = nodes.query, last = nodes.mixed;
    const frame = { x: first.x - 46, y: 24, w: last.x - first.x + 92, h: 330 };
    const headName = this.head ? `${lesson.ui.head} ${this.head} / ${lesson.heads}` : `${lesson.heads} × ${lesson.ui.head}`;
    const cards = countTo(Math.min(3, lesson.heads - 1)).reverse().map((i) =>
      `<rect class="card" x="${frame.x + 5 * (i + 1)}" y="${frame.y + 5 * (i + 1)}" width="${frame.w}" height="${frame.h}" rx="10"/>`).join("");
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.style.setProperty("--scene-width", `${width}px`);
    svg.setAttribute("aria-label", lesson.ui.scene);
    this.find(".scene-note").textContent = lesson.ui.scene_note.replace("{head}", Math.max(1, this.head));
    svg.innerHTML = `
      ${cards}<rect class="card front" x="${frame.x}" y="${frame.y}" width="${frame.w}" height="${frame.h}" rx="10"/>
      <text class="frame-label" x="${frame.x + frame.w - 14}" y="${frame.y + frame.h - 12}" text-anchor="end">${headName}</text>
      <g class="arcs">${ARCS.filter(([a, b]) => nodes[a] && nodes[b]).map(([a, b, y]) => arc(nodes[a], nodes[b], y)).join("")}</g>
      <g class="ribbons">${EDGES.filter(([a, b]) => nodes[a] && nodes[b] && !(a === "image" && b === "tokens" && nodes.pyramid)).map(([a, b]) => ribbon(nodes[a], nodes[b], lesson.block > 1 && b === "tokens")).join("")}</g>
      ${Object.values(nodes).map((node) => this.drawNode(node)).join("")}
      ${lesson.block > 1 ? `<text class="from" x="${nodes.tokens.x}" y="${nodes.tokens.y - nodes.tokens.h / 2 - 34}" text-anchor="middle">${lesson.ui.block} ${lesson.block - 1} →</text>` : ""}`;
    for (const group of svg.querySelectorAll(".node")) {
      group.onclick = () => this.go(group.dataset.stage);
      group.onkeydown = (event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        this.go(group.dataset.stage);
      };
    }
    this.growLabels();
    this.lightScene();
  }

  // The current stage and the ribbons that meet in it are lit, the rest recedes.
  lightScene() {
    const hadFocus = this.root.activeElement?.closest(".node");
    for (const node of this.root.querySelectorAll(".node")) {
      const current = node.dataset.stage === this.stage;
      node.classList.toggle("current", current);
      if (current) node.setAttribute("aria-current", "step");
      else node.removeAttribute("aria-current");
      this.nameNode(node);
    }
    for (const path of this.root.querySelectorAll("[data-lit-by]")) {
      path.classList.toggle("lit", path.dataset.litBy.split(" ").includes(this.stage));
    }
    const node = this.find(".node.current"), box = this.find(".scene-scroll");
    if (hadFocus) node.focus({ preventScroll: true });
    const middle = node.getBoundingClientRect(), frame = box.getBoundingClientRect();
    box.scrollLeft += middle.left + middle.width / 2 - frame.left - frame.width / 2;
  }

  // A stage that is still to be guessed does not give its shape away.
  nameNode(node) {
    const step = this.lesson.byStage[node.dataset.stage], closed = this.quiz.pending(step);
    const sizes = step.axes.slice(1).map((axis, i) => `<tspan style="fill:var(--axis-${axis.replace(/\d$/, "")})">${step.shape[i + 1]}</tspan>`);
    const label = closed ? step.title : [step.title, ...step.axes.map((axis, i) => `${axis} ${step.shape[i]}`)].join(" · ");
    node.querySelector(".node-shape").innerHTML = closed ? "?" : sizes.join("<tspan> × </tspan>");
    node.querySelector("title").textContent = label;
    node.setAttribute("aria-label", label);
  }

  // Where the scene is drawn small its labels grow against that, as far as there is room between the nodes.
  growLabels() {
    const svg = this.find(".scene"), drawn = svg.clientWidth / svg.viewBox.baseVal.width;
    svg.style.setProperty("--grow", drawn ? Math.max(0.95, Math.min(1.3, 0.95 / drawn)) : 1);
  }

  nodeSize(name) {
    const { lesson } = this, step = lesson.byStage[name], [h, w] = lesson.grid;
    if (step.view === "matrix") return { w: 70, h: 70 };
    if (step.view === "rows") return { w: name === "value" ? 42 : 28, h: 66 };
    if (step.view === "columns") return { w: 66, h: 28 };
    if (step.view === "pyramid") return { w: 64, h: 92 };
    const [rows, cols] = step.view === "photo" ? [lesson.photo.height, lesson.photo.width] : [h, w];
    const room = step.view === "photo" ? 88 : 66;
    const scale = Math.min((step.view === "photo" ? room : 52) / rows, room / cols);
    return { w: Math.max(16, cols * scale), h: Math.max(16, rows * scale) };
  }

  drawNode({ name, step, x, y, w, h }) {
    const left = x - w / 2, top = y - h / 2;
    const picture = step.view === "pyramid"
      ? this.thumbnail(name).map((url, i) => {
          const size = [1, 0.75, 0.5, 0.32][i] * 34, ratio = this.lesson.grid[0] / this.lesson.grid[1];
          const iw = ratio > 1 ? size / ratio : size * Math.min(1.6, 1 / ratio) , ih = iw * ratio;
          const iy = [y - 31, y + 4, y + 27, y + 42][i];
          return `<image href="${url}" x="${x - iw / 2}" y="${iy - ih / 2}" width="${iw}" height="${ih}" preserveAspectRatio="none"/>`;
        }).join("")
      : `<image href="${this.thumbnail(name)[0]}" x="${left}" y="${top}" width="${w}" height="${h}" preserveAspectRatio="none"/>
         ${step.view === "photo" ? `<path class="token-grid" d="${gridPath(this.lesson.grid, left, top, w, h)}"/>` : ""}
         <rect class="outline" x="${left}" y="${top}" width="${w}" height="${h}" rx="2"/>`;
    const sheets = step.axes.includes("heads") ? [2, 1].map((i) => `<rect class="sheet" x="${left + 3.5 * i}" y="${top - 3.5 * i}" width="${w}" height="${h}" rx="2"/>`).join("") : "";
    const sign = SIGNS[name] ? `<g class="sign"><circle cx="${left - 11}" cy="${y}" r="8.5"/><text x="${left - 11}" y="${y + 4.5}" text-anchor="middle">${SIGNS[name]}</text></g>` : "";
    return `<g class="node ${step.strand}" data-stage="${name}" role="button" tabindex="0">
      <title></title><rect class="hit" x="${x - 45}" y="${top - 24}" width="90" height="${h + 46}"/>
      ${sheets}${picture}${sign}
      <text class="node-name" x="${x}" y="${top - (sheets ? 14 : 8)}" text-anchor="middle">${name}</text>
      <text class="node-shape" x="${x}" y="${y + h / 2 + 15}" text-anchor="middle"></text></g>`;
  }

  // Small pictures for the scene: the photograph, or the tensor itself, or its strength over the channels.
  thumbnail(name) {
    const { lesson } = this, step = lesson.byStage[name], head = Math.max(0, this.head - 1);
    const perHead = step.axes.includes("heads"), key = perHead ? `${name}/${head}` : name;
    if (!this.thumbnails.has(key)) {
      const [h, w] = lesson.grid, t = step.tensor;
      let tiles;
      if (step.view === "photo") this.thumbnails.set(key, [this.photoUrl]);
      else if (step.stage === "weights") tiles = [{ ...this.matrixTile(step, head), scale: rootScale(step.range[1]) }];
      else if (step.view === "pyramid") tiles = step.levels.map(({ tensor: p }) => strength(p, p.shape.slice(1), countTo(p.shape[0]).map((c) => channelOf(p, c))));
      else if (step.view === "maps") tiles = [strength(t, lesson.grid, countTo(t.shape[0]).map((c) => channelOf(t, c)))];
      else if (step.view === "overlay") tiles = [strength(t, lesson.grid, countTo(t.shape[2]).map((f) => featureOf(t, head, f, w)))];
      else tiles = [this.matrixTile(step, head)];
      if (tiles) this.thumbnails.set(key, tiles.map((tile) => dataUrl(cells(tile.rows, tile.cols, tile.at, tile.scale ?? scaleFor(tile.range)))));
    }
    return this.thumbnails.get(key);
  }

  // A head's own two axes as they lie: HW x key_dim, key_dim x HW, HW x d or HW x HW.
  matrixTile(step, head) {
    const n = this.lesson.grid[0] * this.lesson.grid[1];
    if (step.view === "matrix") {
      const values = this.explorer.block.matrix(head, step.stage);
      return { rows: n, cols: n, at: (r, c) => values[r * n + c], range: step.range };
    }
    const t = step.tensor;
    return { rows: t.shape[1], cols: t.shape[2], at: (r, c) => t.data[head * t.strides[0] + r * t.strides[1] + c * t.strides[2]], range: step.range };
  }

  // ------------------------------------------------------------ the stage's words

  drawStage() {
    const { lesson, step } = this, { ui } = lesson, at = lesson.steps.indexOf(step);
    const text = (selector, value) => (this.find(selector).textContent = value);
    text(".count", ui.step.replace("{at}", at + 1).replace("{of}", lesson.steps.length));
    this.find("h2").innerHTML = `${step.title} <code>${step.stage}</code>`;
    this.find(".shape").innerHTML = step.shapeHtml;
    text(".previous", ui.previous);
    text(".next", ui.next);
    this.find(".previous").disabled = at === 0;
    this.find(".next").disabled = at === lesson.steps.length - 1;
    if (this.root.activeElement?.disabled) this.find(at ? ".previous" : ".next").focus();
    this.find(".note").innerHTML = step.note;
    this.find(".trap").innerHTML = step.trap && `<strong>${ui.trap}</strong> ${step.trap}`;
    this.find(".trap").hidden = !step.trap;
    text(".h-diagram", ui.diagram);
    this.find(".diagram-scroll").innerHTML = step.diagram;
    this.find(".diagram-scroll").setAttribute("aria-label", ui.diagram);
    text(".h-formula", ui.formula);
    this.find(".formula").innerHTML = step.formula;
    text(".h-code", `${ui.code} ${step.method}`);
    const code = this.find(".code");
    code.innerHTML = lesson.code[step.method];
    code.setAttribute("aria-label", ui.code);
    step.marked.forEach((line) => code.children[line].classList.add("marked"));
    code.scrollTop = code.children[step.marked[0]].offsetTop - code.clientHeight / 2;
    const [low, high] = step.range, end = Math.max(Math.abs(low), Math.abs(high));
    const kilobytes = (step.bytes / 1000).toLocaleString("en", { maximumFractionDigits: 1 });
    const numbers = `float32 · ${ui.bytes.replace("{kb}", kilobytes)} · ${ui.range.replace("{low}", number(low, end)).replace("{high}", number(high, end)).replace("{mean}", number(step.mean, end))}`;
    const facts = step.levels ? step.facts : [...step.facts, numbers];
    this.find("figcaption").replaceChildren(...facts.map((fact) => element("p", { textContent: fact })));
    this.quiz.draw();
    this.presenter.draw();
    this.drawPicture();
  }

  // ------------------------------------------------------------ the stage's picture

  drawPicture() {
    this.leave();
    const { step, canvas } = this, hosts = step.view === "matrix";
    this.find(".guest").hidden = !hosts;
    this.find(".columns").classList.toggle("wide", hosts);
    for (const own of [".canvas-box", ".legend", ".hint"]) this.find(own).hidden = hosts;
    if (hosts) return this.explorer.settle({ values: step.stage, head: this.head ? this.head - 1 : "mean" });
    const width = Math.floor(this.find(".canvas-box").clientWidth);
    if (!width) return;
    const painter = new Painter(this, width / this.zoom, this.room);
    painter[step.view](step); // each kind of picture has a method of its name
    const ratio = window.devicePixelRatio || 1;
    const high = painter.height * this.zoom;
    canvas.width = width * ratio;
    canvas.height = high * ratio;
    canvas.style.height = `${high}px`;
    this.find(".tokens").setAttribute("viewBox", `0 0 ${painter.width} ${painter.height}`);
    const context = canvas.getContext("2d");
    context.scale(ratio * this.zoom, ratio * this.zoom);
    context.imageSmoothingEnabled = false;
    painter.actions.forEach((action) => action(context));
    this.painter = painter;
    canvas.setAttribute("aria-label", [step.title, ...step.axes.map((a, i) => `${a} ${step.shape[i]}`)].join(" · "));
    this.find(".legend").hidden = !painter.scale;
    this.find(".hint").textContent = this.lesson.ui.point;
    if (painter.scale) {
      const { low, high, table, root } = painter.scale, bar = this.find(".bar").getContext("2d");
      const image = bar.createImageData(256, 1);
      new Uint32Array(image.data.buffer).set(table.map((_, i) => (root ? table[Math.round(Math.sqrt(i / 255) * 255)] : table[i])));
      bar.putImageData(image, 0, 0);
      this.find(".low").textContent = number(low, Math.abs(high));
      this.find(".high").textContent = number(high, Math.abs(low));
      this.find(".legend-name").textContent = painter.quantity;
    }
  }

  // How much larger than on a page the picture is drawn, words and all, and how high it may be then.
  get zoom() {
    return this.presenter.on ? parseFloat(getComputedStyle(this.find(".stage")).fontSize) / 13 : 1;
  }

  get room() {
    const legend = this.step.view === "photo" ? 4 : 46;
    return this.presenter.on ? (this.find(".seeing").clientHeight - legend) / this.zoom : null;
  }

  // The cell of the picture under the pointer: {tile, r, c}.
  cellAt(event) {
    const { zoom } = this, box = this.canvas.getBoundingClientRect(), x = (event.clientX - box.left) / zoom, y = (event.clientY - box.top) / zoom;
    const tile = box.width && this.painter?.tiles.find((t) => x >= t.x && x < t.x + t.w && y >= t.y && y < t.y + t.h);
    return tile ? { tile, r: Math.floor(((y - tile.y) / tile.h) * tile.rows), c: Math.floor(((x - tile.x) / tile.w) * tile.cols) } : null;
  }

  point(event) {
    const { zoom } = this, box = this.canvas.getBoundingClientRect(), found = this.cellAt(event);
    if (!found) return this.leave();
    const { tile, r, c } = found;
    const cell = { x: tile.x + (c / tile.cols) * tile.w, y: tile.y + (r / tile.rows) * tile.h, w: tile.w / tile.cols, h: tile.h / tile.rows };
    place(this.find(".cursor"), { x: cell.x * zoom, y: cell.y * zoom, w: cell.w * zoom, h: cell.h * zoom });
    this.say(tile.say(r, c), event.clientX - box.left, event.clientY - box.top);
  }

  // The value, beside the pointer and inside the picture's width.
  say(text, x, y) {
    const label = this.find(".readout"), room = this.find(".canvas-box").clientWidth;
    label.textContent = text;
    label.hidden = false;
    label.style.left = `${Math.max(0, Math.min(x + 14, room - label.offsetWidth))}px`;
    label.style.top = `${y < 48 ? y + 20 : y - label.offsetHeight - 12}px`;
  }

  leave() {
    this.find(".readout").hidden = true;
    for (const cursor of this.root.querySelectorAll(".cursor")) cursor.hidden = true;
  }
}

function place(cursor, cell) {
  cursor.hidden = !cell;
  if (!cell) return;
  Object.assign(cursor.style, { left: `${cell.x}px`, top: `${cell.y}px`, width: `${cell.w}px`, height: `${cell.h}px` });
}

// Lays a stage's tiles out for a given width, and within `room` in height if there is one; `actions` draw them, `tiles`
// answer the pointer.
class Painter {
  constructor(view, width, room) {
    Object.assign(this, { view, lesson: view.lesson, width, room, height: 0, actions: [], tiles: [], scale: null, quantity: "" });
    const style = getComputedStyle(view.find(".lesson"));
    this.ink = style.color;
    this.font = style.fontFamily;
    this.faint = style.getPropertyValue("border-top-color");
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
      context.font = `${size}px ${this.font}`;
      context.textAlign = align;
      context.fillStyle = colour;
      context.fillText(string, 0, 0);
      context.restore();
    });
  }

  tile(tile, scale, options = {}) {
    const image = cells(tile.rows, tile.cols, tile.at, scale);
    this.answer(tile);
    this.actions.push((context) => {
      context.globalAlpha = options.alpha ?? 1;
      context.drawImage(image, tile.x, tile.y, tile.w, tile.h);
      context.globalAlpha = 1;
      context.strokeStyle = this.faint;
      context.lineWidth = 1;
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

  // Where a pixel of the token grid lies, as people say it.
  pixel(i) {
    const w = this.lesson.grid[1], { ui } = this.lesson;
    return ui.pixel.replace("{i}", i + 1).replace("{r}", Math.floor(i / w) + 1).replace("{c}", (i % w) + 1);
  }

  value(step, tile, r, c) {
    return (step.tensor?.exact === false ? "≈ " : "= ") + number(tile.at(r, c));
  }

  heads() {
    return this.view.head ? [this.view.head - 1] : countTo(this.lesson.heads);
  }

  // ---- the photograph under the token grid
  photo() {
    const { lesson, view } = this, [h, w] = lesson.grid;
    const fit = Math.min(this.width / lesson.photo.width, (this.room ?? 560) / lesson.photo.height);
    const box = { x: 0, y: 0, w: lesson.photo.width * fit, h: lesson.photo.height * fit };
    this.height = box.h + 2;
    this.actions.push((context) => {
      context.imageSmoothingEnabled = true;
      if (view.photo.complete) context.drawImage(view.photo, box.x, box.y, box.w, box.h);
      context.imageSmoothingEnabled = false;
      this.grid(context, box, h, w);
    });
    this.answer({ ...box, rows: h, cols: w, at: () => 0, say: (r, c) => this.pixel(r * w + c) });
  }

  grid(context, box, h, w) {
    for (const [colour, width] of [["rgba(0,0,0,.35)", 2], ["rgba(255,255,255,.75)", 1]]) {
      context.strokeStyle = colour;
      context.lineWidth = width;
      context.beginPath();
      for (let c = 1; c < w; c++) context.moveTo(box.x + (c * box.w) / w, box.y), context.lineTo(box.x + (c * box.w) / w, box.y + box.h);
      for (let r = 1; r < h; r++) context.moveTo(box.x, box.y + (r * box.h) / h), context.lineTo(box.x + box.w, box.y + (r * box.h) / h);
      context.stroke();
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

  maps(step) {
    const t = step.tensor, [h, w] = this.lesson.grid, axis = step.axes[1], { heads, channelNames, ui } = this.lesson;
    const per = GROUPED[axis] ? t.shape[0] / heads : t.shape[0];
    const groups = GROUPED[axis] ? this.heads() : [0];
    this.scale = scaleFor(step.range);
    this.quantity = step.stage;
    const named = channelNames && axis === "C", gap = named ? 36 : 4, apart = 16;
    if (named) this.scale = null; // each channel is a quantity of its own, and gets a scale of its own
    // So many groups side by side that the tiles are largest; on a page they stand one below the other.
    const wide = (across) => (this.width - apart * (across - 1)) / across;
    const fitting = (across, side) => Math.max(1, Math.floor((wide(across) + 4) / (side + 4)));
    const largest = (across) => {
      const down = Math.ceil(groups.length / across), limit = this.room ? this.room - 10 * down : named ? 620 : 520;
      let side = Math.min(150, wide(across));
      while (side > (this.room ? 6 : 14) && down * (Math.ceil(per / fitting(across, side)) * ((side * h) / w + gap) + 20) > limit) side -= 1;
      return side;
    };
    const legible = (across) => across === 1 || wide(across) > (this.lesson.headNames ? 180 : 116); // the groups' names
    const across = this.room ? countTo(groups.length).map((i) => i + 1).filter(legible).sort((a, b) => largest(b) - largest(a))[0] : 1;
    const side = largest(across), perRow = Math.min(per, fitting(across, side)), high = (side * h) / w;
    const block = 20 + Math.ceil(per / perRow) * (high + gap) + (named ? 6 : 10);
    groups.forEach((group, at) => {
      const left = (at % across) * (wide(across) + apart);
      let y = Math.floor(at / across) * block;
      const label = GROUPED[axis] ? `${this.headName(group)}: ${per} ${ui.channels}` : `${per} ${ui.channels}`;
      this.text(label, left, y + 13, { colour: this.axisColour(GROUPED[axis] ? "heads" : axis) });
      y += 20;
      for (let i = 0; i < per; i++) {
        const n = group * per + i, at = channelOf(t, n);
        const x = left + (i % perRow) * (side + 4), top = y + Math.floor(i / perRow) * (high + gap) + (named ? 28 : 0);
        const tile = { x, y: top, w: side, h: high, rows: h, cols: w, at };
        tile.say = (r, c) => `${step.stage}[${named ? channelNames[n] : n + 1}, ${r + 1}, ${c + 1}] ${this.value(step, tile, r, c)}`;
        let scale = this.scale;
        if (named) {
          const all = countTo(h * w).map((k) => at(Math.floor(k / w), k % w));
          scale = scaleFor([Math.min(...all), Math.max(...all)]);
          this.text(channelNames[n], x, top - 17, { size: 11 });
          this.text(range(scale.low, scale.high), x, top - 5, { size: 10 });
        }
        this.tile(tile, scale);
      }
    });
    this.height = Math.ceil(groups.length / across) * block;
  }

  // ---- one matrix a head
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
      tile.say = (r, c) => `${step.stage}[${this.lesson.ui.head} ${head + 1}, ${this.pixel(r)}, ${this.lesson.ui.feature} ${c + 1}] ${this.value(step, tile, r, c)}`;
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
      tile.say = (r, c) => `${step.stage}[${this.lesson.ui.head} ${head + 1}, ${this.lesson.ui.feature} ${r + 1}, ${this.pixel(c)}] ${this.value(step, tile, r, c)}`;
      this.tile(tile, this.scale);
      this.text(`key_dim ${features}`, x - 16, y + 20 + h / 2, { align: "center", colour: this.axisColour("key_dim"), turn: true, size: 11 });
      if (i < heads.length - across) return;
      this.gridTicks(tile, { below: true });
      this.text(`HW ${n}`, x + w / 2, y + h + 50, { align: "center", colour: this.axisColour("HW") });
    });
    this.height = down * (h + 34) + 26;
  }

  // ---- per-head outputs laid back onto the picture
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
    const top = Math.max(...maps.map((m) => m.range[1]));
    this.scale = scaleFor([0, top]);
    this.quantity = lesson.ui.strength.replace("{d}", d);
    heads.forEach((head, i) => {
      const x = (i % across) * (width + gap), y = 22 + Math.floor(i / across) * (height + 30);
      this.headLabel(head, x, y - 8);
      this.actions.push((context) => {
        context.imageSmoothingEnabled = true;
        if (view.grey) context.drawImage(view.grey, x, y, width, height);
        context.imageSmoothingEnabled = false;
      });
      const tile = { ...maps[i], x, y, w: width, h: height };
      tile.say = (r, c) => `${lesson.ui.head} ${head + 1}, ${this.pixel(r * w + c)}: ≈ ${number(tile.at(r, c))}`;
      this.tile(tile, this.scale, { alpha: 0.62 });
    });
    this.height = 22 + Math.ceil(heads.length / across) * (height + 30);
    if (heads.length > 1) return;
    // One head: its d features as well, each on its own.
    const own = scaleFor(step.range), below = this.room ? this.room - this.height - 24 : 260;
    const side = Math.max(this.room ? 10 : 28, Math.min(110, this.width / Math.ceil(Math.sqrt((d * this.width * h) / (w * below))) - 4));
    const perRow = Math.max(1, Math.floor((this.width + 4) / (side + 4))), high = (side * h) / w, y0 = this.height + 18;
    this.text(`${d} ${lesson.ui.features}: ${range(own.low, own.high)}`, 0, y0 - 6, { colour: this.axisColour("d") });
    for (let f = 0; f < d; f++) {
      const at = featureOf(t, heads[0], f, w);
      const tile = { x: (f % perRow) * (side + 4), y: y0 + Math.floor(f / perRow) * (high + 4), w: side, h: high, rows: h, cols: w, at };
      tile.say = (r, c) => `${step.stage}[${lesson.ui.head} ${heads[0] + 1}, ${this.pixel(r * w + c)}, ${lesson.ui.feature} ${f + 1}] ≈ ${number(at(r, c))}`;
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

  // The token grid shows in the ticks: one at the start of each row of the picture.
  gridTicks(tile, { left = false, below = false }) {
    const [h, w] = this.lesson.grid, colour = this.axisColour("HW"), n = h * w;
    const every = Math.ceil((h * 13) / Math.max(left ? tile.h : tile.w, 1));
    for (let r = 0; r < h; r++) {
      const y = tile.y + (r * w * tile.h) / n, x = tile.x + (r * w * tile.w) / n;
      this.actions.push((context) => {
        context.strokeStyle = colour;
        context.lineWidth = 1;
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

// ---------------------------------------------------------------- small helpers

// `broken`: the way leads through the blocks before this one, which are not drawn.
function ribbon(a, b, broken) {
  const strand = b.step.strand || a.step.strand;
  const x1 = a.x + a.w / 2 + 3, fan = { query_map: -18, key_map: 0, value_map: 18 }[b.name] ?? 0;
  const wide = strand ? 20 : 26;
  const x2 = b.x - b.w / 2 - 3, y1 = a.y + fan, y2 = b.y + (MEET[`${a.name} ${b.name}`] ?? 0);
  const bend = a.name === "value" ? x2 - 70 : (x1 + x2) / 2;
  const path = a.name === "value" ? `M${x1} ${y1}H${bend - 60}C${bend} ${y1} ${bend} ${y2} ${x2} ${y2}` : `M${x1} ${y1}C${bend} ${y1} ${bend} ${y2} ${x2} ${y2}`;
  return `<path class="ribbon ${strand} ${broken ? "broken" : ""}" data-lit-by="${broken ? "" : `${a.name} ${b.name}`}" stroke-width="${wide}" d="${path}"/>`;
}

function arc(a, b, y) {
  const from = a.y - a.h / 2 - 24, to = b.y - b.h / 2 - 24;
  return `<path class="arc" data-lit-by="${b.name}" d="M${a.x} ${from}V${y + 18}Q${a.x} ${y} ${a.x + 18} ${y}H${b.x - 18}Q${b.x} ${y} ${b.x} ${y + 18}V${to}"/>
    <path class="arc-head" data-lit-by="${b.name}" d="M${b.x - 5} ${to - 6}l5 7l5 -7"/>`;
}

export default mount(Lesson);
