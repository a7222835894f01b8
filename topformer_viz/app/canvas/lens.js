// What the network would say if it stopped before its blocks or after one of them: small maps of classes in a row, and under each
// what changed from the one before. A point on one of them is marked on all.

class Lens {
  // `labels` (stops, Y, X) hold places in `classes`; `changes` speak of those in `named`, and are said of every block, or of `block`
  // alone, from 1, whose map is marked then. say(words, event) and leave() are the page's.
  constructor({ ui, labels, classes, named, changes, block, say, leave }) {
    const [stops, h, w] = labels.shape, plane = h * w;
    Object.assign(this, { ui, classes, named, changes, block, say, leave });
    this.maps = countTo(stops).map((n) => ({ shape: [1, h, w], data: labels.data.subarray(n * plane, (n + 1) * plane) }));
    this.canvases = this.maps.map((map, n) => this.canvas(map, n));
    this.row = element("div", { className: "lens" }, ...this.canvases.map((canvas, n) => this.figure(canvas, n)));
  }

  title(n) {
    return n ? fill(this.ui.lens_after, { n }) : this.ui.lens_before;
  }

  canvas(map, n) {
    const [, height, width] = map.shape, ariaLabel = `${this.title(n)} · ${this.ui.arrows}`;
    const canvas = element("canvas", { width, height, className: "frame", tabIndex: 0, role: "img", ariaLabel });
    canvas.onpointermove = canvas.onpointerdown = (event) => this.point(n, pixelUnder(event, canvas, map), event);
    canvas.onkeydown = (event) => this.point(n, pixelBeside(event, map, this.at));
    canvas.onpointerleave = canvas.onblur = () => {
      this.mark();
      this.leave();
    };
    return canvas;
  }

  figure(canvas, n) {
    const { width, height } = canvas, style = `max-width: ${Math.min(300, (300 * width) / height)}px`;
    const made = element("figure", { style, className: n === this.block ? "current" : "" }, element("figcaption", { textContent: this.title(n) }), canvas);
    if (n && (!this.block || n === this.block)) made.append(this.change(this.changes[n - 1]));
    return made;
  }

  change({ share, classes, others }) {
    const { ui, named } = this, percent = (part) => written(part, ".1%"), list = element("ul", {});
    for (const { class: c, before, after } of classes) {
      const { name, colour } = named[c], swatch = element("span", { className: "swatch", style: `background: ${colour}` });
      list.append(element("li", {}, swatch, fill(ui.lens_class, { name, before: percent(before), after: percent(after) })));
    }
    if (others) list.append(element("li", { textContent: fill(ui.lens_others, { most: percent(others) }) }));
    return element("div", { className: "change" }, element("p", { textContent: fill(ui.lens_changed, { share: percent(share) }) }), list);
  }

  // On the image in `grey`, where it is there by now; `alone` is the one class that is shown, if it is one.
  paint(grey, alone) {
    const only = ({ data }) => alone !== undefined && ((p) => data[p] === alone);
    Object.assign(this, { grey, layers: this.maps.map((map) => painted(this.classes, map, 0.75, only(map))) });
    this.mark();
  }

  // With a ring around an image pixel of all maps, or without; where on the screen those are.
  mark(p) {
    return this.canvases.map((canvas, n) => {
      const context = canvas.getContext("2d"), { width, height } = canvas;
      context.clearRect(0, 0, width, height);
      if (this.grey) context.drawImage(this.grey, 0, 0, width, height);
      context.drawImage(this.layers[n], 0, 0);
      return p === undefined ? null : ringed(canvas, this.maps[n], p);
    });
  }

  // What the n-th map says at an image pixel, and what the one before it said there.
  point(n, p, event) {
    if (p === undefined) return;
    this.at = p;
    const places = this.mark(p), [before, now] = [this.maps[n - 1], this.maps[n]].map((map) => map && this.classes[map.data[p]].name);
    this.say(before && before !== now ? `${before} → ${now}` : now, event ?? places[n]);
  }
}
