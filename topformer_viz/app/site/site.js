// The lesson where there is no server: which image, which model and which page are on show. A worker runs the network (worker.js); the
// pages are the app's own, and what they ask the server for there is answered here (pages.js). The address says after its "#" what
// it says in the app.

const LATE = 250; // ms after which it is said that something is being computed

class Site {
  // `about`: what the file holds (file.py); `words`: by language; `engine` runs the network.
  constructor(root, about, words, engine) {
    Object.assign(this, { root, about, words, engine, shown: null, own: null, checkpoint: null, brought: 0 });
    this.find = (selector) => root.querySelector(selector);
    const { said, page, name } = this.spoken, spoken = navigator.language?.toLowerCase().startsWith("zh") ? "zh" : "en";
    this.lang = [said.get("lang"), spoken].find((lang) => about.langs.includes(lang)) ?? about.langs[0];
    if (about.picture) this.own = { blob: null, name: about.picture.name || null, number: 0 };
    if (about.checkpoint) this.checkpoint = { number: 0 };
    this.choice = { sample: about.picture ? OWN : about.sample, model: about.checkpoint ? OWN : about.model };
    this.gone = ["sample", "model"].filter((name) => said.get(name) === OWN && !this.has(name, OWN));
    Object.assign(this.choice, this.asksFor(said));
    this.block = 0;
    this.turnTo(page, said);
    this.top = new Top(this);
    this.brings = new Brings(this);
    addEventListener("hashchange", () => this.arrive());
    if (this.isElsewhere(name)) this.refer(name);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
  }

  get ui() {
    return this.words[this.lang].ui;
  }

  get space() {
    return this.words[this.lang].space;
  }

  // ------------------------------------------------------------ what is said of the run on show

  // The model in words; a checkpoint is described by what it holds.
  get model() {
    const { shown: { choice, spec, classes, classNames }, words, lang } = this, { models, backbone } = words[lang], own = models[choice.model];
    if (choice.model !== OWN) return own;
    return { ...own, label: fill(own.label, { size: spec.name, classes: classes ? classesOf(classes, classNames, this.books.classes).title : backbone }) };
  }

  get untrained() {
    return !["everyday", "colour", OWN].includes(this.shown.choice.model);
  }

  // Whether the image looks like none that the model was trained on.
  get unlike() {
    return Boolean(this.shown?.far.some((distance, n) => distance > this.about.far[n]));
  }

  // The picture's name.
  get named() {
    const { choice: { sample } } = this.shown, { samples } = this.words[this.lang];
    return sample === OWN ? (this.own.name ?? this.ui.own_picture) : samples[sample].name;
  }

  // What the presenter says at the foot of the screen.
  get lines() {
    const { warned } = this.words[this.lang], said = ["random", "unlike"].filter((name) => (name === "random" ? this.untrained : this.unlike));
    return [this.model.name, ...said.map((name) => warned[name]), this.named];
  }

  // What to know before one reads the door's map.
  get caution() {
    const { cautions } = this.words[this.lang], { sample, model } = this.shown.choice;
    if (this.untrained) return cautions.random;
    return model === "everyday" && sample === OWN && !this.unlike ? cautions.few : "";
  }

  // What a page says of such a run.
  bookOf(page) {
    const { lang, shown: { choice, spec, classes, classNames, sizes }, untrained } = this;
    if (page === "basics") return this.words[lang].basics;
    return bookFor(this.books, { page, model: choice.model, spec, classes, classNames, untrained, sizes });
  }

  // ------------------------------------------------------------ the address

  get spoken() {
    const at = location.hash.slice(1) || this.about.at, [name] = at.split("?");
    return Object.hasOwn(PAGES, name) ? { name, page: name, said: new URLSearchParams(at.split("?")[1]) } : { name, page: "door", said: new URLSearchParams() };
  }

  // Whether there is such a "sample" or "model".
  has(kind, name) {
    if (name === OWN) return Boolean(kind === "sample" ? this.own : this.checkpoint);
    return this.about[`${kind}s`].includes(name);
  }

  // The image and the model that an address asks for, as far as they are here.
  asksFor(said) {
    return Object.fromEntries(["sample", "model"].flatMap((kind) => (this.has(kind, said.get(kind)) ? [[kind, said.get(kind)]] : [])));
  }

  // A link was followed, or an address typed.
  arrive() {
    const { name, page, said } = this.spoken, choice = { ...this.choice, ...this.asksFor(said) };
    if (this.isElsewhere(name)) return this.refer(name);
    this.turnTo(page, said);
    if (this.about.langs.includes(said.get("lang"))) this.lang = said.get("lang");
    if (choice.sample === this.choice.sample && choice.model === this.choice.model) this.draw();
    else this.run(choice);
  }

  // What the choices are called in addresses.
  get link() {
    return { ...this.choice, size: null, grid: null };
  }

  // ------------------------------------------------------------ pages

  // Open a page; `said` is what its address asks for.
  turnTo(page, said) {
    this.leave();
    Object.assign(this, { page, asked: Object.fromEntries(said) });
    this.find(".absent").hidden = true;
    const block = Number(this.asked.block);
    if (page !== "door" && block >= 1 && block <= 4) this.block = block - 1;
    const at = new URL(location.href);
    at.hash = `${page}?${new URLSearchParams(this.asked)}`;
    history.replaceState(history.state, "", at);
    this.root.dataset.page = page;
  }

  go(page, said = {}) {
    this.turnTo(page, new URLSearchParams(Object.entries(said).filter(([, value]) => value !== null && value !== undefined)));
    scrollTo(0, 0);
    this.draw();
  }

  leave() {
    const { view } = this;
    if (view?.untold) view.tell();
    view?.close?.();
    this.view = null;
    this.find("main").replaceChildren();
  }

  // Whether only the app has the page.
  isElsewhere(name) {
    return Object.hasOwn(this.words[this.lang].elsewhere, name);
  }

  // It is said, with the command that gives it.
  refer(name) {
    const box = this.find(".absent");
    say(this.find, { ".absent p": fill(this.ui.absent, { page: this.words[this.lang].elsewhere[name] }), ".absent .command": this.about.command, ".absent button": this.ui.close });
    box.querySelector("button").onclick = () => (box.hidden = true);
    box.hidden = false;
    box.scrollIntoView({ block: "nearest", behavior: motion() });
    if (this.view) this.view.leaving = false; // the lesson asks nothing while it is left
    history.replaceState(history.state, "", `#${this.page}`);
  }

  async draw() {
    const { page, shown, lang } = this;
    document.documentElement.lang = lang;
    const books = await booksOf(lang); // all that is said of runs in the language
    if (lang !== this.lang) return;
    this.books = books;
    this.top.draw();
    if (!shown) return;
    const message = await PAGES[page].told(this, this.bookOf(page), this.asked);
    if (page !== this.page || shown !== this.shown || lang !== this.lang) return; // by now something else is to be shown
    if (!this.view) {
      const host = element("div", {}), root = host.attachShadow({ mode: "open" });
      for (const name of ["canvas", `page-${page}`]) root.append(document.getElementById(name).content.cloneNode(true));
      this.find("main").replaceChildren(host);
      this.view = new PAGES[page].view(root);
      this.view.ask = (what, value) => PAGES[page].heard[what](this, value);
    }
    this.asked = {};
    this.view.show(message);
  }

  speak(lang) {
    this.lang = lang;
    return this.draw();
  }

  // ------------------------------------------------------------ a picture through a model

  async run(choice) {
    this.top.close();
    Object.assign(this, { choice, problem: null });
    this.state("running");
    this.top.draw();
    try {
      const [blob, name] = await this.fileOf(choice.sample), picture = await decodeImage(blob), model = choice.model === OWN ? `own ${this.checkpoint.number}` : choice.model;
      if (choice !== this.choice) return false; // another was chosen meanwhile
      const made = await this.working("run", { name: `${name}/${model}`, picture, model: choice.model }, [picture.image]);
      this.shown = { ...made, name: `${name}/${model}`, choice, run: new Run([made.run]), removals: {}, differences: null };
      this.state("ready");
      await this.draw();
      return true;
    } catch (problem) {
      if (choice !== this.choice) return false;
      this.choice = this.shown?.choice ?? choice; // the last good one stays
      this.complain(problem);
      return false;
    }
  }

  async fileOf(sample) {
    if (sample !== OWN) return [new Blob([await part(`sample-${sample}`)]), sample];
    return [(this.own.blob ??= new Blob([await part("picture")])), `own ${this.own.number}`];
  }

  // A file that was brought: a checkpoint, or else a picture; whether it is on show.
  async take(file) {
    if (/\.(safetensors|pth?|ckpt|bin)$/i.test(file.name ?? "")) return this.takeCheckpoint(file);
    const before = this.own;
    this.own = { blob: file, name: null, number: ++this.brought };
    const good = await this.run({ ...this.choice, sample: OWN });
    if (!good && this.own.blob === file) this.own = before;
    this.top.draw();
    return good;
  }

  async takeCheckpoint(file) {
    this.top.close();
    try {
      const bytes = await file.arrayBuffer();
      this.checkpoint = { ...(await this.working("checkpoint", { bytes, name: file.name })), number: ++this.brought };
    } catch (problem) {
      this.complain(problem);
      return false;
    }
    return this.run({ ...this.choice, model: OWN });
  }

  // What the engine makes; while that takes long, it is said.
  async working(does, what, handedOver = []) {
    const said = this.find(".working"), bar = said.querySelector("progress"), late = setTimeout(() => (said.hidden = false), LATE);
    const now = (this.now = {});
    bar.removeAttribute("value");
    try {
      return await this.engine.ask(does, what, handedOver, (share) => (bar.value = share));
    } finally {
      clearTimeout(late);
      if (now === this.now) said.hidden = true;
    }
  }

  // What follows from the run on show; undefined where another has come meanwhile. `quietly`: nobody waits for it.
  async further(does, what = {}, quietly = false) {
    const { shown } = this, asked = { name: shown.name, ...what };
    const result = await (quietly ? this.engine.ask(does, asked) : this.working(does, asked));
    return shown === this.shown ? result : undefined;
  }

  state(state) {
    Object.assign(this.root.dataset, { state, ...(this.shown && { engine: this.shown.engine }) });
    this.find("main").ariaBusy = String(state === "running" && Boolean(this.shown));
  }

  complain(problem) {
    const { reason, values } = problem;
    this.problem = () => (reason ? refused(this.words[this.lang].refusals, reason, values) : this.ui.failed);
    if (!reason) console.error(problem);
    this.state(this.shown ? "ready" : "error");
    this.top.draw();
  }
}

// The books of a language, read once.
const booksRead = new Map();

function booksOf(lang) {
  if (!booksRead.has(lang)) booksRead.set(lang, textOf(`books-${lang}.gz`).then(JSON.parse));
  return booksRead.get(lang);
}

// Why a file is refused: the sentence of that name, in whose places may stand others (network/refusals.js).
function refused(sentences, reason, values) {
  const others = {
    kind: (name) => sentences[`KINDS.${name}`],
    what: (name) => sentences[name],
    told: (all) => all.map(([name, own]) => fill(sentences[`MISFITS.${name}`], own)).join(sentences.and),
    convert: (name) => sentences[name],
  };
  return fill(sentences[reason], Object.fromEntries(Object.entries({ convert: "TO_CONVERT", ...values }).map(([name, value]) => [name, others[name]?.(value) ?? value])));
}
