// The attention explorer: point at a token and see what it reads, in every head, and by what arithmetic.
// A page of its own, a guest in the lesson (`host`), and a file that works alone. The server is asked for the untouched pass
// and for a run without a head, no more.

const REST = 400; // ms without news until the address and the screen reader hear of it

class Explorer {
  constructor(root, host = {}) {
    this.root = root;
    this.host = host;
    this.box = root.querySelector(".explorer");
    this.find = (selector) => this.box.querySelector(selector);
    this.removals = {}; // runs without a head: "block0 without-1" -> maps and numbers
    this.state = new State();
    this.pictures = new Pictures(this);
    this.toolbar = new Toolbar(this);
    this.beside = new Beside(this);
    this.similarity = new Similarity(this);
    this.sum = new Sum(this);
    this.removal = new Removal(this);
    this.pointer = new Pointer(this);
  }

  close() {
    cancelAnimationFrame(this.frame);
    clearTimeout(this.resting);
    for (const part of [this.pictures, this.sum, this.removal]) part.close();
  }

  get block() {
    return this.run.attention(this.state.block);
  }

  // ------------------------------------------------------------ what comes from the server

  show(header) {
    const { run, book, view } = header, { grid, heads, blocks, dense } = run, first = !this.info, { state } = this;
    const news = { ...book.explorer, ...view, grid, heads, blocks, dense };
    const moved = !first && news.run !== this.info.run, told = news.block !== this.info?.block;
    this.header = header;
    this.run = run;
    this.removals = { ...(!moved && this.removals), ...header.removals };
    this.words = new Words(header.lang, news);
    this.n = grid[0] * grid[1];
    if (first || told) state.block = news.block;
    state.block = Math.min(state.block, blocks - 1);
    this.info = news;
    // What another image or model does not have goes back to its default.
    state.read(first ? news.asked : moved ? state.elsewhere : state.parameters, news);
    if (moved && !this.host.guest) sayCarried(this.find(".carried"), this.words.ui.carried, state.block, state.head, this.words.head(state.head));
    if (first && !news.asked.head) this.cameWith = state.head;
    else if (first || moved) this.cameWith = null; // what a link asks for, and what stays on another image, counts as chosen
    this.box.lang = header.lang;
    this.box.classList.toggle("guest", Boolean(this.host.guest));
    if (first || moved) this.pictures.showPhoto(run.photo);
    const frame = JSON.stringify([header.lang, news.heads, news.headNames, news.grid, this.block.dim, this.block.d]);
    if (frame !== this.built) {
      for (const part of [this.pictures, this.toolbar, this.beside, this.similarity, this.sum, this.removal]) part.build();
      this.buildSaid();
      this.pictures.spreadGrey();
    }
    this.built = frame;
    this.settle({});
    if (news.file && news.file.id !== this.saved) element("a", { href: news.file.at, download: news.file.name }).click(); // the same message may come twice
    this.saved = news.file?.id;
  }

  // The untouched pass, a run without a head, the file to `save`: what is not here yet is asked for, once.
  wish(save = null) {
    const { state, host, info } = this, removal = state.removal ?? "", missing = !info.differences || (removal && !this.removed) || save;
    this.box.setAttribute("aria-busy", String(Boolean(missing && host.ask)));
    const wish = { run: info.run, block: removal ? state.block : null, removal, save }, words = JSON.stringify(wish);
    // Never the same twice: an answer that lacks what was asked for must not start a circle.
    if (host.ask && missing && (words !== this.asked || save)) host.ask(wish);
    this.asked = words;
  }

  // What is known of the run without the heads that are taken away now.
  get removed() {
    return this.removals[`block${this.state.block} ${this.state.removal}`];
  }

  // ------------------------------------------------------------ what the visitor changes

  // Something that a pointer may change sixty times a second: drawn in the next frame.
  change(news) {
    if (this.state.has(news)) return;
    Object.assign(this.state, news);
    this.frame ??= requestAnimationFrame(() => this.draw());
  }

  // A setting: controls and maps anew.
  settle(news) {
    const { state } = this;
    Object.assign(state, news);
    if (this.host.guest && !this.box.offsetParent) return; // another stage is on show
    // Settings of display are folded away at first where there is little room.
    if (!this.folded) this.find(".display").open = this.box.clientWidth >= 560;
    this.folded = true;
    this.sum.dress(); // first: once something is drawn, to look up styles would cost a layout
    this.wish();
    this.toolbar.draw();
    this.pictures.arrange();
    this.pictures.drawMatrix();
    this.removal.draw();
    this.draw();
    this.host.changed?.(state);
  }

  chooseBlock(b) {
    if (b < 0 || b >= this.info.blocks || b === this.state.block) return;
    if (this.host.block) return this.host.block(b);
    this.settle({ block: b });
  }

  compare(other) {
    this.settle({ with: other, pinned: other === "query" ? this.state.query : null });
    if (other) this.find(".against").scrollIntoView({ block: "nearest" });
  }

  async copyLink() {
    clearTimeout(this.resting);
    this.host.remember?.(this.state.parameters);
    const said = this.find(".link-said"), { ui } = this.words;
    if (await copyLink(said, ui, this.header.link?.sample === OWN ? ui.upload_stays : "")) setTimeout(() => said.replaceChildren(), 6000);
  }

  // What was chosen and held here is so on the next page, too.
  settleDown(run) {
    const { head, query, lock, to } = this.state;
    if (head !== this.cameWith) place(run, { head });
    this.cameWith = head;
    place(run, { token: lock && to === null ? query : null });
  }

  save() {
    this.wish(this.state.parameters);
  }

  draw() {
    cancelAnimationFrame(this.frame);
    this.frame = undefined;
    const { state, block } = this, { tokens, query, column } = state;
    this.lines = countTo(this.info.heads).map((h) => block.line(h, tokens, state.values, column));
    this.chosen = state.head === "mean" ? average(this.lines) : this.lines[state.head];
    let strongest = 0;
    for (let j = 1; j < this.chosen.length; j++) if (this.chosen[j] > this.chosen[strongest]) strongest = j;
    const other = state.key ?? strongest; // the token pointed at, or the strongest
    this.pair = state.cell ?? (column ? [other, query] : [query, other]);
    this.pictures.draw();
    this.sum.drawIfSeen();
    this.beside.draw();
    this.similarity.draw();
    this.tell(strongest);
    const { head, mode, values } = state, row = Array.from(this.chosen.slice(0, 256), (v) => Number(v.toPrecision(7))).join(" ");
    Object.assign(this.box.dataset, { block: state.block, head, query, mode, values, row, queries: tokens.length > 1 ? tokens.join(" ") : "", locked: Boolean(state.lock) });
    clearTimeout(this.resting);
    this.resting = setTimeout(() => {
      this.sum.drawUnseen();
      this.speak();
      this.host.remember?.(state.parameters);
    }, REST);
  }

  // Terms in what is said keep their place, and with it the focus: only the numbers around them change.
  buildSaid() {
    const { words, n, find } = this, number = '<span class="effective"></span>';
    find(".spread").innerHTML = words.say("said_effective", { effective: number, n });
    find(".badge").innerHTML = `<span class="equal"></span>${words.space}<span class="term" tabindex="0">${words.ui.badge_how}<span class="tip" role="tooltip"></span></span>`;
  }

  // What the maps show, in a sentence or two, what to do next, and how exact the numbers are.
  tell(strongest) {
    const { state, chosen, words, n, block, find, pair: [i, j] } = this, { column, tokens } = state, weights = state.values === "weights";
    const values = { head: words.head(state.head), tokens: words.tokens(tokens), other: words.token(strongest), value: number(chosen[strongest]) };
    const most = words.say(`said_${state.mode}_${state.values}`, values), more = [], spread = find(".spread"), spreads = weights && !column;
    if (spreads && tokens.length === 1) more.push(words.say("said_distance", { distance: number(meanDistance(chosen, state.query, state.columns)) }));
    else if (weights && column) more.push(words.say("said_total", { sum: number(chosen.reduce((sum, w) => sum + w, 0)) }));
    if (state.key !== null || state.cell) {
      const value = state.cell ? this.cellValue(i, j) : chosen[state.key];
      more.push(words.say("said_cell", { i: words.token(i), j: words.token(j), value: number(value) }));
    }
    spread.hidden = !spreads;
    if (spreads) find(".effective").textContent = number(effective(chosen));
    find(".most").textContent = most + words.space;
    find(".more").textContent = (spreads ? words.space : "") + more.join(words.space);
    find(".hint").textContent = words.doing(state.lock ? "hint_locked" : "hint");
    this.vouch();
  }

  // The same for a screen reader, without the definitions that hang on its terms.
  speak() {
    const said = this.find(".said").cloneNode(true);
    for (const unsaid of said.querySelectorAll(".tip, [hidden]")) unsaid.remove();
    this.find(".spoken").textContent = said.textContent;
  }

  // That this is what ran: to how many decimal places the numbers here are the server's, and how that is known.
  vouch() {
    const { block, words, find, info: { differences } } = this, badge = find(".badge");
    badge.hidden = !differences;
    if (!differences) return;
    const off = Math.max(block.off, differences[this.state.block]);
    find(".equal").textContent = words.say("badge", { digits: Math.floor(-Math.log10(Math.min(1, Math.max(off, 1e-9)))) });
    badge.querySelector(".tip").textContent = words.say("badge_tip", { difference: off < 1e-9 ? "< 1e−9" : number(off) });
  }

  cellValue(i, j) {
    const { state, info, block } = this, heads = state.head === "mean" ? countTo(info.heads) : [state.head];
    return heads.reduce((sum, h) => sum + block[state.values](h, i)[j], 0) / heads.length;
  }
}
