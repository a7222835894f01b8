// The stages of the four, side by side. What was open stays open when another block is chosen.
class Relatives {
  constructor(root) {
    this.box = root.querySelector(".relatives");
  }

  show({ book }) {
    if (this.shown === book.html) return;
    const rows = () => [...this.box.querySelectorAll("details")], open = rows().map((row) => row.open);
    this.box.innerHTML = this.shown = book.html;
    rows().forEach((row, i) => (row.open = open[i] ?? false));
  }
}

export default mount(Relatives);
