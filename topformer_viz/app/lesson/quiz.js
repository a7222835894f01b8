// Predict, then reveal: while it is on, a stage shows a question first, and the last one sums up. The questions come with
// the payload (quiz.py). What was answered is kept for this tab and belongs to the run on show: another image or model has
// a count of its own, and what depends on the block is asked anew in another. While presenting, the hands of a class are
// typed in beside the answers.

class Quiz {
  constructor(view) {
    this.view = view;
    this.find = view.find;
    this.on = false;
    this.now = null; // the question just answered: {key, chosen}
    this.runs = stored("topformer-quiz"); // by run: {answers, open, hands}, by question, by stage and by question
    this.find(".predict").onclick = () => this.turn(!this.on);
    this.find(".reset").onclick = () => this.reset();
    this.find(".quiz .show").onclick = () => this.show();
    this.find(".summary .again").onclick = () => this.askAgain();
    this.find(".quiz .another").onclick = () => {
      this.now = null;
      this.draw();
      this.find(".stage").focus({ preventScroll: true });
    };
  }

  get kept() {
    return (this.runs[this.view.lesson.view.run] ??= { answers: {}, open: {}, hands: {} });
  }

  turn(on) {
    this.on = on;
    this.now = null;
    this.view.render();
  }

  reset() {
    delete this.runs[this.view.lesson.view.run];
    this.now = null;
    this.keep();
    this.find(".predict").focus(); // this button goes
    this.view.render();
  }

  keep() {
    stored("topformer-quiz", this.runs);
  }

  key(step, question) {
    const live = question ? question.live : step.quiz.some((q) => q.live);
    return [step.stage, question?.kind ?? "", ...(live ? [this.view.lesson.block] : [])].join("/");
  }

  // The question that a stage waits for; null where it may be seen.
  pending(step) {
    if (!this.on || this.kept.open[this.key(step)]) return null;
    return step.quiz.find((q) => this.key(step, q) === this.now?.key) ?? this.unanswered(step)[0] ?? null;
  }

  unanswered(step) {
    return step.quiz.filter((q) => !(this.key(step, q) in this.kept.answers));
  }

  get answered() {
    const { step } = this.view, question = this.now && this.pending(step);
    return Boolean(question) && this.key(step, question) === this.now.key; // not that of another block
  }

  // `n`: from 0; null where the answer is told and nothing counts.
  choose(n) {
    const { step } = this.view, question = this.pending(step);
    if (!question || this.answered || n >= question.options.length) return;
    this.now = { key: this.key(step, question), chosen: n };
    this.kept.answers[this.now.key] = n === null ? null : question.options[n].correct;
    this.keep();
    this.draw();
    this.find(".quiz .show").focus({ preventScroll: true });
    this.find(".quiz .onward").scrollIntoView({ block: "nearest" });
  }

  show() {
    this.kept.open[this.key(this.view.step)] = true;
    this.keep();
    this.now = null;
    this.view.scene.light();
    this.view.drawStage();
    this.find(".stage").focus({ preventScroll: true });
  }

  // Digits answer; Enter goes on where nothing else has the focus.
  pressed(event, target) {
    if (!this.pending(this.view.step)) return false;
    if (/^[1-4]$/.test(event.key)) this.choose(Number(event.key) - 1);
    else if (event.key === "Enter" && this.answered && !target.closest?.("button, a, summary, [role=button]")) this.show();
    else return false;
    return true;
  }

  draw() {
    const { lesson, step } = this.view, { ui } = lesson, question = this.pending(step), { answered } = this, chosen = answered ? this.now.chosen : undefined;
    const counted = Object.values(this.kept.answers).filter((right) => right !== null);
    const said = fill(ui.score, { right: counted.filter(Boolean).length, of: counted.length });
    say(this.find, { ".predict": ui.predict, ".reset": ui.reset, ".score": said, ".quiz .show": ui.show_stage, ".quiz .another": ui.another });
    Object.assign(this.find(".predict"), { title: ui.predict_title, ariaPressed: String(this.on) });
    for (const part of [".score", ".reset"]) this.find(part).hidden = !this.on || !counted.length;
    this.find(".lesson").classList.toggle("quizzing", this.on);
    this.sumUp(said);
    this.find(".lesson").classList.toggle("asking", Boolean(question));
    document.documentElement.classList.toggle("asking", Boolean(question)); // the page's words on the model tell answers
    const box = this.find(".quiz");
    box.hidden = !question;
    if (!question) return;
    box.setAttribute("aria-label", ui.predict);
    const at = step.quiz.indexOf(question) + 1;
    const where = step.quiz.length > 1 ? [fill(ui.question, { at, of: step.quiz.length })] : [];
    this.find(".asked").textContent = [...where, ...(counted.length ? [said] : [])].join(" · ");
    this.find(".given").innerHTML = question.given.map((line) => `<li>${line}</li>`).join("");
    this.find(".given").hidden = !question.given.length;
    this.find(".prompt").innerHTML = question.prompt;
    const options = question.options.map(({ text, correct }, n) => {
      const [mark, judged] = !answered ? ["", ""] : correct ? ["✓", " correct"] : n === chosen ? ["✗", " mistaken"] : ["", ""];
      const innerHTML = `<kbd>${n + 1}</kbd><span>${text}</span><span class="verdict">${mark}</span>`, ariaDisabled = answered ? "true" : null;
      const option = element("button", { type: "button", className: `option${judged}`, innerHTML, ariaKeyShortcuts: n + 1, ariaDisabled, onclick: () => this.choose(n) });
      return this.view.presenter.on ? element("div", { className: "answer" }, option, this.hands(step, question, n, option)) : option;
    });
    this.find(".options").replaceChildren(...options);
    const right = question.options.find((option) => option.correct), own = question.options[chosen] ?? right;
    const verdict = chosen === null ? ui.told : own.correct ? ui.right : ui.wrong;
    // The wrong answers of a live question say the numbers already.
    const also = own.correct || question.live ? "" : `<p>${ui.told} ${right.reason}</p>`, raised = this.raised(this.key(step, question), question);
    const ofClass = raised.of && this.view.presenter.on ? `<p>${fill(ui.hands_right, raised)}</p>` : "";
    this.find(".reason").innerHTML = answered ? `<p><strong>${verdict}</strong> ${own.reason}</p>${also}${ofClass}` : "";
    this.find(".quiz .onward").hidden = !answered;
    this.find(".quiz .another").hidden = !this.unanswered(step).length;
  }

  // ------------------------------------------------------------ hands

  // How many hands answer `n` gets: a field to type them into and, once the answer is told, the number with a bar behind `option`.
  hands(step, question, n, option) {
    const { ui } = this.view.lesson, key = this.key(step, question), counts = this.kept.hands[key] ?? [], count = counts[n] ?? 0;
    if (this.answered) {
      const { of } = this.raised(key, question);
      if (of) option.style.setProperty("--share", `${(count * 100) / of}%`);
      return element("span", { className: "hands", textContent: of ? count : "" });
    }
    const field = element("input", { type: "number", min: 0, inputMode: "numeric", value: count || "", placeholder: ui.hands, ariaLabel: fill(ui.hands_for, { n: n + 1 }) });
    field.oninput = () => {
      const news = question.options.map((_, m) => this.kept.hands[key]?.[m] ?? 0);
      news[n] = Math.max(0, Math.floor(Number(field.value)) || 0);
      this.kept.hands[key] = news;
      this.keep();
    };
    return field;
  }

  // Of the hands for a question: how many were for the right answer, of how many.
  raised(key, question) {
    const counts = this.kept.hands[key] ?? [], sum = (all) => all.reduce((a, b) => a + b, 0);
    return { right: sum(counts.filter((_, n) => question.options[n]?.correct)), of: sum(counts) };
  }

  // What a class was asked in this block, {step, block, prompt, right, of}; what most of it missed comes first.
  get polled() {
    const { lesson } = this.view, asked = lesson.steps.flatMap((step) => step.quiz.map((question) => ({ step, question, block: lesson.block })));
    const all = asked.map(({ step, question, block }) => ({ step, block, prompt: question.prompt, ...this.raised(this.key(step, question), question) }));
    return all.filter(({ of }) => of).sort((a, b) => a.right / a.of - b.right / b.of);
  }

  // ------------------------------------------------------------ the sum at the end

  get sumsUp() {
    const { lesson, step } = this.view;
    return this.on && step === lesson.steps.at(-1) && !this.pending(step);
  }

  // Answers of a kind as places to go back to: {key, step, block, prompt}; not those of a stage that this lesson lacks.
  places(keys) {
    const { lesson } = this.view;
    return keys.map((key) => {
      const [stage, kind, block] = key.split("/"), step = lesson.byStage[stage];
      return { key, step, block: Number(block) || lesson.block, prompt: step?.quiz.find((q) => q.kind === kind)?.prompt ?? "" };
    }).filter(({ step }) => step);
  }

  get missed() {
    return this.places(Object.keys(this.kept.answers).filter((key) => this.kept.answers[key] === false));
  }

  goTo({ step, block }) {
    this.view.chooseBlock(block);
    this.view.go(step.stage);
    this.find(".stage").focus({ preventScroll: true });
    this.find(".stage").scrollIntoView({ block: "start" });
  }

  askAgain() {
    const { missed } = this;
    for (const { key, step } of missed) {
      delete this.kept.answers[key];
      for (const open of Object.keys(this.kept.open)) if (open.startsWith(`${step.stage}/`)) delete this.kept.open[open];
    }
    this.keep();
    this.view.render();
    this.goTo(missed[0]);
  }

  sumUp(said) {
    const box = this.find(".summary"), { lesson, lesson: { ui } } = this.view, { missed } = this;
    box.hidden = !this.sumsUp;
    if (box.hidden) return;
    const { polled } = this, left = lesson.steps.filter((step) => this.unanswered(step).length).map((step) => ({ step, block: lesson.block }));
    const answered = Object.values(this.kept.answers).some((right) => right !== null);
    say(this.find, {
      ".summary h3": ui.summed_up, ".summary .result": answered ? said : polled.length ? "" : ui.none_answered, ".summary .again": ui.again,
      ".summary .well": ui.all_right, ".summary .of-missed": ui.missed, ".summary .of-left": ui.left,
      ".summary .of-class": ui.polled,
    });
    this.find(".summary .well").hidden = !answered || missed.length > 0;
    for (const part of [".of-missed", ".missed", ".again"]) this.find(`.summary ${part}`).hidden = !missed.length;
    for (const part of [".of-left", ".left-over"]) this.find(`.summary ${part}`).hidden = !left.length;
    for (const part of [".of-class", ".polled"]) this.find(`.summary ${part}`).hidden = !polled.length;
    const rows = polled.map((place) => {
      const row = this.wayTo(place);
      row.style.setProperty("--share", `${(place.right * 100) / place.of}%`);
      row.prepend(element("strong", { className: "hands", textContent: fill(ui.hands_share, place) }));
      return row;
    });
    this.find(".summary .polled").replaceChildren(...rows);
    this.find(".summary .missed").replaceChildren(...missed.map((place) => this.wayTo(place)));
    this.find(".summary .left-over").replaceChildren(...left.map((place) => this.wayTo(place)));
  }

  // A place as an item of a list; where it is another block's, that is said.
  wayTo(place) {
    const { lesson } = this.view, block = place.block === lesson.block ? "" : ` · ${lesson.ui.block} ${place.block}`;
    const button = element("button", { type: "button", textContent: place.step.title + block, onclick: () => this.goTo(place) });
    return element("li", {}, button, element("span", { innerHTML: place.prompt ?? "" }));
  }
}
