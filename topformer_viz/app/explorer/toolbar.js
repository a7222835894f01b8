// The choices of what the maps show and how, and the order of the heads' cards.

class Toolbar {
  constructor(explorer) {
    this.explorer = explorer;
    const { find } = explorer;
    find(".with").onchange = ({ target }) => explorer.compare(target.value || null);
    find(".sort").onchange = ({ target }) => explorer.settle({ sort: target.value || null });
    find(".selecting").onclick = () => explorer.settle({ selecting: !explorer.state.selecting });
    find(".free").onclick = () => explorer.settle(FREE);
    find(".save").onclick = () => explorer.save();
    find(".link-button").onclick = () => explorer.copyLink();
  }

  build() {
    const { find, words, info, host } = this.explorer, { ui } = words;
    say(find, { ".with-label": ui.compare, ".sort-label": ui.sort, ".selecting": ui.select, ".free": words.doing("free"), ".save": ui.save, ".link-button": ui.copy_link, ".display summary": ui.display });
    find(".save").hidden = !info.saves;
    find(".link-button").hidden = !host.remember || Boolean(host.guest);
  }

  draw() {
    const { explorer } = this, { state, words, info, find } = explorer, { ui } = words;
    const heads = countTo(info.heads).map((h) => [h, info.headNames ? `${h + 1} ${info.headNames[h]}` : String(h + 1), words.head(h)]);
    const blocks = countTo(info.blocks).map((b) => [b, String(b + 1), words.block(b)]), scores = state.values === "scores";
    const unlessGuest = (options) => (explorer.host.guest ? [] : options); // the host has choices of its own
    choice(find(".blocks"), ui.block, unlessGuest(blocks), state.block, (b) => explorer.chooseBlock(b));
    this.setting("head", ".heads", ui.head, unlessGuest([...heads, ["mean", ui.mean_short, ui.mean]]));
    this.setting("values", ".values", ui.values, unlessGuest([["scores", ui.scores, ui.scores_title], ["weights", ui.weights, ui.weights_title]]));
    this.setting("mode", ".mode", ui.direction, [["row", ui.row, ui.row_title], ["column", ui.col, ui.col_title]]);
    const colours = state.can.colour.map((kind) => [kind, ui[kind], scores ? ui.only_linear : ui[`${kind}_title`], scores && kind !== "linear"]);
    choice(find(".colours"), ui.colour, colours, colourIn(state), (colour) => explorer.settle({ colour }));
    this.setting("scale", ".scale", ui.scale, state.can.scale.map((whose) => [whose, ui[whose], ui[`${whose}_title`]]));
    this.setting("smooth", ".smooth", ui.cells, [[null, ui.sharp], ["1", ui.smooth, ui.smooth_title]]);
    this.menu("with", (other) => words.other(other, state.pinned));
    this.menu("sort", (by) => ui[by ? `by_${by}` : "in_order"]);
    find(".selecting").ariaPressed = String(state.selecting);
    find(".photo").classList.toggle("selecting-region", state.selecting);
    find(".free").hidden = !state.lock;
  }

  setting(name, selector, label, options) {
    choice(this.explorer.find(selector), label, options, this.explorer.state[name], (value) => this.explorer.settle({ [name]: value }));
  }

  // A menu of all that a parameter can say.
  menu(name, text) {
    const { state, find } = this.explorer, box = find(`.${name}`);
    box.replaceChildren(...state.can[name].map((value) => element("option", { value: value ?? "", textContent: text(value) })));
    box.value = state[name] ?? "";
  }
}
