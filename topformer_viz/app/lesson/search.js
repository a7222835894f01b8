// The search: one field over the stages (title, formula, axes, the lines of code), the glossary and the parts of the lab,
// in both languages. It opens with its button or the key "/"; arrows go through what is found, Enter opens it.

const MOST_FOUND = 12;

class Search {
  constructor(view) {
    this.view = view;
    this.find = view.find;
    this.box = this.find(".search");
    this.field = this.box.querySelector("input");
    this.find("button.search-button").onclick = () => this.turn(this.box.hidden);
    this.field.oninput = () => this.draw();
    this.box.onkeydown = (event) => this.pressed(event);
    // On some keyboards "/" takes Shift, which isFree would not let through.
    this.key = (event) => {
      if (event.key !== "/" || event.altKey || event.ctrlKey || event.metaKey || event.defaultPrevented) return;
      if (this.view.presenter.on || event.composedPath()[0].closest?.(FIELDS)) return;
      event.preventDefault();
      this.turn(true);
    };
    document.addEventListener("keydown", this.key);
  }

  close() {
    document.removeEventListener("keydown", this.key);
  }

  turn(on) {
    this.box.hidden = !on;
    this.find("button.search-button").setAttribute("aria-expanded", String(on));
    if (!on) return this.find("button.search-button").focus();
    this.draw();
    this.field.focus();
    this.field.select();
  }

  // Keys within the box mean nothing to the lesson around it.
  pressed(event) {
    event.stopPropagation();
    const stops = [this.field, ...this.box.querySelectorAll(".found > *")], at = stops.indexOf(event.target);
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === "Escape") this.turn(false);
    else if (by) stops[within(at + by, stops.length)].focus();
    else if (event.key === "Enter" && at === 0 && !event.isComposing) stops[1]?.click();
    else return;
    event.preventDefault();
  }

  // Everything that can be found: {kind, title, said, words, open or address}; titles and what is said of them as HTML.
  get entries() {
    const { lesson } = this.view, { ui, search } = lesson, bare = (html) => {
      const box = element("div", { innerHTML: html });
      for (const tip of box.querySelectorAll(".tip")) tip.remove();
      for (const word of box.querySelectorAll("[tabindex]")) word.removeAttribute("tabindex");
      return box;
    };
    const stages = lesson.steps.map((step, n) => {
      const lines = element("div", { innerHTML: lesson.code[step.method] }).children, code = step.marked.map((line) => lines[line].textContent);
      const words = [step.stage, search.titles[step.stage], bare(step.formula).textContent, ...step.axes, ...code];
      return { kind: fill(ui.step, { at: n + 1, of: lesson.steps.length }), title: step.title, said: bare(step.formula).innerHTML, words: words.join(" "), open: () => this.view.go(step.stage) };
    });
    const glossary = search.glossary.map(({ title, said, also, anchor }) => ({ kind: ui.glossary, title, said, words: also, address: this.address("reference", {}, `#${anchor}`) }));
    const lab = search.lab.map(({ part, title, also }) => ({ kind: ui.lab, title, said: "", words: `${part} ${also}`, address: this.address("lab", { part, block: lesson.block }) }));
    return [...stages, ...glossary, ...lab];
  }

  address(page, asked, at = "") {
    const { link, lang } = this.view.lesson, known = Object.entries({ ...link, lang, ...asked }).filter(([, value]) => value !== null && value !== OWN);
    return pageAddress(page, known) + at;
  }

  // What has all the words asked for, those first that have them in their titles.
  get found() {
    const asked = this.field.value.toLowerCase().split(/\s+/).filter(Boolean), has = (words) => asked.every((word) => words.toLowerCase().includes(word));
    if (!asked.length) return [];
    const all = this.entries.filter(({ title, words }) => has(`${title} ${words}`));
    return [...all.filter(({ title }) => has(title)), ...all.filter(({ title }) => !has(title))].slice(0, MOST_FOUND);
  }

  draw() {
    const { ui, link } = this.view.lesson, { found } = this;
    say(this.find, { "button.search-button": ui.search, ".search .none": this.field.value.trim() && !found.length ? ui.nothing_found : "" });
    Object.assign(this.field, { placeholder: ui.search_for, ariaLabel: ui.search_for });
    // What is the visitor's own stays in this tab.
    const target = link.sample === OWN || link.model === OWN ? "_blank" : "_self";
    const items = found.map(({ kind, title, said, open, address }) => {
      const words = [["kind", kind], ["name", title], ["meaning", said]].map(([className, innerHTML]) => element("span", { className, innerHTML }));
      if (address) return element("a", { href: address, target }, ...words);
      return element("button", { type: "button", onclick: () => this.open(open) }, ...words);
    });
    this.box.querySelector(".found").replaceChildren(...items);
  }

  open(open) {
    this.box.hidden = true;
    this.find("button.search-button").setAttribute("aria-expanded", "false");
    open();
    this.find(".stage").focus({ preventScroll: true });
    this.find(".stage").scrollIntoView({ block: "start" });
  }
}
