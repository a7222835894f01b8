class Pictures {
  constructor(explorer) {
    this.explorer = explorer;
    this.find = explorer.find;
  }

  close() {
    this.photo?.close();
    if (this.greyUrl) URL.revokeObjectURL(this.greyUrl);
  }

  showPhoto(photo) {
    this.close();
    // Grey once and for all: a filter would be worked out again with every frame.
    const shown = (this.photo = new Photograph(photo.blob, async () => {
      const blob = await shown.grey.convertToBlob({ type: "image/jpeg", quality: 0.8 });
      if (shown !== this.photo) return;
      this.greyUrl = URL.createObjectURL(blob);
      this.spreadGrey();
    }));
    this.greyUrl = undefined;
    this.explorer.box.style.setProperty("--ratio", photo.width / photo.height);
    this.find(".colour").src = shown.url;
  }

  spreadGrey() {
    if (this.greyUrl) for (const image of this.explorer.box.querySelectorAll(".grey")) if (image.src !== this.greyUrl) image.src = this.greyUrl;
  }

  // ------------------------------------------------------------ their frames

  build() {
    const { explorer, find } = this, { info, words, box } = explorer, { ui } = words, [rows, columns] = info.grid;
    const lines = gridPath(info.grid, 0, 0, columns, rows), mark = (name) => `<div class="mark ${name}" data-term="${name}" hidden></div>`;
    const grid = `<svg class="lines${columns > 24 ? " dense" : ""}" viewBox="0 0 ${columns} ${rows}" preserveAspectRatio="none" aria-hidden="true"><path d="${lines}"/><path class="over" d="${lines}"/></svg>`;
    for (const extra of box.querySelectorAll(".lines, .mark")) extra.remove();
    find(".photo").insertAdjacentHTML("beforeend", grid + mark("pin") + mark("i") + mark("j"));
    find(".map").insertAdjacentHTML("beforeend", mark("i") + mark("j"));
    find(".map").dataset.term = "row";
    find(".matrix").insertAdjacentHTML("beforeend", '<div class="mark line" data-term="row"></div><div class="mark spot" data-term="cell"></div>');
    box.style.setProperty("--heads", info.heads);
    box.style.setProperty("--narrow", info.heads === 4 ? 2 : Math.min(info.heads, 3)); // cards in a row on a phone
    this.map = new Sheet(find(".map canvas"), rows, columns);
    this.cards = countTo(info.heads).map((head) => {
      const innerHTML = '<span class="name"></span><span class="plane"><img class="grey" alt=""><canvas></canvas></span><span class="top"></span><span class="numbers"></span>';
      const card = element("button", { type: "button", className: "card", innerHTML, onclick: () => explorer.settle({ head }) });
      card.dataset.head = head;
      return { head, card, sheet: new Sheet(card.querySelector("canvas"), rows, columns) };
    });
    this.buildTicks(rows, columns);
    say(find, { ".photo-title": words.doing("photo"), ".strip h3": ui.strip });
    find(".strip-note").innerHTML = ui.strip_note;
    find(".photo").setAttribute("aria-label", ui.photo_label);
  }

  // The token grid shows in the matrix's ticks: one where each of its rows begins.
  buildTicks(rows, columns) {
    const n = rows * columns, every = { down: Math.ceil(rows / 22), across: Math.ceil((rows * String(n).length) / 44) };
    for (const [side, place] of [["down", "top"], ["across", "left"]]) {
      this.find(`.ticks.${side}`).replaceChildren(...countTo(rows).map((r) => {
        const bare = r % every[side] || (side === "across" && r * columns > 0.94 * n);
        return element("span", { className: "tick", textContent: bare ? "" : r * columns + 1, style: `${place}: ${(r * columns * 100) / n}%` });
      }));
    }
  }

  // ------------------------------------------------------------ with every setting

  // The cards in their order, with what was measured of each head.
  arrange() {
    const { state, block, words, n, root } = this.explorer, order = [...this.cards], focused = root.activeElement;
    if (state.sort) order.sort((a, b) => block[state.sort][a.head] - block[state.sort][b.head]);
    this.find(".cards").replaceChildren(...order.map(({ card }) => card));
    if (focused?.classList.contains("card")) focused.focus();
    for (const { head, card } of this.cards) {
      card.ariaPressed = String(head === state.head);
      card.querySelector(".name").textContent = words.head(head);
      card.querySelector(".numbers").textContent = words.say("card", { effective: number(block.effective[head]), n, distance: number(block.distance[head]) });
    }
  }

  // The whole matrix of the chosen head; where it would have too many entries, averaged down by the server.
  drawMatrix() {
    const { state, words, n } = this.explorer, { find } = this, canvas = find(".matrix canvas");
    const { values, side, ends, shared, own } = this.matrix(), scale = scaleIn(state, ends), head = words.head(state.head), axes = words.say("axes", { n });
    new Sheet(canvas, side, side).paint(values, scale, state.smooth);
    find(".matrix-title").textContent = words.say("matrix", { values: words.ui[state.values], head });
    find(".matrix").setAttribute("aria-label", words.say("matrix_label", { n, head }));
    find(".axes").innerHTML = side === n ? axes : `${axes}${words.space}${words.say("averaged", { side })}`;
    this.legend(".matrix-legend", scale, shared ? "all_matrices" : "own_matrix", own);
  }

  // Its numbers, row by row, `side` of them; the ends of their scale, whether all heads have that one, and their maximum.
  matrix() {
    const { state: { head, values: kind, scale }, block, n, info } = this.explorer, all = head === "mean", heads = countTo(info.heads);
    const shared = !all && scale === "all";
    if (n <= info.dense) {
      const values = block.matrix(head, kind), among = shared ? heads : [head], highs = kind === "scores" ? block.high : block.top;
      if (all) return { values, side: n, ends: extent(values) };
      return { values, side: n, shared, own: highs[head], ends: [Math.min(...among.map((h) => block.low[h])), Math.max(...among.map((h) => highs[h]))] };
    }
    const { data, shape: [, side], strides: [size] } = block.pooled[kind], of = (h) => data.subarray(h * size, (h + 1) * size);
    const values = all ? average(heads.map(of)) : of(head), [, own] = extent(values);
    return { values, side, shared, own, ends: extent(shared ? data : values) };
  }

  // ------------------------------------------------------------ with every token

  draw() {
    const { state, lines, chosen, words } = this.explorer, ends = lines.map(extent), shared = state.scale === "all";
    const all = [Math.min(...ends.map((e) => e[0])), Math.max(...ends.map((e) => e[1]))], ownEnds = extent(chosen);
    const scaleOf = (own) => scaleIn(state, shared ? all : own), scale = scaleOf(ownEnds);
    const title = words.say(`${state.mode}_${state.values}`, { tokens: words.tokens(state.tokens, true), head: words.head(state.head) });
    this.map.paint(chosen, scale, state.smooth);
    this.find(".map-title").textContent = title;
    this.find(".map").setAttribute("aria-label", title);
    this.legend(".map-legend", scale, shared ? "all_maps" : "own_map", ownEnds[1]);
    for (const { head, card, sheet } of this.cards) {
      sheet.paint(lines[head], scaleOf(ends[head]), state.smooth);
      const [low, high] = ends[head];
      card.querySelector(".top").textContent = state.values === "scores" ? range(low, high) : words.say("up_to", { high: number(high) });
    }
    this.drawMarks();
  }

  // A scale's ends, and in words what kind it is and for which maps; `high`: the maximum of this one.
  legend(place, scale, whose, high) {
    const { state, words } = this.explorer;
    legend(this.find(place), scale, words.scale(state, whose, high));
  }

  drawMarks() {
    const { find } = this, { state, n, info, box, pair: [i, j] } = this.explorer, { tokens, column } = state;
    const region = tokens.length > 1 && !state.cell, asks = column ? j : i, [first, second] = column ? ["j", "i"] : ["i", "j"];
    for (const plane of box.querySelectorAll(".photo, .map, .similar")) {
      outline(plane.querySelector(`.mark.${first}`), info.grid, region ? tokens : [asks]);
      outline(plane.querySelector(`.mark.${second}`), info.grid, [column ? i : j]);
    }
    outline(find(".mark.pin"), info.grid, state.with === "query" ? [state.pinned] : []);
    outline(find(".mark.line"), column ? [1, n] : [n, 1], region ? [] : [asks]);
    outline(find(".mark.spot"), [n, n], [i * n + j]);
  }
}

// Colours for values from `low` to `high`: scores diverge where they have both signs, attention weights start at 0.
function scaleIn(state, [low, high]) {
  if (state.values === "scores") return scaleFor([low, high]);
  return { root: rootScale(high), linear: { low: 0, high, table: SEQUENTIAL }, log: logScale(high) }[state.colour];
}

// How colour grows with the values on show: scores, which can be negative, have no square root and no logarithm.
const colourIn = (state) => (state.values === "scores" ? "linear" : state.colour);
