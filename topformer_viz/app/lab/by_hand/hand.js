// Every tensor as a table of numbers; the cell that is chosen shows what it was computed from. payload.py computes it all.

class Hand {
  constructor(root) {
    this.root = root;
    this.box = root.querySelector(".hand-tensors");
    this.chosen = null;
    this.box.addEventListener("focusin", ({ target }) => target.matches("td") && this.choose(target));
    this.box.addEventListener("keydown", (event) => this.step(event));
  }

  show({ book: { tensors, start } }) {
    this.tensors = tensors;
    const groups = ["strands", "rest"].map((name) => element("div", { className: `hand-${name}` }));
    for (const tensor of tensors) {
      groups[tensor.strand ? 0 : 1].append(this.figure(tensor));
      if (tensor.last) groups[1].append(element("div", { className: "hand-break" }));
    }
    this.box.replaceChildren(...groups);
    this.choose(this.cell(...(this.chosen ?? start)));
  }

  figure({ name, title, shape, rows, columns, slices, down, broad, numbers, levels }) {
    const figure = element("figure", { className: broad ? "broad" : "", id: `hand-${name}`, style: `grid-area: ${name}` });
    figure.innerHTML = `<figcaption><code>${name}</code>${shape}</figcaption><div class="hand-slices" style="--down:${down}"></div>`;
    slices.forEach((label, n) => {
      const table = element("table", { ariaLabel: `${name}: ${title}`, role: "grid" });
      for (let r = 0; r < rows; r++) {
        const row = table.insertRow();
        for (let c = 0; c < columns; c++) {
          const at = (n * rows + r) * columns + c, cell = row.insertCell();
          // One tab stop a tensor.
          Object.assign(cell, { textContent: numbers[at], tabIndex: at ? -1 : 0, className: levels[at] < 0 ? "minus" : "", role: "gridcell" });
          Object.assign(cell.dataset, { tensor: name, at });
          cell.style.setProperty("--level", Math.abs(levels[at]));
        }
      }
      figure.lastChild.append(element("div", { className: "hand-slice", innerHTML: label }, table));
    });
    return figure;
  }

  cell(name, at) {
    return this.box.querySelector(`td[data-tensor="${name}"][data-at="${at}"]`);
  }

  choose(cell) {
    const { tensor: name, at } = cell.dataset, tensor = this.tensors.find((t) => t.name === name);
    const [expression, sources] = tensor.cells[at];
    this.chosen = [name, at];
    for (const other of this.box.querySelectorAll("td")) {
      if (other.dataset.tensor === name) other.tabIndex = -1;
      other.classList.remove("lit");
      other.setAttribute("aria-selected", other === cell);
    }
    cell.tabIndex = 0;
    for (const source of sources) this.cell(...source).classList.add("lit");
    const find = (selector) => this.root.querySelector(`.hand-panel ${selector}`);
    say(find, { h2: tensor.title, ".hand-numbers": expression });
    find("code").innerHTML = `${name}[${tensor.indices[at]}]`;
    find(".hand-shape").innerHTML = tensor.shape;
    find(".formula").innerHTML = tensor.formula;
  }

  // An arrow key goes to the nearest cell of the tensor that way, over the gaps between its tables too.
  step(event) {
    if (!ARROWS[event.key] || !event.target.matches("td")) return;
    event.preventDefault();
    const middle = (cell) => {
      const box = cell.getBoundingClientRect();
      return [box.x + box.width / 2, box.y + box.height / 2];
    };
    const [x, y] = middle(event.target), [down, right] = ARROWS[event.key];
    let nearest = null, least = Infinity;
    for (const cell of event.target.closest("figure").querySelectorAll("td")) {
      const [dx, dy] = [middle(cell)[0] - x, middle(cell)[1] - y];
      const ahead = dx * right + dy * down, aside = Math.abs(dx * down) + Math.abs(dy * right);
      if (ahead > 1 && aside < 5 && ahead < least) [nearest, least] = [cell, ahead];
    }
    nearest?.focus();
  }
}

export default mount(Hand);
