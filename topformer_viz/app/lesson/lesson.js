// The lesson: which stage is on show, its words and its map. What is said is the book's, with the run's answers in it; a block, a
// head, a stage ask nothing of the server. It is told the block as one leaves, and led by a link to another page. Scores and
// weights are shown by the explorer, a guest.

const AROUND = 2, SHORT = 9; // lines of code shown before and after those that make the stage; a method shown whole

class Lesson {
  constructor(root) {
    this.root = root;
    this.find = (selector) => root.querySelector(selector);
    this.find(".previous").onclick = () => this.turn(-1);
    this.find(".next").onclick = () => this.turn(1);
    this.find(".before").onclick = () => this.turn(-1);
    this.find(".after").onclick = () => this.turn(1);
    this.find(".fold").onclick = () => this.unfold();
    this.find(".whole").onclick = () => this.showWhole();
    this.find(".link-button").onclick = () => this.copyLink();
    this.canvas = this.find(".picture");
    this.canvas.onpointermove = this.canvas.onpointerdown = (event) => this.point(event);
    this.canvas.onpointerleave = (event) => event.pointerType !== "touch" && this.pointAway(); // a finger leaves as soon as it is lifted
    this.key = (event) => this.pressed(event);
    document.addEventListener("keydown", this.key);
    this.explorer = new Explorer(root, {
      guest: true,
      ask: (wish) => this.leaving || this.ask("wish", wish), // of two that wait for a busy server it hears the later only
      block: (b) => this.chooseBlock(b + 1),
      changed: (state) => this.follow(state),
      remember: () => this.remember(),
    });
    this.scene = new BlockScene(this);
    this.quiz = new Quiz(this);
    this.presenter = new Presenter(this);
    this.search = new Search(this);
    this.stopping = new Stopping(this);
    this.resized = new ResizeObserver(() => {
      if (!this.lesson) return;
      this.scene.fit();
      this.drawPicture();
    });
    this.resized.observe(this.find(".lesson"));
  }

  close() {
    document.removeEventListener("keydown", this.key);
    this.resized.disconnect();
    this.explorer.close();
    this.scene.close();
    this.presenter.close();
    this.search.close();
    document.documentElement.classList.remove("asking");
    this.photo?.close();
  }

  show(message) {
    const first = !this.lesson, spoke = this.lesson?.lang, remembered = first ? stored("topformer-lesson") : {};
    const moved = !first && this.lesson.view.run !== message.view.run, told = this.message?.view.block !== message.view.block;
    this.message = message;
    const lesson = this.open(first || told ? message.view.block + 1 : this.lesson.block);
    const wanted = first ? (lesson.asked.stage ?? remembered.stage) : this.stage;
    this.stage = Object.hasOwn(lesson.byStage, wanted) ? wanted : lesson.start;
    const said = first ? placed(lesson.view.run) : {}, own = said.head === "mean" ? 0 : said.head;
    const head = first ? (lesson.asked.head ?? own ?? 0) : this.head;
    if (moved || (first && lesson.asked.head)) place(lesson.view.run, { head: head ? head - 1 : "mean" });
    if (first) lesson.view.asked = { ...said, ...lesson.view.asked };
    this.head = head <= lesson.heads ? head : 0; // 0 is all heads, then from 1
    if (moved) {
      const { ui } = lesson, name = this.head ? `${ui.head} ${this.head}` : ui.all_heads;
      sayCarried(this.find(".carried"), ui.carried, lesson.block - 1, this.head, name);
    }
    this.explorer.show({ ...message, view: { ...message.view, block: lesson.block - 1 } });
    if (first || moved) {
      this.scene.forget();
      this.photo?.close();
      this.photo = new Photograph(lesson.photo.blob, () => this.drawImages());
    }
    this.find(".lesson").lang = lesson.lang;
    // The language buttons keep the focus, and with it the arrow keys, which belong to the lesson now.
    if (spoke && spoke !== lesson.lang) document.activeElement?.blur();
    this.find(".link-said").replaceChildren();
    // A link says itself whether it asks; coming back from another page, it is as it was.
    const back = !lesson.asked.stage || lesson.asked.stage === remembered.stage;
    if (first) this.quiz.on = lesson.asked.quiz || (back && Boolean(remembered.quiz));
    this.render();
    if (first && lesson.asked.present) this.presenter.turn(true, false);
  }

  // The lesson on a block, from 1: the book's stages with this run's answers and tensors.
  open(b) {
    const { book, run, ...message } = this.message, block = Math.min(b, run.blocks), { headNames } = book.explorer;
    const { grid, heads, photo, blocks } = run, steps = this.stepsOf(block - 1);
    const byStage = Object.fromEntries(steps.map((step) => [step.stage, step]));
    return (this.lesson = { ...message, ...book, grid, heads, headNames, photo, blocks, block, steps, byStage });
  }

  // A block's stages (from 0); each is opened once.
  stepsOf(b) {
    const { book, run } = this.message;
    if (this.opened?.book !== book || this.opened.run !== run) this.opened = { book, run, blocks: [] };
    return (this.opened.blocks[b] ??= book.blocks[b].map((n) => stepOf(book.steps[n], run, b)));
  }

  render() {
    this.draw();
    this.remember();
  }

  draw() {
    this.drawToolbar();
    this.scene.draw();
    this.drawStage();
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
    this.scene.light();
    this.drawStage();
    this.remember();
    this.arrive();
  }

  // Another stage is read from its top, which the page may have scrolled past; from there Tab goes on, too, after a button at
  // the end of the one before. At once: what would move is another stage already.
  arrive() {
    if (this.presenter.on) return;
    const stage = this.find(".stage"), { bottom } = this.find(this.quiz.pending(this.step) ? ".quiz" : ".seeing").getBoundingClientRect();
    if (this.root.activeElement?.closest(".below")) stage.focus({ preventScroll: true });
    if (stage.getBoundingClientRect().top < 0 || bottom > innerHeight) stage.scrollIntoView();
  }

  turn(by) {
    const steps = this.lesson.steps, at = steps.indexOf(this.step) + by;
    if (steps[at]) this.go(steps[at].stage);
  }

  choose(head) {
    this.head = head;
    place(this.lesson.view.run, { head: head ? head - 1 : "mean" });
    this.render();
  }

  chooseBlock(b) {
    if (b === this.lesson.block) return;
    this.open(b);
    this.explorer.state.block = b - 1;
    this.draw();
    requestAnimationFrame(() => setTimeout(() => this.remember())); // once it is painted: the address takes its time
  }

  // Whether the server thinks of another block; other pages are to show this one.
  get untold() {
    return this.lesson && this.lesson.block !== this.message.view.block + 1;
  }

  tell() {
    this.ask("block", this.lesson.block);
  }

  // The guest chose another head: the lesson goes along. Its "all heads" is the guest's mean.
  follow({ head }) {
    const own = head === "mean" ? 0 : head + 1;
    if (this.lesson && this.step.view === "matrix" && own !== this.head) this.choose(own);
  }

  pressed(event) {
    if (!isFree(event)) return;
    const by = TURNS[event.key], target = event.composedPath()[0];
    if (by && target.closest?.(".diagram-scroll, .code")) return; // boxes that scroll
    if (by) this.turn(by);
    else if (event.key?.toLowerCase() === "p") this.presenter.turn(true);
    else if (!this.quiz.pressed(event, target)) return;
    event.preventDefault();
  }

  remember() {
    const { lesson } = this, on = (mode) => (mode.on ? "1" : null);
    const guest = Object.entries(this.explorer.state.parameters).map(([name, value]) => [name, this.step.view === "matrix" ? value : null]);
    writeAddress({
      ...lesson.link, ...Object.fromEntries(guest), values: null, quiz: on(this.quiz), present: on(this.presenter),
      stage: this.stage, block: lesson.block, head: this.head || null, lang: lesson.lang,
    });
    stored("topformer-lesson", { stage: this.stage, quiz: this.quiz.on });
    if (this.step.view === "matrix") this.explorer.settleDown(lesson.view.run);
  }

  copyLink() {
    const { ui, link } = this.lesson;
    return copyLink(this.find(".link-said"), ui, link.sample === OWN ? ui.upload_stays : "");
  }

  drawToolbar() {
    const { ui, blocks, block, heads, headNames } = this.lesson;
    choice(this.find(".blocks"), ui.block, countTo(blocks).map((b) => [b + 1, String(b + 1), `${ui.block} ${b + 1}`]), block, (b) => this.chooseBlock(b));
    const names = countTo(heads).map((h) => [h + 1, headNames ? `${h + 1} ${headNames[h]}` : String(h + 1), `${ui.head} ${h + 1}`]);
    choice(this.find(".heads"), ui.head, [[0, ui.all, ui.all_heads], ...names], this.head, (h) => this.choose(h));
    say(this.find, {
      ".link-button": ui.copy_link, ".aim": fill(ui.aim, { n: this.lesson.steps.length }),
      ".fold": [...(blocks > 1 ? [`${ui.block} ${block}`] : []), this.head ? `${ui.head} ${this.head}` : ui.all_heads].join(" · "),
    });
    this.find(".fold").ariaExpanded = String(this.find(".lesson > .toolbar").classList.contains("unfolded"));
    this.search.draw();
  }

  // Where there is little room the toolbar is folded away.
  unfold() {
    this.find(".lesson > .toolbar").classList.toggle("unfolded");
    this.drawToolbar();
  }

  // A head's own two axes as they lie: HW x key_dim, key_dim x HW, HW x d or HW x HW.
  matrixTile(step, head, block = this.lesson.block) {
    const n = this.lesson.grid[0] * this.lesson.grid[1];
    if (step.view === "matrix") {
      const values = this.message.run.attention(block - 1).matrix(head, step.stage);
      return { rows: n, cols: n, at: (r, c) => values[r * n + c], range: step.range };
    }
    const [, rows, cols] = step.tensor.shape;
    return { rows, cols, at: channelOf(step.tensor, head), range: step.range };
  }

  drawStage() {
    const { lesson, step } = this, { ui } = lesson, at = lesson.steps.indexOf(step);
    drawTurn(this.root, at, lesson.steps.length, { ...ui, counted: ui.step });
    this.find("h2").innerHTML = `${step.title} <code>${step.stage}</code>`;
    this.find(".shape").innerHTML = step.shapeHtml;
    this.find(".note").innerHTML = step.note;
    Object.assign(this.find(".trap"), { innerHTML: step.trap && `<strong>${ui.trap}</strong>${step.trap}`, hidden: !step.trap });
    say(this.find, { ".h-diagram": ui.diagram, ".h-formula": ui.formula, ".h-code": `${ui.code} ${step.method}` });
    if (this.drawnDiagram !== step.diagram) this.find(".diagram-scroll").innerHTML = this.drawnDiagram = step.diagram; // as it is in another block
    this.find(".diagram-scroll").ariaLabel = ui.diagram;
    this.find(".formula").innerHTML = step.formula;
    this.drawCode();
    this.drawLinks();
    const after = lesson.steps[at + 1];
    say(this.find, { ".before": ui.previous, ".after": after ? fill(ui.after, { title: after.title }) : "" });
    Object.assign(this.find(".before"), { hidden: !at });
    Object.assign(this.find(".after"), { hidden: !after });
    const [low, high] = step.range, end = Math.max(Math.abs(low), Math.abs(high));
    const kilobytes = (step.bytes / 1000).toLocaleString("en", { maximumFractionDigits: 1 });
    const numbers = `float32 · ${fill(ui.bytes, { kb: kilobytes })} · ${fill(ui.range, { low: number(low, end), high: number(high, end), mean: number(step.mean, end) })}`;
    const facts = step.levels ? step.facts : [...step.facts, numbers];
    this.find("figcaption").replaceChildren(...facts.map((fact) => element("p", { textContent: fact })));
    this.quiz.draw();
    this.presenter.draw();
    this.drawPicture();
    this.stopping.draw();
  }

  // The lines that make the stage and a few around them, or all of the method.
  drawCode() {
    const { lesson: { code, ui, lang }, step: { method, marked } } = this, drawn = [method, marked, this.whole, lang].join(), box = this.find(".code");
    if (drawn === this.drawnCode) return; // as it is in another block
    this.drawnCode = drawn;
    Object.assign(box, { innerHTML: code[method], ariaLabel: ui.code });
    const lines = [...box.children], far = (n) => lines.length > SHORT && (n < marked[0] - AROUND || n > marked.at(-1) + AROUND), cut = (n) => !this.whole && far(n);
    lines.forEach((line, n) => Object.assign(line, { hidden: cut(n), className: marked.includes(n) ? "marked" : "" }));
    box.classList.toggle("above", cut(0));
    box.classList.toggle("beneath", cut(lines.length - 1));
    box.scrollTop = lines[marked[0]].offsetTop - box.clientHeight / 2;
    const textContent = this.whole ? ui.code_less : fill(ui.code_all, { n: lines.length, method }), hidden = !lines.some((_, n) => far(n));
    Object.assign(this.find(".whole"), { textContent, hidden, ariaExpanded: String(Boolean(this.whole)) });
  }

  showWhole() {
    this.whole = !this.whole;
    this.drawCode();
  }

  // Where what the stage teaches can be tried out. A click keeps the session, and with it the visitor's own image; the
  // address is for a new tab, and for whoever copies it.
  drawLinks() {
    const { lesson: { ui, link, block, lang }, step: { stage, links }, head } = this, box = this.find(".tries");
    const all = { ...Object.fromEntries(Object.entries(link).filter(([, value]) => value !== null)), block, lang };
    box.hidden = !links.length;
    box.replaceChildren(ui.tries, ...links.map(({ words, page, said }, n) => {
      const own = Object.entries(said).map(([name, value]) => [name, fill(value, { head: head || 1 })]);
      const asked = { ...all, ...(head && { head }), ...Object.fromEntries(own), ...(page === "lab" && { from: stage }) };
      const made = element("a", { href: pageAddress(page, asked), textContent: fill(words, { head: head || 1 }) });
      made.onclick = (event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey) return;
        event.preventDefault();
        this.leaving = true;
        this.ask("follow", { stage, n, head, block });
      };
      return made;
    }));
  }

  drawImages() {
    this.drawPicture();
    this.stopping.draw();
  }

  drawPicture() {
    this.pointAway();
    const { step, canvas } = this, hosts = step.view === "matrix";
    this.find(".guest").hidden = !hosts;
    this.find(".columns").classList.toggle("wide", hosts);
    for (const own of [".canvas-box", ".legend", ".hint"]) this.find(own).hidden = hosts;
    if (hosts) return this.explorer.settle({ values: step.stage, head: this.head ? this.head - 1 : "mean" });
    const width = Math.floor(this.find(".canvas-box").clientWidth);
    if (!width) return;
    const painter = new Painter(this, width / this.zoom, this.room);
    painter[step.view](step); // each kind of map has a method of its name
    const ratio = window.devicePixelRatio || 1, high = painter.height * this.zoom;
    Object.assign(canvas, { width: width * ratio, height: high * ratio });
    canvas.style.height = `${high}px`;
    this.find(".tokens").setAttribute("viewBox", `0 0 ${painter.width} ${painter.height}`);
    const context = canvas.getContext("2d");
    context.scale(ratio * this.zoom, ratio * this.zoom);
    context.imageSmoothingEnabled = false;
    painter.actions.forEach((action) => action(context));
    this.painter = painter;
    canvas.setAttribute("aria-label", [step.title, ...step.axes.map((a, i) => `${a} ${step.shape[i]}`)].join(" · "));
    this.find(".legend").hidden = !painter.scale;
    this.find(".hint").textContent = this.lesson.ui[matchMedia("(hover: none)").matches ? "point_touch" : "point"];
    if (painter.scale) legend(this.find(".legend"), painter.scale, painter.quantity);
    if (painter.high) this.find(".legend .high").textContent = painter.high;
  }

  // How much larger than on a page the map is drawn, words and all, and how high it may be then.
  get zoom() {
    return this.presenter.on ? parseFloat(getComputedStyle(this.find(".stage")).fontSize) / 13 : 1;
  }

  get room() {
    const legend = this.step.view === "photo" ? 4 : 46;
    return this.presenter.on ? (this.find(".seeing").clientHeight - legend) / this.zoom : null;
  }

  // The cell of the map under the pointer: {tile, r, c}.
  cellAt(event) {
    const { zoom } = this, box = this.canvas.getBoundingClientRect(), x = (event.clientX - box.left) / zoom, y = (event.clientY - box.top) / zoom;
    const tile = box.width && this.painter?.tiles.find((t) => x >= t.x && x < t.x + t.w && y >= t.y && y < t.y + t.h);
    return tile ? { tile, r: Math.floor(((y - tile.y) / tile.h) * tile.rows), c: Math.floor(((x - tile.x) / tile.w) * tile.cols) } : null;
  }

  point(event) {
    const { zoom } = this, box = this.canvas.getBoundingClientRect(), found = this.cellAt(event);
    if (!found) return this.pointAway();
    const { tile, r, c } = found;
    const cell = { x: tile.x + (c / tile.cols) * tile.w, y: tile.y + (r / tile.rows) * tile.h, w: tile.w / tile.cols, h: tile.h / tile.rows };
    const cursor = this.find(".cursor"), [left, top, width, height] = [cell.x, cell.y, cell.w, cell.h].map((side) => `${side * zoom}px`);
    Object.assign(cursor.style, { left, top, width, height });
    cursor.hidden = false;
    sayBeside(this.find(".readout"), tile.say(r, c), event.clientX - box.left, event.clientY - box.top, this.find(".canvas-box").clientWidth);
  }

  pointAway() {
    this.find(".readout").hidden = true;
    this.find(".cursor").hidden = true;
  }
}

// A stage of the book as it is on show: with the run's answers, and its tensors, which are made when they are looked at.
function stepOf(told, run, b) {
  const step = filled(told, run, b), name = told.tensor?.replace("{block}", `block${b}`);
  if (name) Object.defineProperty(step, "tensor", { get: () => run.tensor(name) });
  if (step.levels) step.levels = step.levels.map((level) => ({ ...level, tensor: run.tensor(level.tensor) }));
  return step;
}
