// Presenting to a class: the stage alone on the screen, large; what there is to say about it is uncovered bit by bit
// (level 0: the map, 1: the shape, 2: the words, at the end 3: the quiz summed up), by a click, the keyboard or a remote.
// The pointer is a red dot.

const LEVELS_OF_STAGE = 3;
const INTERACTIVE = "button, a, summary, input, textarea, select, [contenteditable], [role=button], .photo, .term";

class Presenter {
  constructor(view) {
    this.view = view;
    this.find = view.find;
    this.on = false;
    this.level = 0;
    this.find("button.present").onclick = () => this.turn(true);
    this.find(".present-line .leave").onclick = () => this.turn(false);
    this.find(".present-line .on").onclick = () => this.onward();
    this.find(".present-line .back").onclick = () => this.back();
    this.find(".to-shape").onclick = () => this.uncover(1);
    this.find(".to-words").onclick = () => this.uncover(2);
    this.find(".blackout").onclick = () => this.darken(false);
    const seeing = this.find(".seeing");
    seeing.onpointermove = (event) => this.point(event);
    seeing.onpointerleave = () => this.point(null);
    // First of all: the explorer has meanings of its own for Escape.
    this.key = (event) => this.pressed(event);
    document.addEventListener("keydown", this.key, true);
    this.unfilled = () => document.fullscreenElement || !this.filled || this.turn(false);
    document.addEventListener("fullscreenchange", this.unfilled);
  }

  close() {
    document.removeEventListener("keydown", this.key, true);
    document.removeEventListener("fullscreenchange", this.unfilled);
    document.documentElement.classList.remove("presenting");
  }

  // `fill`: ask for the whole screen, which browsers grant only to a key or a click.
  turn(on, fill = true) {
    if (on === this.on) return;
    const focused = this.view.root.activeElement;
    this.on = on;
    this.level = 0;
    this.find(".lesson").classList.toggle("presenting", on);
    document.documentElement.classList.toggle("presenting", on);
    this.darken(false);
    this.view.render();
    if (on && fill) document.documentElement.requestFullscreen?.().then(() => (this.filled = true), () => {});
    if (!on && this.filled && document.fullscreenElement) document.exitFullscreen().catch(() => {});
    if (!on) this.filled = false;
    if (on) this.came = focused;
    const back = !on && this.came?.isConnected && this.came.checkVisibility() ? this.came : this.find(".stage");
    back.focus({ preventScroll: true });
    if (!on) this.find(".stage").scrollIntoView({ block: "nearest" });
  }

  get black() {
    return !this.find(".blackout").hidden;
  }

  darken(black) {
    Object.assign(this.find(".blackout"), { hidden: !black, textContent: black ? this.view.lesson.ui.black : "" });
  }

  pressed(event) {
    if (!this.on || event.altKey || event.ctrlKey || event.metaKey) return;
    const target = event.composedPath()[0], free = !target.closest?.(INTERACTIVE);
    const act = {
      Escape: () => this.turn(false), p: () => this.turn(false), b: () => this.darken(true), ".": () => this.darken(true),
      PageDown: () => this.onward(), PageUp: () => this.back(),
      " ": free && (() => this.onward()), Enter: free && (() => this.onward()),
    }[event.key?.length === 1 ? event.key.toLowerCase() : event.key];
    if (this.black) this.darken(false);
    else if (act) act();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  // What is covered comes first, then the next stage.
  onward() {
    const { quiz, step } = this.view;
    if (quiz.pending(step)) return quiz.answered ? quiz.show() : quiz.choose(null);
    if (this.level < LEVELS_OF_STAGE - (quiz.sumsUp ? 0 : 1)) this.uncover(this.level + 1);
    else this.view.turn(1);
  }

  back() {
    const { lesson, step, quiz } = this.view;
    if (this.level && !quiz.pending(step)) return this.uncover(this.level - 1);
    if (step === lesson.steps[0]) return;
    this.view.turn(-1);
    if (!quiz.pending(this.view.step)) this.uncover(LEVELS_OF_STAGE - 1); // as it was left
  }

  uncover(level) {
    const hadFocus = this.view.root.activeElement?.closest(".cover");
    this.level = level;
    this.draw();
    this.view.drawPicture();
    if (hadFocus) this.find(".stage").focus({ preventScroll: true });
  }

  draw() {
    const { lesson, step, head } = this.view, { ui } = lesson;
    this.find(".lesson").dataset.level = this.level;
    const about = [
      ...lesson.about, fill(ui.block_of, { at: lesson.block, of: lesson.blocks }), head ? `${ui.head} ${head}` : ui.all_heads,
      fill(ui.step, { at: lesson.steps.indexOf(step) + 1, of: lesson.steps.length }),
    ];
    say(this.find, {
      "button.present": ui.present, ".to-shape": ui.covered_shape, ".to-words": ui.covered_words, ".hints": ui.hints, ".leave": ui.leave,
      ".about": about.join(" · "),
    });
    this.find(".present-line .on").setAttribute("aria-label", ui.next);
    this.find(".present-line .back").setAttribute("aria-label", ui.previous);
    this.token = undefined; // the maps may be others
    this.point(null);
  }

  // The dot follows the pointer, and the token under it is outlined in every map on show.
  point(event) {
    const dot = this.find(".laser"), shows = this.on && event && event.pointerType !== "touch";
    dot.hidden = !shows;
    if (shows) dot.style.transform = `translate(${event.clientX}px, ${event.clientY}px)`;
    this.outline(this.on && event ? this.tokenAt(event) : null);
  }

  tokenAt(event) {
    const { view } = this, { explorer } = view;
    const own = view.cellAt(event);
    if (own) return own.tile.token(own.r, own.c);
    const plane = event.target.closest(".explorer .plane");
    if (!plane) return null;
    return plane.matches(".matrix") ? explorer.state.query : explorer.pointer.tokenAt(event, plane);
  }

  outline(token) {
    if (token === this.token) return;
    this.token = token;
    const { view } = this, { lesson: { grid }, painter } = view, none = token === null;
    const path = none || !painter ? "" : painter.tiles.map((tile) => boxPath(tile.box(token))).join("");
    for (const line of this.view.root.querySelectorAll(".tokens path")) line.setAttribute("d", path);
    for (const plane of this.view.root.querySelectorAll(".explorer .plane:not(.matrix)")) {
      const mark = plane.querySelector(".mark.token") ?? plane.appendChild(element("span", { className: "mark token" }));
      outline(mark, grid, none ? [] : [token]);
    }
  }
}

const boxPath = ({ x, y, w, h }) => `M${x} ${y}h${w}v${h}h${-w}z`;
