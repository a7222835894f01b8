// What the explorer says, in the words and the language of its payload.

class Words {
  constructor(lang, { ui, headNames, grid }) {
    Object.assign(this, { ui, headNames, grid, space: lang === "zh" ? "" : " " }); // between sentences
  }

  say(name, values = {}) {
    return fill(this.ui[name], values);
  }

  // How it is said to whoever is here: with a mouse, or with fingers alone.
  doing(name) {
    return (matchMedia("(hover: none)").matches && this.ui[`${name}_touch`]) || this.ui[name];
  }

  token(i) {
    return tokenName(this.ui, i, this.grid);
  }

  // One token or a region. `short`: for titles, which stay on one line lest the maps below them jump.
  tokens(asking, short = false) {
    const [first, last] = [asking[0], asking.at(-1)], [, columns] = this.grid, from = (of) => `${of(first)}–${of(last)}`;
    if (asking.length === 1) return short ? this.say("token_short", { i: first + 1 }) : this.token(first);
    const row = from((p) => Math.floor(p / columns) + 1), column = from((p) => (p % columns) + 1);
    return this.say(short ? "region_short" : "region", { n: asking.length, row, column });
  }

  head(head) {
    if (head === "mean") return this.ui.mean;
    return this.say(this.headNames ? "head_named" : "head_n", { n: head + 1, name: this.headNames?.[head] });
  }

  // What a colour scale is, and `whose`; `high`: the maximum of the map at hand.
  scale(state, whose, high) {
    return this.say(`legend_${colourIn(state)}`, { whose: this.say(whose, { high: number(high) }) });
  }

  block(b) {
    return this.say("block_n", { n: b + 1 });
  }

  // What a view can be compared with, as the address says it.
  other(name, pinned) {
    const [kind, which] = name?.split("-") ?? [];
    if (!kind) return this.ui.nothing;
    if (kind === "query") return pinned === null ? this.ui.this_token : this.say("pinned", { token: this.token(pinned) });
    return kind === "head" ? this.head(which === "mean" ? which : which - 1) : this.block(which - 1);
  }
}
