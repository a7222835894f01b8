// The lab's part on the basics: the sums on a test card, with the colour model. The pictures are those of lab/basics/page.py.

class Basics {
  constructor(root) {
    this.find = (selector) => root.querySelector(selector);
    this.linked = new Linked(root);
  }

  // `card`: {run, photo} of the colour model on the test card; `book`: the words, and the questions that the heads ask, in their order.
  show({ lang, book, card, asked }) {
    const first = !this.question, { names } = book;
    if (first) this.question = Object.hasOwn(names, asked.question) ? asked.question : Object.keys(names)[0];
    Object.assign(this, { lang, book, card });
    for (const [name, html] of Object.entries(book.prose)) this.find(`.${name}`).innerHTML = html;
    this.draw();
  }

  draw() {
    const { book, question } = this, options = Object.entries(book.names).map(([value, text]) => [value, text]);
    choice(this.find(".questions"), book.question, options, question, (value) => {
      this.question = value;
      this.draw();
    });
    this.linked.show(this.message);
    writeAddress({ question, lang: this.lang });
  }

  get message() {
    const { card: { run, photo }, book, question, lang } = this, [H, W] = run.grid, n = H * W, head = Object.keys(book.names).indexOf(question);
    const of = (name) => headOf(run.tensor(`block0.${name}`), head), [scores, weights, value, mixed] = ["scores", "weights", "value", "mixed"].map(of);
    const rgb = (tensor) => tensorOf(Float32Array.from({ length: 3 * n }, (_, p) => tensor.data[Math.floor(p / 3) * tensor.shape[1] + (p % 3)]), [n, 3]);
    const tensors = [scores, weights, rgb(value), rgb(mixed)], row = weights.data.subarray(book.start * n, (book.start + 1) * n);
    const second = countTo(n).sort((a, b) => row[b] - row[a])[1];
    const pictures = {
      card: { kind: "photo", label: "\u00a0", order: null, hidden: [] },
      scores: { kind: "row", label: book.asked, scale: "plain", range: [extent(scores.data)[0], 0], tensors: { tensor: 0 } },
      weights: { kind: "row", label: book.asked, scale: "root", range: [0, extent(weights.data)[1]], tensors: { tensor: 1 } },
      sum: { kind: "terms", label: "\u00a0", tensors: { weights: 1, read: 2, mixed: 3 } },
      result: { kind: "colours", label: "\u00a0", tensors: { tensor: 3 } },
    };
    const groups = Object.entries(pictures).map(([name, picture]) => ({ title: book.titles[name], note: book.notes[name], pictures: [picture] }));
    return { lang, title: book.title, grid: run.grid, groups, start: [book.start, second], kept: ["token", "pair"], of: "", ui: book.ui, photo, tensors };
  }
}

// One head's matrix of a tensor (heads, rows, columns), in the order of its axes.
function headOf({ data, shape: [, rows, columns], strides: [h, r, c] }, head) {
  return tensorOf(Float32Array.from({ length: rows * columns }, (_, p) => data[head * h + Math.floor(p / columns) * r + (p % columns) * c]), [rows, columns]);
}
