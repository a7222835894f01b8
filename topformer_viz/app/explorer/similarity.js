// Likeness: the cosine similarity of the tokens that ask with all tokens, where they enter the block and where they leave it, and what
// they read. The tensors that it takes come when it is first unfolded.

class Similarity {
  constructor(explorer) {
    this.explorer = explorer;
    this.fold = explorer.find(".similarity details");
    this.fold.ontoggle = () => explorer.change({ similarity: this.fold.open ? "1" : null });
  }

  build() {
    const { find, info: { grid: [rows, columns] }, words: { ui } } = this.explorer;
    this.views = ["enters", "reads", "leaves"].map((name) => {
      const view = element("figure", { className: `view ${name}` });
      view.innerHTML = '<h3></h3><div class="plane similar" role="img"><img class="grey" alt=""><canvas></canvas><div class="mark i" hidden></div><div class="mark j" hidden></div></div><div class="legend"></div>';
      this.explorer.pointer.follow(view.querySelector(".plane"));
      return { view, sheet: new Sheet(view.querySelector("canvas"), rows, columns) };
    });
    find(".similarity .views").replaceChildren(...this.views.map(({ view }) => view));
    find(".similarity summary").textContent = ui.similarity;
    find(".similarity .under").innerHTML = ui.similarity_words;
  }

  draw() {
    const { run, state, host, find } = this.explorer, ends = state.similarity && run.ends(state.block);
    this.fold.open = Boolean(state.similarity);
    for (const shown of [".views", ".alike"]) find(`.similarity ${shown}`).hidden = !ends;
    if (ends) return this.show(ends);
    if (!state.similarity || this.asked === run) return;
    this.asked = run;
    host.maps?.(run);
  }

  show(ends) {
    const { state, block, words, info, pair: [i, j], find } = this.explorer, { ui } = words, { head, mode, column } = state;
    const weights = { ...state, values: "weights" }; // whatever else is on show
    const [asks, other] = column ? [j, i] : [i, j], asking = state.cell ? [asks] : state.tokens, heads = head === "mean" ? countTo(info.heads) : [head];
    const line = average(heads.map((h) => block.line(h, asking, "weights", column))), [enters, leaves] = ends.map((tensor) => cosines(tensor, asking));
    const title = words.say(`${mode}_weights`, { tokens: words.tokens(asking, true), head: words.head(head) }), scale = { low: -1, high: 1, table: DIVERGING };
    this.picture(0, ui.similarity_enters, enters, scale, ui.similarity_scale);
    this.picture(1, title, line, scaleIn(weights, extent(line)), words.scale(weights, "own_map"));
    this.picture(2, ui.similarity_leaves, leaves, scale, ui.similarity_scale);
    const tokens = words.tokens(asking), most = onMostLike(line, enters, asking), percent = (share) => `${number(share * 100)}%`, said = [];
    if (most) said.push(words.say(`similarity_${mode}`, { tokens, head: words.head(head), k: most.tokens, share: percent(most.share), uniform: percent(most.uniform) }));
    said.push(words.say("similarity_of", { other: words.token(other), before: number(enters[other]), after: number(leaves[other]), weight: number(line[other]) }));
    find(".similarity .alike").textContent = said.join(words.space);
  }

  picture(at, title, values, scale, under) {
    const { view, sheet } = this.views[at];
    sheet.paint(values, scale, this.explorer.state.smooth);
    view.querySelector("h3").textContent = title;
    view.querySelector(".plane").setAttribute("aria-label", title);
    legend(view.querySelector(".legend"), scale, under);
  }
}

// The tokens of (C, H, W), each brought to length 1, channel by channel: (C, HW); one of length 0 stays as it is. Kept.
const unitTokens = new WeakMap();

function unitsOf(tensor) {
  if (!unitTokens.has(tensor)) unitTokens.set(tensor, broughtToLength1(tensor));
  return unitTokens.get(tensor);
}

function broughtToLength1({ data, shape: [C, H, W], strides: [sc, sh, sw] }) {
  const n = H * W, out = new Float64Array(C * n), lengths = new Float64Array(n);
  for (let c = 0, to = 0; c < C; c++) for (let r = 0; r < H; r++) for (let w = 0, at = c * sc + r * sh; w < W; w++, at += sw, to++) out[to] = data[at];
  for (let at = 0; at < out.length; at++) lengths[at % n] += out[at] ** 2;
  for (let at = 0; at < out.length; at++) out[at] /= Math.sqrt(lengths[at % n]) || 1;
  return out;
}

// Cosine similarity of all tokens of (C, H, W) with those that ask, the mean over these: float32 (HW), so that equal ones stay equal.
function cosines(tensor, asking) {
  const [C, H, W] = tensor.shape, n = H * W, units = unitsOf(tensor), out = new Float64Array(n);
  for (let c = 0; c < C; c++) {
    const mean = asking.reduce((sum, i) => sum + units[c * n + i], 0) / asking.length;
    for (let j = 0, from = c * n; j < n; j++, from++) out[j] += mean * units[from];
  }
  return Float32Array.from(out);
}

// What of a row or column of weights lies on the tokens most like those that ask, which are left out: a tenth of all. As on_most_like in
// run/measures.py.
function onMostLike(line, likeness, asking) {
  const alone = new Set(asking), n = line.length, others = countTo(n).filter((j) => !alone.has(j)).sort((a, b) => likeness[b] - likeness[a]);
  const first = others.slice(0, Math.ceil(n / 10)), sum = (tokens) => tokens.reduce((total, j) => total + line[j], 0);
  return first.length ? { tokens: first.length, share: sum(first) / (sum(countTo(n)) || 1), uniform: first.length / n } : null;
}
