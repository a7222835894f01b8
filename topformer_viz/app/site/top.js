// What stands around every page: the pages, the choices of image, model and language, what ran, and the terms.

class Top {
  constructor(site) {
    this.site = site;
    this.find = site.find;
    addEventListener("pointerdown", (event) => this.close((menu) => !event.composedPath().includes(menu)));
    addEventListener("keydown", (event) => {
      const menu = event.key === "Escape" && this.find(".menu[open]");
      if (!menu) return;
      menu.querySelector("summary").focus();
      this.close();
    });
  }

  close(which = () => true) {
    for (const menu of this.site.root.querySelectorAll(".menu[open]")) if (which(menu)) menu.open = false;
  }

  // Open the choice of image, as the door's button asks.
  openPictures() {
    const menu = this.find(".menu.pictures");
    menu.open = true;
    menu.querySelector("summary").focus();
    scrollTo({ top: 0, behavior: motion() });
  }

  draw() {
    const { site, find } = this, { ui, words, lang, choice, page } = site, { samples, models, pages } = words[lang];
    document.title = page === "door" ? ui.title : `${pages[page]} · ${ui.title}`;
    const link = (name, textContent) => element("a", { href: `#${name}`, textContent, ariaCurrent: name === page ? "page" : null });
    find(".pages").replaceChildren(...Object.entries(pages).map(([name, text]) => link(name, text)));
    const picture = choice.sample === OWN ? (site.own.name ?? ui.own) : samples[choice.sample].name, chosen = (what, value) => fill(ui.chosen, { what, value });
    say(find, {
      ".brand": ui.title, ".pictures summary": chosen(ui.picture, picture), ".models summary": chosen(ui.model, models[choice.model].short),
      ".of-samples": ui.samples, ".of-own": ui.upload, ".of-checkpoint": ui.open_model, ".pictures .choose": ui.choose_file, ".models .choose": ui.choose_file,
      ".shoot .take": ui.camera_label, ".film": ui.camera, ".no-camera": ui.no_camera, ".drop-help": ui.drop_help, ".checkpoint-help": ui.checkpoint_help,
      ".credit": choice.sample === OWN ? (site.about.picture?.credit ?? "") : samples[choice.sample].credit, ".dropping": ui.drop, ".working span": ui.running,
      ".more summary": ui.more, ".more-words": ui.more_words, ".more .command": site.about.command, ".camera .take": ui.take, ".camera .close": ui.close, "footer .about": ui.about, ".terms summary": ui.terms,
    });
    const button = (value, textContent, on, onclick, kind) => element("button", { type: "button", textContent, onclick, [kind]: String(on) });
    this.fill(".samples", Object.keys(samples).filter((name) => site.has("sample", name)).map((name) => button(name, samples[name].name, name === choice.sample, () => site.run({ ...choice, sample: name }), "ariaPressed")));
    this.fill(".choices", Object.keys(models).filter((name) => site.has("model", name)).map((name) => button(name, models[name].name, name === choice.model, () => site.run({ ...choice, model: name }), "ariaPressed")));
    const langs = site.about.langs.length > 1 ? site.about.langs : [];
    this.fill(".langs", langs.map((code) => button(code, words[code].name, code === lang, () => site.speak(code), "ariaPressed")));
    find(".langs").ariaLabel = ui.language;
    this.drawSubject();
  }

  // The buttons are new, the focus stays.
  fill(selector, buttons) {
    const box = this.find(selector), focused = [...box.children].indexOf(document.activeElement);
    box.replaceChildren(...buttons);
    box.children[focused]?.focus();
  }

  drawSubject() {
    const { site, find } = this, { ui, shown, problem } = site;
    say(find, { ".problem": problem?.() ?? "" });
    find(".problem").hidden = !problem;
    const warned = [...site.gone.map((name) => ui[`gone_${name}`]), ...(site.unlike ? [ui.unlike] : [])];
    say(find, { ".warned": warned.join(site.space) });
    const said = shown ? { named: fill(ui.named, { name: site.model.name }), "model-words": site.model.label, "run-line": this.ran() } : {};
    for (const [name, textContent] of Object.entries(said)) for (const place of site.root.querySelectorAll(`.${name}`)) Object.assign(place, { textContent }); // on a wide screen and on a narrow one
    find(".warned").hidden = !warned.length;
  }

  // What ran, on how many image pixels, and how long it took.
  ran() {
    const { ui, shown: { from, run, seconds, engine } } = this.site, { width, height } = run.photo, [rows, columns] = run.grid;
    const size = fill(ui.resized, { w0: from[0], h0: from[1], w: width, h: height, rows, columns });
    const device = ui[engine], ran = fill(ui.ran, { device, ms: Math.round(1000 * seconds) });
    return [size, ran, ...(Math.min(width, height) < 512 ? [fill(ui.shortened, { side: Math.min(width, height), tokens: 512 })] : [])].join(" · ");
  }
}
