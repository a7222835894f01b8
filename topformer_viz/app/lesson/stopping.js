// Under a block's output: what the network would say if it stopped there. It is asked for when it is first looked at, and comes with a
// later message.

const KEYS = 12; // classes in the legend at most

class Stopping {
  constructor(view) {
    this.view = view;
    this.find = (selector) => view.find(`.stopping ${selector}`);
  }

  draw() {
    const { view } = this, { ui, explorer, block, lens, view: { run, untrained } } = view.lesson, box = view.find(".stopping");
    box.hidden = view.stage !== "output" || !explorer.classes.length;
    if (box.hidden) return;
    say(this.find, { h3: ui.lens, ".lens-note": ui.lens_note, ".lens-random": untrained ? ui.random : "" });
    box.ariaBusy = String(!lens);
    if (!lens) return this.wish(run);
    const classes = explorer.classes.map(([name, colour]) => ({ name, colour })), stop = this.find(".lens-readout");
    const tell = (text, { clientX, clientY }) => {
      const { left, top, width } = box.getBoundingClientRect();
      sayBeside(stop, text, clientX - left, clientY - top, width);
    };
    const shown = new Lens({ ui, ...lens, classes, named: classes, block, say: tell, leave: () => (stop.hidden = true) });
    shown.paint(view.photo.grey);
    this.find(".row").replaceChildren(shown.row);
    this.find(".lens-keys").replaceChildren(...this.keys(lens.labels, classes));
  }

  wish(run) {
    if (this.wished === run) return;
    this.wished = run;
    this.find(".row").replaceChildren();
    this.find(".lens-keys").replaceChildren();
    this.view.ask("lens", run);
  }

  // The commonest of the classes on these maps.
  keys(labels, classes) {
    const counts = classes.map(() => 0);
    for (const c of labels.data) counts[c]++;
    const present = [...counts.keys()].filter((c) => counts[c]).sort((a, b) => counts[b] - counts[a]).slice(0, KEYS);
    return present.map((c) => element("span", {}, element("span", { className: "swatch", style: `background: ${classes[c].colour}` }), classes[c].name));
  }
}
