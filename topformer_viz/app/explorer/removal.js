// What depends on a head: what becomes of the block's output and of the segmentation without it, or with it alone.

class Removal {
  constructor(explorer) {
    this.explorer = explorer;
    this.overlays = []; // URLs of the segmentations on show
  }

  close() {
    for (const url of this.overlays.splice(0)) URL.revokeObjectURL(url);
  }

  build() {
    const { find, words: { ui } } = this.explorer;
    find(".removal h3").textContent = ui.removal;
  }

  draw() {
    const { state, words: { ui }, removed: result, find, info } = this.explorer, shown = find(".result");
    this.close();
    find(".removal").hidden = info.heads < 2;
    this.drawChoice();
    find(".removal .under").textContent = state.head === "mean" && !state.removal ? ui.removal_mean : ui.removal_words;
    shown.replaceChildren(...(result ? this.shown(result) : []));
    this.explorer.pictures.spreadGrey();
  }

  // Unchanged, without the chosen head or with it alone; and what is chosen already.
  drawChoice() {
    const { explorer } = this, { state, words, removals, find, info, root } = explorer, box = find(".removal"), options = [[null, words.ui.as_it_ran]];
    const heads = new Set([...(state.head === "mean" ? [] : [state.head]), ...(state.removal ? [removed(state.removal).head] : [])]);
    for (const h of heads) for (const kind of info.heads > 1 ? ["without", "only"] : ["without"]) options.push([`${kind}-${h + 1}`, words.say(kind, { head: words.head(h) })]);
    const here = options.filter(([value]) => !value || !info.alone || removals[`block${state.block} ${value}`]);
    const focused = [...box.querySelectorAll("button")].indexOf(root.activeElement);
    box.querySelector(".choice").replaceChildren(...here.map(([removal, text]) => element("button", { type: "button", textContent: text, ariaPressed: String(removal === state.removal), onclick: () => explorer.settle({ removal }) })));
    if (focused >= 0) box.querySelectorAll("button")[Math.min(focused, here.length - 1)]?.focus();
  }

  shown(result) {
    const { state, words, info } = this.explorer, { grid: [rows, columns], removal: texts, classes } = info, { ui } = words, only = removed(state.removal).kind === "only";
    const said = result.said.map((answer) => sayAnswer(answer, texts)), warned = result.legend && info.untrained ? [ui.not_evidence] : [];
    const views = element("div", { className: "views" }), shown = [element("p", { className: "facts", textContent: [...said, ...warned].join(words.space) }), views];
    const view = (title, picture, ...under) => {
      const plane = element("div", { className: "plane" }, element("img", { className: "grey", alt: "" }), picture);
      views.append(element("figure", { className: "view" }, element("h3", { textContent: title }), plane, ...under));
    };
    const canvas = element("canvas"), scale = { low: 0, high: result.largest, table: SEQUENTIAL }, below = element("div", { className: "legend" });
    new Sheet(canvas, rows, columns).paint(result.change.data, scale, state.smooth);
    legend(below, scale, ui.removal_scale);
    view(ui.removal_output, canvas, below);
    if (!result.legend) return shown; // the model has no segmentation
    const labels = (picture, sparse = "") => {
      const src = URL.createObjectURL(picture.blob);
      this.overlays.push(src);
      return element("img", { className: `labels${sparse}`, src, alt: "" });
    };
    view(ui.removal_before, labels(result.before));
    view(only ? ui.removal_only : ui.removal_after, labels(result.after));
    view(ui.removal_changed, labels(result.changed, " sparse"), element("p", { className: "under", textContent: result.moves.map((move) => sayAnswer(move, texts)).join(ui.semicolon) }));
    const keys = result.legend.map((c) => classes[c]).map(([textContent, colour]) => element("span", { className: "key-class", textContent, style: `--class: ${colour}` }));
    return [...shown, element("p", { className: "keys" }, ...keys)];
  }
}
