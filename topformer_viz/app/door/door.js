// The front door: point at a token of the image and see what it reads, in numbers of the run, without a round trip.

const TOLD = 3; // weights of a row that are told in numbers
const EVEN = 1.01; // a row whose largest weight is less than so many times the even share is called even

// Three digits would be too many in words: whole percents from 10 % on, tenths below, as numbers.py has it.
const percent = (share) => (share > 0 && share < 0.0005 ? "< 0.1%" : `${(share * 100).toFixed(share < 0.1 ? 1 : 0)}%`);
const largest = (row) => row.reduce((best, v, j) => (v > row[best] ? j : best), 0);

class Door {
  constructor(root) {
    this.root = root;
    this.box = root.querySelector(".door");
    this.find = (selector) => this.box.querySelector(selector);
    const photo = this.find(".photo");
    photo.onpointermove = (event) => event.pointerType === "mouse" && this.draw(this.tokenAt(event));
    photo.onpointerleave = () => this.data && this.draw(this.token);
    photo.onclick = (event) => this.settle({ token: this.tokenAt(event) });
    photo.onkeydown = (event) => this.pressed(event);
    for (const link of this.box.querySelectorAll("a")) link.onclick = (event) => this.follow(event, link);
    this.find(".own").onclick = () => this.ask("wish", { go: "picture" });
  }

  close() {
    this.photo?.close();
  }

  show(message) {
    const first = !this.data, again = this.data?.run === message.run;
    const { run } = message, data = (this.data = { ...message, grid: run.grid, photo: run.photo, name: run.name });
    this.attention = run.attention(data.block);
    // Of another picture or model a place in this one would mean something else.
    if (!again) {
      const { head, token } = place(data.name), kept = { ...(typeof head === "number" && { head }), ...(typeof token === "number" && { token }) };
      Object.assign(this, data.start, first && { ...kept, ...data.asked });
    }
    this.close();
    const shown = (this.photo = new Photograph(data.photo.blob, () => this.develop(shown)));
    this.box.lang = data.lang;
    this.box.style.setProperty("--ratio", data.photo.width / data.photo.height);
    this.build();
    this.settle({});
  }

  // ------------------------------------------------------------ what stays while one points

  build() {
    const { data, find, attention: { heads } } = this, { ui, words, grid: [rows, columns] } = data;
    const touch = matchMedia("(hover: none)").matches;
    find("h2").textContent = ui.title;
    find(".intro").textContent = [ui.cut, ui.gather, touch ? ui.tap : ui.point].join(data.space);
    say(find, { ".start": ui.start, ".explore": ui.explore, ".own": ui.own, ".badge": data.badge, ".result": ui.result });
    find(".ways").ariaLabel = ui.ways;
    for (const [name, { title, meaning }] of Object.entries(words)) {
      const word = find(`.word.${name}`), deeper = word.querySelector(".deeper");
      word.querySelector("h3").textContent = title;
      word.querySelector(".meaning").innerHTML = meaning;
      Object.assign(deeper, { textContent: ui.deeper, ariaLabel: fill(ui.deeper_label, { word: title }), hidden: !data.stages[name] });
      deeper.dataset.stage = data.stages[name] ?? "";
    }
    const photo = find(".photo"), lines = gridPath(data.grid, 0, 0, columns, rows);
    photo.setAttribute("aria-label", ui.photo_label);
    for (const extra of photo.querySelectorAll(".lines, .mark")) extra.remove();
    const grid = `<svg class="lines${columns > 24 ? " dense" : ""}" viewBox="0 0 ${columns} ${rows}" preserveAspectRatio="none" aria-hidden="true"><path d="${lines}"/></svg>`;
    photo.insertAdjacentHTML("beforeend", `${grid}<div class="mark j"></div><div class="mark i"></div>`);
    this.map = new Sheet(find(".map"), rows, columns);
    // The heads, as small pictures of the same.
    const shown = heads > 1 ? countTo(heads) : [];
    find(".cards").ariaLabel = ui.heads;
    this.cards = shown.map((head) => {
      const innerHTML = '<span class="name"></span><span class="plane"><canvas class="paper"></canvas><canvas class="map"></canvas></span><span class="most"></span>';
      const card = element("button", { type: "button", className: "card", innerHTML, onclick: () => this.settle({ head }) });
      card.querySelector(".name").textContent = data.names[head];
      return { head, card, sheet: new Sheet(card.querySelector(".map"), rows, columns) };
    });
    const focused = [...find(".cards").children].indexOf(this.root.activeElement);
    find(".cards").replaceChildren(...this.cards.map(({ card }) => card));
    find(".cards").children[focused]?.focus();
  }

  // The photograph is read: grey under the maps, in its colours where a token is shown by itself.
  develop(photo) {
    if (photo !== this.photo) return;
    for (const paper of this.box.querySelectorAll(".paper")) {
      Object.assign(paper, { width: photo.grey.width, height: photo.grey.height });
      paper.getContext("2d").drawImage(photo.grey, 0, 0);
    }
    this.draw(this.at);
  }

  // ------------------------------------------------------------ the pointer and the keys

  tokenAt(event) {
    const [rows, columns] = this.data.grid, [r, c] = placeAt(event, this.find(".photo"), rows, columns);
    return r * columns + c;
  }

  pressed(event) {
    if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const { token, attention: { heads } } = this, next = neighbour(token, event.key, this.data.grid);
    const digit = /^\d$/.test(event.key) && heads > 1 ? Number(event.key) : NaN;
    if (next !== undefined) this.settle({ token: next });
    else if (digit > 0 && digit <= heads) this.settle({ head: digit - 1 });
    else return;
    event.preventDefault();
  }

  // What was chosen stays, in the address too; there everything counts from 1.
  settle(news) {
    Object.assign(this, news);
    if (Object.keys(news).length) place(this.data.name, news); // as on the other pages
    for (const { head, card } of this.cards) card.ariaPressed = String(head === this.head);
    writeAddress({ ...this.data.link, ...this.place, lang: this.data.lang });
    for (const link of this.box.querySelectorAll("a")) link.href = this.leadsTo(link);
    this.draw(this.token);
  }

  get place() {
    return { block: this.data.block + 1, head: this.head + 1, token: this.token + 1 };
  }

  // ------------------------------------------------------------ the ways on

  // A link's own address, for whoever opens it in a tab of its own.
  leadsTo(link) {
    const { token: query, ...place } = this.place, { stage } = link.dataset;
    const said = { ...this.data.link, lang: this.data.lang, ...place, query, ...(stage && { stage }) };
    return pageAddress(link.matches(".explore") ? "explorer" : "lesson", Object.entries(said).filter(([, value]) => value !== null));
  }

  // In this tab the session goes along, and a picture of the visitor's own with it.
  follow(event, link) {
    if (event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    const go = link.matches(".explore") ? "explorer" : "lesson";
    this.ask("wish", { go, stage: link.dataset.stage, ...this.place });
  }

  // ------------------------------------------------------------ what a token reads

  draw(at) {
    this.at = at;
    const { data, attention, head, find } = this, { grid, ui } = data, { n } = attention;
    const rows = countTo(attention.heads).map((h) => attention.weights(h, at));
    const row = rows[head], most = largest(row), scale = rootScale(row[most]);
    Object.assign(this.box.dataset, { token: at, head, most });
    this.map.paint(row, scale);
    for (const { head: own, card, sheet } of this.cards) {
      const top = rows[own][largest(rows[own])];
      sheet.paint(rows[own], rootScale(top));
      card.querySelector(".most").textContent = fill(ui.up_to, { share: percent(top) });
    }
    outline(find(".mark.i"), grid, [at]);
    outline(find(".mark.j"), grid, most === at ? [] : [most]);
    legend(find(".legend"), scale, ui.legend);
    say(find, { ".legend .low": "0%", ".legend .half": percent(row[most] / 2), ".legend .high": percent(row[most]), ".said": this.sentence(row, at, most) });
    this.explain(head, row, at, most, n);
  }

  sentence(row, at, most) {
    const { data: { ui, where, space }, attention: { n }, head } = this, even = percent(1 / n);
    const told = row[most] * n < EVEN ? "even" : most === at ? "itself" : "most";
    const words = { where: where[head], from: this.placeOf(at), to: this.placeOf(most), share: percent(row[most]), even };
    return [fill(ui[told], words), ...(told === "even" ? [] : [fill(ui.compare, { even })])].join(space);
  }

  placeOf(token) {
    const [, columns] = this.data.grid;
    return fill(this.data.ui.place, { r: Math.floor(token / columns) + 1, c: (token % columns) + 1 });
  }

  // The words, each with what is pointed at: token `at` asks, `most` answers.
  explain(head, row, at, most, n) {
    const { attention, find } = this, { ui } = this.data, asked = most === at ? ui.own_asked : ui.asked;
    const q = countTo(attention.dim).map((c) => attention.feature("query", head, at, c));
    const k = countTo(attention.dim).map((c) => attention.feature("key", head, most, c));
    this.list(".q", q, at);
    this.list(".k", k, most);
    const scores = attention.scores(head, at), score = scores[most];
    const [sum, shares] = [find(".key .sum"), find(".row .sum")], brackets = (v) => (v < 0 ? `(${number(v)})` : number(v));
    // The first two products, and what all make; a score that is only rounding away from 0 is said to be 0.
    const size = Math.max(...q.map((v, c) => Math.abs(v * k[c]))), terms = countTo(Math.min(2, q.length)).map((c) => `${brackets(q[c])} × ${brackets(k[c])}`).join(" + ") + (q.length > 2 ? " + …" : "");
    sum.replaceChildren(`${terms} = `, element("b", { textContent: `${ui.score} ${number(score, size)}` }), element("span", { textContent: fill(ui.rank, { n }) }));
    // As many as are told, then all the rest.
    const told = countTo(n).sort((a, b) => row[b] - row[a]).slice(0, TOLD), rest = n - told.length;
    const parts = told.map((j, nth) => element(nth ? "span" : "b", { textContent: percent(row[j]) }));
    const others = 1 - told.reduce((all, j) => all + row[j], 0), many = rest === 1 ? ui.one_other : fill(ui.others, { n: rest });
    if (rest) parts.push(element("span", { textContent: `${percent(Math.max(0, others))} (${many})` }));
    shares.replaceChildren(...parts.flatMap((part, nth) => (nth ? [" + ", part] : [part])), " = 100%");
    this.bars(".a svg", row, fill(ui.row_label, { n, share: percent(row[most]) }), row[most]);
    const v = countTo(attention.d).map((f) => attention.feature("value", head, most, f));
    this.list(".v", v, most);
    this.list(".o", [...attention.mixed(head, attention.weights(head, at))]);
    say(find, { ".asks": ui.asks, ".asked": asked, ".taken": fill(ui.taken, { share: percent(row[most]) }) });
  }

  // A list of numbers as bars, beside the piece of the photograph it was made of.
  list(where, values, token) {
    const [low, high] = extent(values), { ui } = this.data, patch = this.find(`${where} .patch`);
    this.bars(`${where} svg`, values, fill(ui.numbers, { count: values.length, low: number(low), high: number(high) }));
    if (token === undefined || !this.photo.grey) return;
    const { image } = this.photo, [rows, columns] = this.data.grid, w = image.naturalWidth / columns, h = image.naturalHeight / rows;
    Object.assign(patch, { width: 80, height: 80 });
    patch.getContext("2d").drawImage(image, (token % columns) * w, Math.floor(token / columns) * h, w, h, 0, 0, 80, 80);
  }

  // Bars around a middle line or, where `end` is given, from 0 to it.
  bars(where, values, name, end) {
    const svg = this.find(where), top = end ?? Math.max(...values.map(Math.abs)), height = end === undefined ? 1 : 2;
    const bar = (v, c) => {
      const size = top ? (Math.abs(v) / top) * height : 0;
      return `M${c + 0.1} ${v < 0 ? height : height - size}h0.8v${Math.max(0.02, size)}h-0.8z`;
    };
    svg.setAttribute("viewBox", `0 0 ${values.length} 2`);
    svg.setAttribute("preserveAspectRatio", "none");
    svg.setAttribute("aria-label", name);
    svg.innerHTML = `<path class="zero" d="M0 ${height}h${values.length}"/><path d="${Array.from(values, bar).join("")}"/>`;
  }
}
