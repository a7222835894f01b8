// The pointer on the image, the map and the matrix, and the keys.

class Pointer {
  constructor(explorer) {
    this.explorer = explorer;
    const photo = explorer.find(".photo"), map = explorer.find(".map"), matrix = explorer.find(".matrix");
    explorer.box.onkeydown = (event) => this.pressed(event);
    photo.onpointerdown = (event) => this.down(event, photo);
    photo.onpointermove = (event) => this.over(event, photo);
    photo.onpointerup = (event) => this.up(event, photo);
    photo.onpointercancel = () => this.cancel();
    photo.onpointerleave = this.gone({ key: null });
    this.follow(map);
    matrix.onpointermove = (event) => explorer.change(this.cellAt(event, matrix, !this.state.lock));
    matrix.onpointerleave = this.gone({ cell: null });
    this.touched(matrix, (event) => explorer.settle({ ...this.cellAt(event, matrix, true), ...HELD }));
  }

  // On a map the pointer chooses the other token.
  follow(map) {
    map.onpointermove = (event) => this.explorer.change({ key: this.tokenAt(event, map), cell: null });
    map.onpointerleave = this.gone({ key: null });
    this.touched(map, map.onpointermove);
  }

  // A finger that lifts points on.
  gone(news) {
    return (event) => event.pointerType === "touch" || this.explorer.change(news);
  }

  // The keys belong to whoever was touched last.
  touched(plane, act) {
    plane.onpointerdown = (event) => {
      act(event);
      this.explorer.find(".photo").focus({ preventScroll: true });
      event.preventDefault();
    };
  }

  get state() {
    return this.explorer.state;
  }

  tokenAt(event, plane) {
    const { rows, columns } = this.state, [r, c] = placeAt(event, plane, rows, columns);
    return r * columns + c;
  }

  // What pointing at a cell changes; `along`: the query goes to its row (or column).
  cellAt(event, plane, along) {
    const { n } = this.explorer, [i, j] = placeAt(event, plane, n, n);
    return { cell: [i, j], key: null, ...(along && { query: this.state.column ? j : i, to: null }) };
  }

  down(event, plane) {
    if (event.button) return;
    plane.setPointerCapture(event.pointerId);
    const token = this.tokenAt(event, plane), { query, to, lock, selecting } = this.state;
    this.start = { token, before: { query, to, lock }, again: lock && to === null && token === query, touch: event.pointerType === "touch" && !selecting };
    this.explorer.change({ query: token, to: null, key: null, cell: null });
  }

  over(event, plane) {
    const token = this.tokenAt(event, plane), { start, state, explorer } = this;
    if (start) {
      const moved = token !== start.token || state.to !== null;
      explorer.change({ query: token, to: moved && !start.touch ? start.token : null, cell: null });
    } else if (state.lock) explorer.change({ key: token, cell: null });
    else explorer.change({ query: token, key: null, cell: null });
  }

  up(event, plane) {
    if (!this.start) return;
    const again = this.start.again && this.tokenAt(event, plane) === this.start.token && this.state.to === null;
    this.start = undefined;
    this.explorer.settle(again ? FREE : HELD);
  }

  // The finger scrolls the page after all: as if it had not touched.
  cancel() {
    if (this.start) this.explorer.change(this.start.before);
    this.start = undefined;
  }

  pressed(event) {
    if (event.altKey || event.ctrlKey || event.metaKey || event.defaultPrevented) return;
    const target = event.composedPath()[0], { state, explorer } = this;
    if (target.closest("input, textarea, select")) return;
    if (ARROWS[event.key]) this.step(event.key, event.shiftKey);
    else if (event.shiftKey) return;
    else if (/^[0-9]$/.test(event.key)) {
      const head = event.key === "0" ? "mean" : Number(event.key) - 1;
      if (!state.can.head.includes(head)) return;
      explorer.settle({ head });
    } else if (event.key === "[" || event.key === "]") explorer.chooseBlock(state.block + (event.key === "]" ? 1 : -1));
    else if (event.key === "Escape") explorer.settle(FREE);
    else if (target.closest(".photo") && (event.key === "Enter" || event.key === " ")) explorer.settle(state.lock ? FREE : HELD);
    else return;
    event.preventDefault();
  }

  // The query goes one token on, or the `other` token does.
  step(arrow, other) {
    const { state, explorer } = this, { query, key, rows, columns } = state;
    // What was drawn last may be some presses behind.
    const from = !other ? query : state.cell || key === null ? explorer.pair[state.column ? 0 : 1] : key;
    const token = neighbour(from, arrow, [rows, columns]);
    explorer.change({ ...(other ? { key: token } : { query: token, to: state.selecting ? (state.to ?? query) : null }), cell: null });
  }
}
