// The whole network: the scene, and under it the part that is open. What is said is the book's, with the run's answers in it; only
// the way into the lesson asks the server.

class Network {
  constructor(root) {
    this.root = root;
    this.find = (selector) => root.querySelector(selector);
    this.find(".previous").onclick = () => this.turn(-1);
    this.find(".next").onclick = () => this.turn(1);
    this.find(".walk").onclick = () => this.ask("walk", Number(this.open.slice(5)));
    this.scene = new NetworkScene(this);
    this.pictures = new Pictures(this);
    this.segmentation = new Segmentation(this);
    this.key = (event) => this.pressed(event);
    document.addEventListener("keydown", this.key);
    this.resized = new ResizeObserver(() => {
      const width = this.find(".opened").clientWidth;
      if (!this.net || width === this.width) return;
      this.width = width;
      this.placeNotch();
      this.drawPictures();
    });
    this.resized.observe(this.find(".network"));
    this.find(".scene-scroll").onscroll = () => this.placeNotch();
  }

  close() {
    document.removeEventListener("keydown", this.key);
    this.resized.disconnect();
    this.photo?.close();
  }

  show(message) {
    const first = !this.net, net = (this.net = netOf(message));
    this.byName = Object.fromEntries(net.parts.map((part) => [part.name, part]));
    const wanted = first ? net.asked : this.open;
    this.open = Object.hasOwn(this.byName, wanted) ? wanted : net.parts[0].name;
    this.segmentation.reset();
    this.photo?.close();
    this.photo = new Photograph(net.photo.blob, () => this.drawPictures());
    this.find(".network").lang = net.lang;
    this.width = this.find(".opened").clientWidth;
    say(this.find, { ".swipe": net.ui.swipe });
    this.scene.draw();
    this.placeNotch();
    this.drawOpened();
    this.remember();
  }

  choose(name) {
    if (name === this.open) return;
    this.open = name;
    this.scene.light();
    this.placeNotch();
    this.drawOpened();
    this.remember();
  }

  turn(by) {
    const at = this.net.parts.indexOf(this.byName[this.open]) + by;
    if (this.net.parts[at]) this.choose(this.net.parts[at].name);
  }

  pressed(event) {
    const by = TURNS[event.key];
    if (!by || !isFree(event) || event.composedPath()[0].closest?.(".view")) return; // arrows have a meaning on the segmentation
    event.preventDefault();
    this.turn(by);
  }

  remember() {
    writeAddress({ ...this.net.link, part: this.open, lang: this.net.lang });
  }

  // The open part's frame points at its picture in the scene.
  placeNotch() {
    const node = this.find(".node.current .outline, .node.current .photograph"), frame = this.find(".opened");
    if (!node) return;
    const at = node.getBoundingClientRect(), left = frame.getBoundingClientRect().left;
    frame.style.setProperty("--notch", `${Math.max(20, Math.min(frame.clientWidth - 20, at.left + at.width / 2 - left))}px`);
  }

  drawOpened() {
    const { net } = this, { ui } = net, part = this.byName[this.open];
    drawTurn(this.root, net.parts.indexOf(part), net.parts.length, { ...ui, counted: ui.part });
    say(this.find, { h2: part.title, ".cost": this.cost(part.name) });
    this.find(".shape").innerHTML = part.shape;
    this.find(".note").innerHTML = part.note;
    this.find(".formula").innerHTML = part.formula;
    const walk = this.find(".walk"), block = this.open.match(/^block(\d)$/);
    Object.assign(walk, { hidden: !block, textContent: block ? fill(ui.walk, { n: block[1] }) : "" });
    this.drawPictures();
  }

  cost(name) {
    const { costs, ui } = this.net;
    if (!costs[name]) return "";
    const [params, adds] = costs[name], share = ((100 * adds) / costs.all[1]).toFixed(0);
    return fill(ui.cost, { params: params.toLocaleString("en"), adds: (adds / 1e6).toLocaleString("en", { maximumFractionDigits: 1 }), share });
  }

  drawPictures() {
    this.leave();
    const kind = this.open.replace(/\d$/, ""), of = kind === "segmentation" ? this.segmentation.view() : this.pictures[kind](Number(this.open.at(-1)));
    this.find(".pictures").replaceChildren(...of);
  }

  say(text, { clientX, clientY }) {
    const { left, top, width } = this.find(".opened").getBoundingClientRect();
    sayBeside(this.find(".readout"), text, clientX - left, clientY - top, width - 8);
  }

  leave() {
    this.find(".readout").hidden = true;
  }
}

// All there is to show: what the book says of the run, and the run's tensors by name.
function netOf({ run, book, ...message }) {
  const { photo, grid } = run, tensor = (name) => run.tensor(name), said = filled(book, run, 0), net = { ...message, ...said, photo, grid, tensor };
  if (!said.classes) return net;
  // The classes that this run shows; maps of classes hold their places.
  const legend = said.legend.map(({ class: c, share }) => ({ ...(said.classes[c] ?? said.rest), share }));
  return { ...net, legend, labels: tensor("labels"), sure: tensor("sure") };
}
