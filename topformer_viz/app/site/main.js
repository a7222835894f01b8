// The start: the parts that the file brings along, the worker, the page; and what tests and the curious find in the console.

const about = JSON.parse(document.getElementById("about").textContent), spoken = JSON.parse(document.getElementById("words").textContent);

async function start() {
  const engine = new Engine(await textOf("worker.js.gz")), site = new Site(document.querySelector(".site"), about, spoken, engine);
  addEventListener("unhandledrejection", (event) => site.complain(event.reason ?? {}));
  window.topformer = {
    // The names of the run on show.
    get run() {
      return Object.keys(site.shown?.axes ?? {});
    },
    // A tensor of it, its numbers in the order of its axes.
    tensor(name) {
      const { data, shape, strides } = site.shown.run.tensor(name);
      return { axes: site.shown.axes[name], shape, data: ordered(data, shape, strides) };
    },
    // What a page says of the run, of the lesson on a block from 0: its book with all places filled.
    async told(page, block = 0) {
      const book = site.bookOf(page), { run } = site.shown, whole = await site.shown.whole;
      if (page === "lesson") return { ...book, steps: book.blocks[block].map((n) => filled(book.steps[n], run, block)) };
      return page === "network" ? filled(book, whole, 0) : book;
    },
    // What dropping a file does; whether it is on show.
    open: (blob) => site.take(blob),
  };
  // All sets out at once; the worker does one thing after the other.
  const plain = site.spoken.said.get("kernels") === "plain", inside = ["weights.halves.gz", "likeness.gz", "kernels.wasm", "checkpoint.halves.gz"];
  const [weights, fitted, kernels, checkpoint] = await Promise.all(inside.map((name) => about.parts.includes(name) && part(name)));
  const begun = [engine.ask("begin", { weights, fitted, kernels, plain, model: site.choice.model })];
  if (checkpoint) begun.push(engine.ask("checkpoint", { bytes: checkpoint, name: about.checkpoint.name }));
  await Promise.all([site.run(site.choice), ...begun]);
}

// The numbers of a tensor in the order of its axes.
function ordered(data, shape, strides) {
  if (contiguous(shape).every((stride, axis) => stride === strides[axis])) return data;
  const out = new Float32Array(shape.reduce((a, b) => a * b, 1)), at = shape.map(() => 0);
  for (let i = 0; i < out.length; i++) {
    out[i] = data[at.reduce((sum, place, axis) => sum + place * strides[axis], 0)];
    for (let axis = shape.length - 1; axis >= 0 && ++at[axis] === shape[axis]; axis--) at[axis] = 0;
  }
  return out;
}

start().catch((error) => {
  console.error(error);
  const root = document.querySelector(".site"), box = root.querySelector(".problem");
  root.dataset.state = "error";
  Object.assign(box, { hidden: false, textContent: Object.values(spoken).map(({ ui }) => ui.cannot).join(" ") });
});
