// The arithmetic of one attention weight: query times key, softmax, times value; of the heads' mean, their average.
// Pointing at a term lights what it comes from.

class Sum {
  constructor(explorer) {
    this.explorer = explorer;
    const { box } = explorer, under = (event) => event.target.closest("[data-light]");
    box.onpointerover = (event) => this.light(under(event));
    box.onpointerleave = (event) => event.pointerType === "touch" || this.light(null); // a finger that lifts points on
    box.onfocusin = (event) => this.light(under(event));
    box.onfocusout = () => this.light(null);
    explorer.find(".steps").onclick = ({ target }) => {
      const head = target.closest("[data-head]")?.dataset.head;
      if (!head) return;
      explorer.settle({ head: Number(head) });
      explorer.find(".steps .term-chip").focus({ preventScroll: true }); // the head's own, in place of the button
    };
    this.resized = new ResizeObserver((entries) => {
      for (const { target, contentRect: { width, height } } of entries) {
        Object.assign(this.bars[target.closest(".bars").dataset.bars], { width, height });
      }
      this.dress();
      if (this.inView && explorer.pair) this.draw();
    });
    // It is drawn where it can be seen: below the window's edge it would only cost time.
    this.seen = new IntersectionObserver((entries) => {
      this.inView = entries.at(-1).isIntersecting;
      if (this.inView && explorer.pair) this.draw();
    });
    this.seen.observe(explorer.find(".sum"));
  }

  close() {
    this.resized.disconnect();
    this.seen.disconnect();
  }

  build() {
    const { block: { dim, d }, find, box, words: { ui }, host } = this.explorer, bars = (row, count, light) =>
      `<div class="bars" data-bars="${row}"><span class="name"></span><div class="features" tabindex="0" role="img" data-light="${light.replace(/\S*# ?/g, "")}" style="--count:${count}"><canvas></canvas>${countTo(count).map((c) => `<span class="feature" data-term="${row}${c}" data-feature="${c}" data-light="${light.replaceAll("#", c)}"></span>`).join("")}</div><span class="end"></span></div>`;
    find(".dot").innerHTML = bars("q", dim, "q# i") + bars("k", dim, "k# j") + bars("p", dim, "p# q# k# i j");
    find(".mixing").innerHTML = d ? bars("v", d, "v# j") + bars("w", d, "w# v# weight j cell") + bars("o", d, "o# w# row") : "";
    const lessons = ["scores", "weights"].map((stage) => element("button", { type: "button", textContent: ui[stage], onclick: () => host.lesson(stage) }));
    find(".lessons").replaceChildren(ui.lessons, ...lessons);
    find(".lessons").hidden = !host.lesson;
    this.resized.disconnect();
    this.bars = {};
    for (const row of box.querySelectorAll(".bars")) {
      const canvas = row.querySelector("canvas");
      this.bars[row.dataset.bars] = { row, canvas, name: row.querySelector(".name"), end: row.querySelector(".end") };
      this.resized.observe(canvas);
    }
  }

  // Colour and font of the bars: not looked up with every move, for asking costs a layout.
  dress() {
    for (const bars of Object.values(this.bars)) {
      const { color, fontFamily } = getComputedStyle(bars.canvas);
      Object.assign(bars, { colour: color, font: `10.5px ${fontFamily}` });
    }
  }

  // Out of sight it is drawn once, for its bars need names.
  drawIfSeen() {
    if (this.inView || !this.explorer.find(".sum h3").textContent) this.draw();
  }

  // And when the pointer rests, for whoever searches the page or prints it.
  drawUnseen() {
    if (!this.inView) this.draw();
  }

  draw() {
    const { state, find } = this.explorer, mean = state.head === "mean";
    for (const part of [".dot", ".mixing", ".sum-hint"]) find(part).hidden = mean;
    if (mean) this.drawMean();
    else this.drawHead(state.head);
  }

  // The mean of the heads' numbers, each of which is a way to its own arithmetic.
  drawMean() {
    const { block, words, state, lines, info, pair: [i, j], find } = this.explorer, { ui } = words, { cell, values, column, tokens } = state;
    const numbers = lines.map((line, h) => (cell ? block[values](h, i)[j] : line[column ? i : j])), asks = words.tokens(cell ? [column ? j : i] : tokens);
    const [from, to] = column ? [words.token(i), asks] : [asks, words.token(j)];
    find(".sum h3").textContent = words.say("sum_of_mean", { i: from, j: to });
    this.sayWhose(ui.sum_mean);
    const heads = numbers.map((v, h) => `<button type="button" class="term-chip" data-head="${h}" data-light="cell i j">${words.head(h)} <b>${exact(v)}</b></button>`);
    const mean = numbers.reduce((sum, v) => sum + v, 0) / info.heads;
    this.fillSteps(`( ${heads.join(' <span class="then">+</span> ')} ) <span class="then">÷ ${info.heads} =</span>
      <span class="term-chip" tabindex="0" data-term="mean" data-light="cell i j">${ui.mean_short} <b>${exact(mean)}</b></span>`);
  }

  sayWhose(text) {
    Object.assign(this.explorer.find(".whose"), { textContent: text, hidden: !text });
  }

  drawHead(head) {
    const { block, words, state, pair: [i, j], find } = this.explorer, { tokens } = state;
    const features = countTo(block.dim), q = features.map((c) => block.feature("query", head, i, c)), k = features.map((c) => block.feature("key", head, j, c));
    const products = features.map((c) => q[c] * k[c]), row = block.weights(head, i);
    this.sayWhose(tokens.length > 1 && !state.cell ? words.say("sum_region", { n: tokens.length, token: words.token(state.query) }) : "");
    find(".sum-hint").textContent = words.doing("sum_hint");
    find(".sum h3").textContent = words.say("sum", { head: words.head(head), i: words.token(i), j: words.token(j) });
    this.row("q", q, words.say("q_row", { i: i + 1 }));
    this.row("k", k, words.say("k_row", { j: j + 1 }));
    this.row("p", products, words.ui.p_row);
    this.drawSteps(products.reduce((a, b) => a + b, 0), block.lse.data[head * this.explorer.n + i], row[j], features);
    if (!block.d) return;
    const v = countTo(block.d).map((f) => block.feature("value", head, j, f)), out = [...block.mixed(head, row)];
    this.row("v", v, words.say("v_row", { j: j + 1 }));
    const part = v.map((x) => x * row[j]), end = Math.max(...[...part, ...out].map(Math.abs));
    this.row("w", part, words.say("w_row", { weight: number(row[j]) }), end);
    this.row("o", out, words.say("o_row", { i: i + 1 }), end);
  }

  // From the score to the weight; `lse`: the logarithm of the row's sum of exp.
  drawSteps(score, lse, weight, features) {
    const { ui } = this.explorer.words;
    const shift = Math.abs(lse) < 600 && Math.abs(score) < 600 ? 0 : lse; // exp() of more is not a number any more
    const term = (name, light, text) => `<span class="term-chip" tabindex="0" data-term="${name}" data-light="${light}">${text}</span>`;
    const less = shift ? ` − ${exact(shift)}` : "";
    this.fillSteps(`${term("score", `score ${features.map((c) => `p${c}`).join(" ")} cell`, `${ui.score} <b>${exact(score)}</b>`)}
      <span class="then">→</span> ${term("exp", "exp score cell", `exp(${exact(score)}${less}) = <b>${exact(Math.exp(score - shift))}</b>`)}
      <span class="then">÷</span> ${term("total", "row", `${ui.total} <b>${exact(Math.exp(lse - shift))}</b>`)}
      <span class="then">=</span> ${term("weight", "weight exp total cell", `${ui.weight} <b>${exact(weight)}</b>`)}`);
  }

  // As HTML; what stays the same keeps its focus.
  fillSteps(steps) {
    const box = this.explorer.find(".steps");
    if (box.said !== steps) box.innerHTML = box.said = steps;
  }

  // Bars around a middle line, each with its number where there is room; `end` is the value of a full bar. On a canvas:
  // as elements of their own they took longer than all the rest of a move.
  row(name, values, label, end = Math.max(...values.map(Math.abs))) {
    const bars = this.bars[name], { canvas } = bars, context = canvas.getContext("2d"), ratio = window.devicePixelRatio || 1;
    Object.assign(bars, { values, label });
    bars.name.textContent = label;
    canvas.parentElement.setAttribute("aria-label", label);
    bars.end.textContent = `±${number(end)}`;
    const { width = 0, height = 0 } = bars, step = width / values.length, middle = height / 2, numbers = step >= 40;
    if (canvas.width !== Math.round(width * ratio)) Object.assign(canvas, { width: Math.round(width * ratio), height: Math.round(height * ratio) });
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    Object.assign(context, { fillStyle: bars.colour, font: bars.font, textAlign: "center" });
    values.forEach((value, c) => {
      const size = end ? (value / end) * (middle - (numbers ? 5 : 1)) : 0;
      context.globalAlpha = 0.8;
      context.fillRect(c * step + step * 0.12, middle - Math.max(0, size), step * 0.76, Math.max(0.5, Math.abs(size)));
      context.globalAlpha = 1;
      if (numbers) context.fillText(number(value, end), (c + 0.5) * step, value < 0 ? middle - 5 : middle + 13);
    });
  }

  // Light all that `element`, a term of the arithmetic, names; nothing for null.
  light(element) {
    const { box, words, find } = this.explorer;
    for (const lit of box.querySelectorAll(".lit")) lit.classList.remove("lit");
    const bars = this.bars[element?.closest(".bars")?.dataset.bars], feature = element?.dataset.feature;
    let said = "";
    if (bars?.values) said = feature ? words.say("feature", { row: bars.label, c: Number(feature) + 1, value: number(bars.values[feature]) }) : `${bars.label}: ${bars.values.map((v) => number(v)).join("; ")}`;
    find(".term-said").textContent = said;
    for (const name of element?.dataset.light.split(" ") ?? []) {
      for (const lit of box.querySelectorAll(`[data-term~="${name}"]`)) lit.classList.add("lit");
    }
  }
}

// Five digits, for numbers that somebody may work through with a calculator.
function exact(v) {
  const text = Math.abs(v) >= 1e6 || (v && Math.abs(v) < 1e-4) ? v.toExponential(4) : Number(v.toPrecision(5)).toString();
  return text.replace("e+", "e").replaceAll("-", "−");
}
