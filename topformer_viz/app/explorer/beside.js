// Two maps side by side, and their difference: A is the one on show, B that of another head, block or token.

class Beside {
  constructor(explorer) {
    this.explorer = explorer;
  }

  build() {
    const { find, info: { grid: [rows, columns] }, words } = this.explorer;
    this.views = ["a", "b", "difference"].map((name) => {
      const view = element("figure", { className: `view ${name}` });
      view.innerHTML = '<h3></h3><div class="plane"><img class="grey" alt=""><canvas></canvas><div class="mark i"></div></div><div class="legend"></div>';
      return { view, sheet: new Sheet(view.querySelector("canvas"), rows, columns) };
    });
    find(".against .views").replaceChildren(...this.views.map(({ view }) => view));
    find(".against h3").textContent = words.ui.against;
  }

  draw() {
    const { explorer } = this, { state, chosen, words, info } = explorer, { ui } = words, box = explorer.find(".against"), other = this.other();
    box.hidden = !other;
    if (box.hidden) return;
    const difference = chosen.map((v, j) => v - other.line[j]), [a, b, d] = [chosen, other.line, difference].map(extent);
    const both = [Math.min(a[0], b[0]), Math.max(a[1], b[1])], end = Math.max(-d[0], d[1]), each = state.scale === "each", scale = (own) => scaleIn(state, each ? own : both);
    const name = ({ block, head, asks }) => words.say("view_of", { block: block + 1, head: words.head(head), tokens: words.tokens(asks, true) });
    const under = words.scale(state, each ? "own_map" : "both");
    this.show(0, `A: ${name({ ...state, asks: state.tokens })}`, chosen, scale(a), under, state.tokens);
    this.show(1, `B: ${name(other)}`, other.line, scale(b), under, other.asks);
    this.show(2, "A − B", difference, { low: -end, high: end, table: DIVERGING }, ui.legend_difference, []);
    const moved = difference.reduce((sum, v) => sum + Math.abs(v), 0) / 2;
    const share = state.values === "weights" && !state.column ? words.space + words.say("moved", { share: `${number(moved * 100)}%` }) : "";
    box.querySelector(".views + .under").textContent = words.say("apart", { value: number(end) }) + share;
  }

  // B: { block, head, asks, line }; null where there is none.
  other() {
    const { state, lines, run, info } = this.explorer, [kind, which] = state.with?.split("-") ?? [];
    const b = kind === "block" ? which - 1 : state.block, block = run.attention(b);
    if (!kind) return null;
    const head = kind !== "head" ? state.head : which === "mean" ? which : which - 1, asks = kind === "query" ? [state.pinned] : state.tokens;
    const line = (h) => (kind === "head" ? lines[h] : block.line(h, asks, state.values, state.column));
    return { block: b, head, asks, line: head === "mean" ? average(countTo(info.heads).map(line)) : line(head) };
  }

  show(at, title, line, scale, under, asks) {
    const { view, sheet } = this.views[at], { state, info } = this.explorer;
    sheet.paint(line, scale, state.smooth);
    view.querySelector("h3").textContent = title;
    legend(view.querySelector(".legend"), scale, under);
    outline(view.querySelector(".mark"), info.grid, asks);
  }
}
