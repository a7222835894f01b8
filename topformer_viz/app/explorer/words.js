// What the explorer says, in the words and the language of its payload.

class Words {
  constructor(lang, { ui, headNames, grid: [, columns] }) {
    Object.assign(this, { ui, headNames, columns, space: lang === "zh" ? "" : " " }); // between sentences
  }

  say(name, values = {}) {
    return this.ui[name].replace(/\{(\w+)\}/g, (_, place) => values[place]);
  }

  pixel(i) {
    return this.say("pixel", { i: i + 1, r: Math.floor(i / this.columns) + 1, c: (i % this.columns) + 1 });
  }

  // One pixel or a region. `short`: for titles, which stay on one line lest the pictures below them jump.
  pixels(asking, short = false) {
    const [first, last] = [asking[0], asking.at(-1)], from = (of) => `${of(first)}–${of(last)}`;
    if (asking.length === 1) return short ? this.say("pixel_short", { i: first + 1 }) : this.pixel(first);
    const row = from((p) => Math.floor(p / this.columns) + 1), column = from((p) => (p % this.columns) + 1);
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
    if (kind === "query") return pinned === null ? this.ui.this_pixel : this.say("pinned", { pixel: this.pixel(pinned) });
    return kind === "head" ? this.head(which === "mean" ? which : which - 1) : this.block(which - 1);
  }
}
