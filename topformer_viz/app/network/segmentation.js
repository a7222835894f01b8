// The segmentation over the image: opacity, one class alone, where it is unsure, and what lies under the pointer; below it what the
// network would say after each block.

class Segmentation {
  constructor(network) {
    this.network = network;
    this.opacity = 0.55;
  }

  // What another image does not keep.
  reset() {
    this.alone = undefined; // the class that is shown alone
    this.unsure = false;
  }

  get net() {
    return this.network.net;
  }

  view() {
    const { net } = this, { ui } = net;
    const seen = net.legend.filter((c) => c.share >= 0.005).map((c) => `${c.name} ${percent(c.share)}`);
    const ariaLabel = [this.network.byName.segmentation.title, ...seen, ui.arrows].join(" · ");
    this.canvas = element("canvas", { className: "view frame", tabIndex: 0, role: "img", ariaLabel });
    this.canvas.onpointermove = this.canvas.onpointerdown = (event) => this.tell(pixelUnder(event, this.canvas, net.labels), event);
    this.canvas.onpointerleave = () => this.network.leave();
    this.canvas.onkeydown = (event) => this.step(event);
    const opacity = element("input", { type: "range", min: 0, max: 1, step: 0.01, value: this.opacity });
    opacity.oninput = () => ((this.opacity = Number(opacity.value)), this.paint());
    const unsure = element("input", { type: "checkbox", checked: this.unsure });
    unsure.onchange = () => ((this.unsure = unsure.checked), this.paint());
    const controls = element("div", { className: "controls" }, element("label", {}, ui.opacity, opacity), element("label", {}, unsure, ui.unsure));
    const right = element("div", {}, this.legend());
    for (const [title, ...sentences] of net.owed) right.append(element("h3", { textContent: title }), ...sentences.map((s) => element("p", { className: "owed", textContent: s })));
    this.lens = new Lens({ ui, labels: net.tensor("lens"), classes: net.legend, named: net.classes, changes: net.lens, say: (text, event) => this.network.say(text, event), leave: () => this.network.leave() });
    requestAnimationFrame(() => this.paint());
    this.lens.paint(this.network.photo.grey, this.alone);
    const lens = [element("h3", { textContent: ui.lens }), element("p", { className: "lens-note", textContent: ui.lens_note }), this.lens.row];
    return [element("div", { className: "viewer" }, element("div", {}, this.canvas, controls), right), ...lens];
  }

  legend() {
    const { net } = this, { ui } = net, table = element("table", { className: "keys" }), rated = net.legend.some((c) => c.iou !== null);
    const head = [ui.class, ui.share, ...(rated ? [ui.iou] : [])].map((t) => `<th scope="col">${t}</th>`).join("");
    table.innerHTML = `<caption>${fill(ui.legend, { set: escaped(net.set) })}${rated ? ui.iou_words : ""}</caption><thead><tr>${head}</tr></thead><tbody></tbody>`;
    const present = net.legend.map((entry, i) => [entry, i]).filter(([entry]) => entry.share > 0).slice(0, 20);
    for (const [entry, i] of present) {
      const swatch = element("span", { className: "swatch", style: `background: ${entry.colour}` });
      const button = element("button", { type: "button", ariaPressed: String(this.alone === i) }, swatch, entry.name);
      button.onclick = () => {
        this.alone = this.alone === i ? undefined : i;
        for (const other of table.querySelectorAll("button")) other.ariaPressed = "false";
        button.ariaPressed = String(this.alone === i);
        this.paint();
        this.lens.paint(this.network.photo.grey, this.alone);
      };
      const row = element("tr", {}, element("td", {}, button), element("td", { textContent: percent(entry.share) }));
      if (rated) row.append(element("td", { textContent: entry.iou === null ? "–" : entry.iou.toFixed(2) }));
      table.tBodies[0].append(row);
    }
    return table;
  }

  paint() {
    const { net, canvas } = this, ratio = net.photo.height / net.photo.width, photo = this.network.photo.image;
    if (!canvas?.isConnected) return;
    const w = Math.min(canvas.parentElement.clientWidth, 560 / ratio), dots = window.devicePixelRatio || 1;
    Object.assign(canvas, { width: w * dots, height: w * ratio * dots });
    canvas.style.width = `${w}px`;
    const context = canvas.getContext("2d");
    if (photo.complete && photo.naturalWidth) context.drawImage(photo, 0, 0, canvas.width, canvas.height);
    context.globalAlpha = this.opacity;
    const only = this.alone === undefined ? undefined : (p) => net.labels.data[p] === this.alone;
    context.drawImage(painted(net.legend, net.labels, 1, only), 0, 0, canvas.width, canvas.height);
    context.globalAlpha = 1;
    if (this.unsure) context.drawImage(hatched(net, only), 0, 0, canvas.width, canvas.height);
  }

  tell(p, event) {
    if (p === undefined) return;
    const { net } = this, { name } = net.legend[net.labels.data[p]];
    this.at = p;
    this.network.say(fill(net.ui.here, { name, sure: percent(net.sure.data[p] / 255) }), event);
  }

  // With the keyboard: arrows move a point over the segmentation.
  step(event) {
    const p = pixelBeside(event, this.net.labels, this.at);
    if (p === undefined) return;
    this.paint();
    this.tell(p, ringed(this.canvas, this.net.labels, p));
  }
}

// Stripes where confidence is below a half.
function hatched({ labels, sure }, only) {
  const [, h, w] = labels.shape, stripe = (p) => ((Math.floor(p / w) + (p % w)) % 6 < 3 ? rgba(0, 0, 0, 235) : rgba(255, 255, 255, 235));
  return fillPixels(new OffscreenCanvas(w, h), (p) => (sure.data[p] < 128 && (!only || only(p)) ? stripe(p) : 0));
}

const percent = (share) => (share > 0 && share < 0.005 ? "< 1%" : `${Math.round(100 * share)}%`);
const escaped = (text) => element("span", { textContent: text }).innerHTML;
