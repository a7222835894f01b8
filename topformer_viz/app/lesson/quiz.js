// Predict, then reveal: while it is on, a stage shows a question first. The questions come with the payload (quiz.py).
// What was answered is kept for this tab; an answer that depends on the run and the block is asked for anew in another.

class Quiz {
  constructor(view) {
    this.view = view;
    this.find = view.find;
    this.on = false;
    this.now = null; // the question just answered: {key, chosen}
    this.kept = { answers: {}, open: {}, ...stored("topformer-quiz") };
    this.find(".predict").onclick = () => this.turn(!this.on);
    this.find(".reset").onclick = () => this.reset();
    this.find(".quiz .show").onclick = () => this.show();
    this.find(".quiz .another").onclick = () => {
      this.now = null;
      this.draw();
      this.find(".stage").focus({ preventScroll: true });
    };
  }

  turn(on) {
    this.on = on;
    this.now = null;
    this.view.render();
  }

  reset() {
    this.kept = { answers: {}, open: {} };
    this.now = null;
    this.keep();
    this.find(".predict").focus(); // this button goes
    this.view.render();
  }

  keep() {
    stored("topformer-quiz", this.kept);
  }

  key(step, question) {
    const { block, view: { run } } = this.view.lesson, live = question ? question.live : step.quiz.some((q) => q.live);
    return [step.stage, question?.kind ?? "", ...(live ? [run, block] : [])].join("/");
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
      return element("button", { type: "button", className: `option${judged}`, innerHTML, ariaKeyShortcuts: n + 1, ariaDisabled, onclick: () => this.choose(n) });
    });
    this.find(".options").replaceChildren(...options);
    const right = question.options.find((option) => option.correct), own = question.options[chosen] ?? right;
    const verdict = chosen === null ? ui.told : own.correct ? ui.right : ui.wrong;
    // The wrong answers of a live question say the numbers already.
    const also = own.correct || question.live ? "" : `<p>${ui.told} ${right.reason}</p>`;
    this.find(".reason").innerHTML = answered ? `<p><strong>${verdict}</strong> ${own.reason}</p>${also}` : "";
    this.find(".quiz .onward").hidden = !answered;
    this.find(".quiz .another").hidden = !this.unanswered(step).length;
  }
}
