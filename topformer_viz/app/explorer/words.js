// What the explorer says, in the words and the language of its payload.

class Words {
  constructor(lang, { ui, headNames, grid }) {
    Object.assign(this, { ui, headNames, grid, space: lang === "zh" ? "" : " " }); // between sentences
  }

  say(name, values = {}) {
    return fill(this.ui[name], values);
  }

  token(i) {
    return tokenName(this.ui, i, this.grid);
  }

  // One token or a region. `short`: for titles, which stay on one line lest the pictures below them jump.
  tokens(asking, short = false) {
    const [first, last] = [asking[0], asking.at(-1)], [, columns] = this.grid, from = (of) => `${of(first)}–${of(last)}`;
    if (asking.length === 1) return short ? this.say("token_short", { i: first + 1 }) : this.token(first);
    const row = from((p) => Math.floor(p / columns) + 1), column = from((p) => (p % columns) + 1);
    return this.say(short ? "region_short" : "region", { n: asking.length, row, column });
  }

  head(head) {
    const own = this.headNames?.[head];
    return head === "mean" ? this.ui.mean : this.say("head_n", { n: head + 1 }) + (own ? ` (${own})` : "");
  }

  block(b) {
    return this.say("block_n", { n: b + 1 });
  }

  // What a view can be laid beside, as the address says it.
  other(name, pinned) {
    const [kind, which] = name?.split("-") ?? [];
    if (!kind) return this.ui.nothing;
    if (kind === "query") return pinned === null ? this.ui.this_token : this.say("pinned", { token: this.token(pinned) });
    return kind === "head" ? this.head(which === "mean" ? which : which - 1) : this.block(which - 1);
  }
}
