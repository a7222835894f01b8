// The bar's two dialogs: a figure, or more, as a file; and the link to this view with its QR code.
// The address bar holds the view on show: it goes along with every wish, and the server (saving.py) draws what it says, and tells
// where it is to be had; until its turn has come it says the place in line.

// Names by which a machine means itself: no other gets anywhere with them.
const LOOPBACK = /^(localhost|.+\.localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

class Saving {
  constructor(root) {
    this.root = root;
    this.files = []; // asked for while another was on its way
    this.find = (selector) => root.querySelector(selector);
    this.find(".open-save").onclick = () => this.open();
    this.find(".open-share").onclick = () => this.share();
    for (const dialog of root.querySelectorAll("dialog")) {
      dialog.querySelector(".close").onclick = () => dialog.close();
      dialog.onkeydown = (event) => event.stopPropagation();
      // A press and a release beside it close it; its own padding is not beside it.
      const beside = ({ target, clientX: x, clientY: y }, box = dialog.getBoundingClientRect()) => target === dialog && (x < box.left || x > box.right || y < box.top || y > box.bottom);
      let pressed = false;
      dialog.addEventListener("pointerdown", (event) => (pressed = beside(event)));
      dialog.addEventListener("click", (event) => pressed && beside(event) && dialog.close());
    }
    this.find(".choices").onchange = () => this.preview();
    this.find(".choices .strong").onclick = () => this.wish({ kind: "figure", ...this.look() });
    this.find(".link").oninput = () => this.code();
    this.find(".copy").onclick = () => this.copy();
    // The pages' own keys (arrows, digits) do nothing while a dialog is open, not even with the focus on nothing.
    this.hush = (event) => {
      const open = root.querySelector("dialog[open]");
      if (open && !event.composedPath().includes(open)) event.stopImmediatePropagation();
    };
    window.addEventListener("keydown", this.hush, true);
    this.wait = ({ detail }) => {
      if (!this.asked) return;
      this.asked.at = performance.now(); // it is not lost
      this.say(detail || this.asked.said, true);
    };
    window.addEventListener("topformer-line", this.wait);
  }

  close() {
    window.removeEventListener("keydown", this.hush, true);
    window.removeEventListener("topformer-line", this.wait);
  }

  show({ book, ...message }) {
    const data = { ...book, ...message }, { ui } = data;
    this.data = data;
    this.find(".saving").lang = data.lang;
    say(this.find, {
      ".open-save": ui.save, ".open-share": ui.share, "#save-title": data.offers.length ? ui.save_title : ui.save, "#share-title": ui.share_title,
      ".figure-field span": ui.figure, ".choices .strong": ui.save_figure, ".tick span": ui.words, ".more .about": data.about,
      ".share .field span": ui.link, ".share .copy": ui.copy,
    });
    for (const button of this.root.querySelectorAll(".close")) Object.assign(button, { textContent: "✕", ariaLabel: ui.close, title: ui.close });
    this.find(".paper img").alt = ui.preview;
    this.find(".sides").hidden = !data.offers.length; // a page of words and tables
    for (const [name, options] of Object.entries(data.options)) this.radios(name, ui[name], options);
    const choices = JSON.stringify([data.offers, data.bundles]);
    if (choices !== this.choices) this.offer(); // else as they are: the focus stays where it was
    this.choices = choices;
    if (data.answer) this.answer(data.answer);
  }

  offer() {
    const { offers, bundles } = this.data, select = this.find(".figure"), chosen = select.value;
    select.replaceChildren(...offers.map(({ name, title }) => element("option", { value: name, textContent: title })));
    if (offers.some(({ name }) => name === chosen)) select.value = chosen;
    this.find(".bundles").replaceChildren(
      ...bundles.map(({ name, title }) => element("button", { type: "button", textContent: title, onclick: () => this.wish({ kind: name, ...this.look() }) })),
    );
  }

  radios(name, label, options) {
    const box = this.find(`.${name}`), checked = box.querySelector("input:checked")?.value ?? this.data.checked[name];
    box.querySelector("legend").textContent = label;
    if (box.dataset.lang === this.data.lang) return; // as they are: the focus stays where it was
    box.dataset.lang = this.data.lang;
    box.querySelector("div").replaceChildren(
      ...options.map(([value, textContent]) =>
        element("label", {}, element("input", { type: "radio", name, value, checked: value === checked }), element("span", { textContent })),
      ),
    );
  }

  look() {
    const chosen = (name) => this.find(`.${name} input:checked`).value;
    const options = Object.fromEntries(Object.keys(this.data.options).map((name) => [name, chosen(name)]));
    return { figure: this.find(".figure").value, ...options, bare: !this.find(".words").checked };
  }

  // One wish at a time is on its way. Of previews that are asked for meanwhile the last is sent next; every file has its turn.
  wish(wish) {
    const shown = wish.kind === "preview" || wish.kind === "code";
    if (this.asked && performance.now() - this.asked.at < 60_000) {
      if (shown) this.next = wish;
      else this.files.push(wish);
      return;
    }
    const id = `${Date.now()}-${Math.random()}`, { drawing, writing } = this.data.ui;
    this.asked = { id, at: performance.now(), said: wish.kind === "preview" ? drawing : writing };
    if (wish.kind !== "code") this.say(this.asked.said, true);
    this.ask("wish", { ...wish, id, page: location.pathname, view: Object.fromEntries(new URLSearchParams(location.search)) });
  }

  preview() {
    this.wish({ kind: "preview", ...this.look() });
  }

  answer(answer) {
    if (answer.id !== this.asked?.id) return; // an old payload, sent again with a rerun
    this.asked = null;
    const { ui } = this.data;
    const code = answer.kind === "code", said = this.find(".share .said");
    if (code) said.textContent = answer.problem ?? "";
    if (answer.problem && code) this.find(".share .code").replaceChildren();
    else if (answer.problem) this.say(answer.problem);
    else if (code) this.find(".share .code").replaceChildren(...new DOMParser().parseFromString(answer.svg, "text/html").body.children);
    else if (answer.kind === "preview") {
      this.find(".paper img").src = answer.at;
      this.say(answer.size);
    } else {
      element("a", { href: answer.at, download: answer.name }).click();
      this.say(fill(ui.saved, { name: answer.name, size: (answer.bytes / 1e6).toFixed(2) }));
    }
    const next = this.files.shift() ?? this.next;
    if (next === this.next) this.next = null;
    if (next) this.wish(next);
  }

  say(words, busy = false) {
    this.find(".save > .said").textContent = words;
    this.find(".save").setAttribute("aria-busy", String(busy));
    this.find(".save progress").hidden = !busy;
  }

  open() {
    this.find(".save").showModal();
    if (this.data.offers.length) this.preview();
  }

  share() {
    const here = new URL(location.href);
    if (LOOPBACK.test(here.hostname) && this.data.host) here.hostname = this.data.host; // others cannot reach this machine under its name for itself
    this.find(".link").value = here.href;
    this.find(".share .said").textContent = "";
    this.find(".share .code").setAttribute("aria-label", this.data.ui.code);
    this.find(".share").showModal();
    this.code();
  }

  // The code before goes at once: it is of another address. Of one that works here alone there is none.
  code() {
    const { ui, command, travels } = this.data, link = this.find(".link").value, code = this.find(".share .code");
    const alone = URL.canParse(link) && LOOPBACK.test(new URL(link).hostname), [before, after] = ui.alone.split("{command}");
    const said = alone ? [before, element("code", { textContent: command }), after] : [ui.hint];
    this.find(".share .note").replaceChildren(...said, travels ? "" : ` ${ui.upload_stays}`);
    code.hidden = alone;
    code.replaceChildren();
    if (!alone) this.wish({ kind: "code", link });
  }

  async copy() {
    const link = this.find(".link"), { ui } = this.data, copied = await copy(link.value);
    this.find(".share .said").textContent = copied ? ui.copied : byHand(ui);
    if (!copied) select(link);
  }
}

export default mount(Saving);
