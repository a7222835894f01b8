// Pictures (the image, maps, matrices) over one token grid, linked: the token pointed at and the one it is paired with are marked in each of
// them, and each says its value there.

const SHOWN_TERMS = 5; // tokens named in a weighted sum
const bytesOf = (colour) => Array.from(colour, (v) => Math.round(255 * Math.max(0, Math.min(1, v))));

class Linked {
  constructor(root) {
    this.box = root.querySelector(".panels");
    this.groups = root.querySelector(".groups");
    this.said = root.querySelector(".said");
    this.groups.onpointermove = (event) => event.pointerType === "mouse" && this.point(event);
    this.groups.onpointerleave = () => this.data && this.mark(...this.pinned);
    this.groups.onclick = (event) => this.point(event, true);
    this.groups.onkeydown = (event) => this.key(event);
  }

  async show(data) {
    this.data = data;
    const [H, W] = data.grid, latest = (this.latest = data);
    this.photo = await createImageBitmap(data.photo.blob);
    if (latest !== this.latest) return; // a newer payload came meanwhile
    const most = Math.max(...data.groups.map((group) => group.pictures.length));
    this.box.classList.toggle("several", most > 1);
    this.box.classList.toggle("single", most === 1);
    this.box.style.setProperty("--groups", data.groups.length);
    this.box.style.setProperty("--pictures", most);
    this.box.querySelector("h2").textContent = data.title;
    this.groups.setAttribute("aria-label", data.ui.keys);
    this.pictures = [];
    this.groups.replaceChildren(...data.groups.map((group) => this.group(group)));
    this.own ??= this.fromAddress() ?? this.fromPlace();
    if (this.own && Math.max(...this.own) >= H * W) this.own = null;
    this.write((this.own ?? []).map((token) => token + 1));
    this.mark(...this.pinned);
  }

  group({ title, note, pictures }) {
    const words = [element("h3", { textContent: title }), element("p", { className: "about", textContent: note })];
    return element("section", { className: "group" }, ...words, ...pictures.map((picture) => this.figure(picture)));
  }

  figure(picture) {
    const { kind, label, order, range, scale, step, tensors = {} } = picture, [H, W] = this.data.grid;
    const taken = Object.entries(tensors).map(([name, n]) => [name, this.data.tensors[n]]);
    const drawn = { ...picture, ...Object.fromEntries(taken), value: element("output") };
    const figure = element("figure", {}, element("figcaption", {}, element("span", { textContent: label }), drawn.value));
    figure.dataset.kind = kind;
    if (order) drawn.place = order.reduce((place, token, p) => ((place[token] = p), place), []);
    if (range) {
      const [low, high] = range;
      const colours = (drawn.colours = { root: rootScale(high), plain: scaleFor(range), signed: { low, high, table: DIVERGING } }[scale]);
      if (colours.low === colours.high) colours.table = colours.table.map(() => colourOf(colours, high)); // one value, one colour
    }
    if (kind === "terms") figure.append((drawn.list = element("ol", { className: "terms" })));
    else {
      const band = kind === "matrix" && { band: element("i", { className: "band" }) };
      const marks = { ...band, other: element("i", { className: "other" }), one: element("i") };
      Object.assign(drawn, marks, { canvas: element("canvas") });
      drawn.plane = element("div", { className: "plane", picture: drawn }, drawn.canvas, ...Object.values(marks));
      drawn.plane.style.aspectRatio = kind === "matrix" ? "1" : `${W} / ${H}`;
      figure.append(drawn.plane);
      const title = step > 1 ? fill(this.data.ui.averaged, { n: step }) : "";
      if (drawn.colours) figure.append(legend(element("div", { className: "bar", title }), drawn.colours));
      if (kind !== "row") this.paint(drawn);
    }
    this.pictures.push(drawn);
    return figure;
  }

  // ---- what is drawn

  paint(picture) {
    const { canvas, kind } = picture, [H, W] = this.data.grid;
    if (kind === "photo") return this.tiles(picture);
    const [rows, cols] = kind === "matrix" ? picture.tensor.shape : [H, W];
    Object.assign(canvas, { width: cols, height: rows });
    const { data } = picture.tensor, from = kind === "row" ? this.at[0] * H * W : 0;
    fillPixels(canvas, (p) => {
      if (kind === "colours") return rgba(...bytesOf(data.subarray(3 * p, 3 * p + 3)));
      return Number.isNaN(data[from + p]) ? 0 : colourOf(picture.colours, data[from + p]);
    });
    picture.plane.classList.toggle("smooth", kind === "matrix" && rows > 200);
  }

  tiles({ canvas, order, hidden }) {
    const [H, W] = this.data.grid, side = Math.max(8, Math.floor(480 / Math.max(H, W)));
    Object.assign(canvas, { width: side * W, height: side * H });
    const context = canvas.getContext("2d"), w = this.photo.width / W, h = this.photo.height / H;
    for (let p = 0; p < H * W; p++) {
      const token = order ? order[p] : p;
      if (hidden.includes(token)) continue;
      context.drawImage(this.photo, (token % W) * w, Math.floor(token / W) * h, w, h, (p % W) * side, Math.floor(p / W) * side, side, side);
    }
    context.strokeStyle = "#fff6";
    context.stroke(new Path2D(gridPath([H, W], 0, 0, canvas.width, canvas.height)));
  }

  // ---- where one points

  point(event, pin) {
    const plane = event.target.closest?.(".plane");
    if (!plane) return;
    const { kind, order, tensor, step } = plane.picture, [H, W] = this.data.grid;
    const token = (place) => (order ? order[place] : place), last = H * W - 1;
    let [i, j] = this.pinned;
    if (kind === "matrix") [i, j] = placeAt(event, plane, ...tensor.shape).map((at) => token(Math.min(last, at * step)));
    else {
      const [row, column] = placeAt(event, plane, H, W), at = token(row * W + column);
      if (kind === "row") j = at;
      else i = at;
    }
    if (pin) this.keep([i, j]);
    this.mark(i, j);
  }

  key(event) {
    if (!ARROWS[event.key] || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    const which = event.shiftKey ? 1 : 0;
    this.keep(this.pinned.with(which, neighbour(this.pinned[which], event.key, this.data.grid)));
    this.mark(...this.pinned);
  }

  // The two tokens marked while none is pointed at: the visitor's own choice, or those the picture starts with.
  get pinned() {
    return this.own ?? this.data.start;
  }

  // The visitor's choice stays, in the address too: there tokens count from 1.
  keep(pinned) {
    this.own = pinned;
    if (this.data.of) place(this.data.of, { token: pinned[0] });
    this.write(pinned.map((token) => token + 1));
  }

  write(tokens) {
    writeAddress(Object.fromEntries(this.data.kept.map((name, n) => [name, tokens[n] ?? null])));
  }

  fromAddress() {
    const link = addressed(), said = this.data.kept.map((name) => link.get(name) ?? "");
    return said.length && said.every((text) => /^[1-9]\d{0,6}$/.test(text)) ? said.map((text) => Number(text) - 1) : null;
  }

  // The token held on another page, with the partner that the picture starts with.
  fromPlace() {
    const { of, start } = this.data, { token } = of ? place(of) : {};
    return typeof token === "number" ? [token, start[1]] : null;
  }

  // ---- what is marked and said

  mark(i, j) {
    this.at = [i, j];
    Object.assign(this.box.dataset, { one: i, other: j });
    const { ui, grid } = this.data, [from, to] = this.at.map((p) => tokenName(ui, p, grid));
    this.said.textContent = fill(ui.reads, { i: from, j: to });
    for (const picture of this.pictures) {
      if (picture.kind === "terms") this.sum(picture, i);
      else this.marks(picture, i, j);
    }
  }

  marks(picture, i, j) {
    const { kind, one, other, band, place, tensor, step, value, hidden } = picture, [H, W] = this.data.grid;
    const [p, q] = place ? [place[i], place[j]] : [i, j];
    if (kind === "matrix") {
      const n = tensor.shape[0], r = Math.floor(p / step), c = Math.floor(q / step);
      outline(band, [n, 1], [r]);
      outline(one, [n, n], [r * n + c]);
      other.hidden = true;
      value.textContent = this.say(tensor.data[r * n + c], picture);
      return;
    }
    outline(one, [H, W], [p]);
    outline(other, [H, W], [q]);
    if (kind === "row") this.paint(picture);
    if (kind === "photo") value.textContent = hidden.includes(i) ? this.data.ui.gone : "";
    else if (kind !== "colours") value.textContent = this.say(tensor.data[kind === "row" ? i * H * W + j : p], picture);
  }

  say(v, { range: [low, high] }) {
    return Number.isNaN(v) ? this.data.ui.none : number(v, Math.max(-low, high));
  }

  // The token's new colour as a sum: what it reads most, each with its weight and colour, then all the rest.
  sum({ list, weights, read, mixed }, i) {
    const n = weights.shape[0], row = weights.data.subarray(i * n, (i + 1) * n), { ui, grid } = this.data;
    const of = (t, p) => t.data.subarray(3 * p, 3 * p + 3);
    const most = countTo(n).sort((a, b) => row[b] - row[a]).slice(0, SHOWN_TERMS);
    const rest = 1 - most.reduce((sum, p) => sum + row[p], 0), rounded = 1 - most.reduce((sum, p) => sum + Number(row[p].toFixed(2)), 0);
    const others = [0, 1, 2].map((c) => (of(mixed, i)[c] - most.reduce((sum, p) => sum + row[p] * of(read, p)[c], 0)) / rest);
    const swatch = (colour) => element("b", { style: `background: rgb(${bytesOf(colour).join(" ")})` });
    const line = (weight, colour, textContent, className = "") => element("li", { className }, weight, swatch(colour), element("span", { textContent }));
    list.replaceChildren(...most.map((p) => line(`${row[p].toFixed(2)} ×`, of(read, p), tokenName(ui, p, grid))));
    if (rest > 0.005) list.append(line(`${rounded.toFixed(2)} ×`, others, ui.rest));
    list.append(line("=", of(mixed, i), ui.sum, "total"));
  }
}
