// What runs the network, apart from the page, which never waits: messages {id, does, ...} in; out {id, share} of what is done, then
// {id, result}, {id, refused} or {id, overtaken}. One thing at a time; whoever brings another image or model overtakes what is still
// at work.

const SHORT_SIDE = 512, MAX_TOKENS = 512, GRID = 8; // as the app's pages are at first
const REST = 30; // ms of work until newer messages are looked at
const OVERTAKEN = Symbol("overtaken");

let bundled; // {weights, fitted, kernels, forPictures}: the weights, what its training images look like, kernels.wasm where it may run, and
// the kernels that resize: by themselves, as their memory may grow
let own = null; // the visitor's checkpoint
let built = {}; // the network last used, {name, state, network}
let last = null; // the run last made, {name, made, photo, image, state, network}

const DOES = {
  // `model` is the one that will be asked for first.
  async begin({ weights, fitted, kernels, plain, model }) {
    const numbers = fitted ? [...readSafetensors(fitted, "likeness").content] : []; // without the bundled weights there is none
    bundled = { weights, fitted: Object.fromEntries(numbers.map(([name, tensor]) => [name, tensorOf(numbersOf(tensor), tensor.shape)])), kernels: plain ? null : kernels };
    bundled.forPictures = await newKernels().catch(() => {
      bundled.kernels = null; // a page may forbid it
      return newKernels();
    });
    if (model === "everyday") await networkOf(model); // while the page decodes the picture
  },

  // A checkpoint of the visitor's; it is kept for the runs to come.
  async checkpoint({ bytes, name }, pause) {
    own = await loadCheckpoint(new Uint8Array(bytes), name, await newKernels(), pause);
    if (built.name === "own") built = {};
    return about(own);
  },

  // A picture, as decodeImage has it, through a model: all tensors, and what is said of them.
  async run({ name, picture, model }, pause) {
    const read = await pictureOf(picture, bundled.forPictures), [width, height] = networkSize(read.width, read.height, SHORT_SIDE, MAX_TOKENS);
    const photo = lanczos(read, width, height, bundled.forPictures), image = toTensor(photo);
    last = null; // its tensors lie where those of the next will
    const { network, state } = await networkOf(model, image, pause), made = await trace(network, image, pause);
    if (model === "own" && !showable(Object.values(made.tensors))) throw new CheckpointError("OVERFLOWS_HERE");
    last = { name, made, image, state, network, photo: { width, height, blob: await jpegOf(photo) } };
    const run = await travels(made, network, last.photo, name, pause), engine = network.kernels.name, { axes, sizes, seconds } = made;
    const far = model === "everyday" ? likenessDistances(bundled.fitted, made) : [];
    return { run: { ...run, tensors: { ...made.tensors, ...run.tensors } }, from: [read.width, read.height], engine, axes, sizes, seconds, far, ...about(state) };
  },

  // What the page of the whole network shows of a run.
  whole({ name }, pause) {
    const { made, network, photo } = current(name);
    return wholeMessage(made, network, photo, name, pause);
  },

  // What the network would say of a run after each block.
  async lens({ name }, pause) {
    const { made, network } = current(name);
    return lensMessage(made, network, pause);
  },

  // A run without some heads of a block, from 0.
  async removal({ name, block, removal }, pause) {
    const { made, network } = current(name);
    return { [`block${block} ${removal}`]: await removalOf(made, network, block, removal, pause) };
  },

  // The colour model on the test card, for the basics.
  async card({ picture }, pause) {
    const photo = await pictureOf(picture, bundled.forPictures), network = new ColourModel(GRID, new PlainKernels()), made = await trace(network, toTensor(photo), pause);
    const run = await travels(made, network, { width: photo.width, height: photo.height, blob: await jpegOf(photo) }, "card", pause);
    return { ...run, tensors: { ...made.tensors, ...run.tensors } };
  },

  // How far the attention on show is from a pass in plain JavaScript in which nothing is folded: one number per block.
  async differences({ name }, pause) {
    const { made, image, state } = current(name), plain = networkFrom(state, new PlainKernels(), false);
    const written = await trace(plain, image, pause);
    current(name); // whose numbers lie where another run's may lie by now
    return difference(written, made);
  },
};

function current(name) {
  if (last?.name !== name) throw OVERTAKEN;
  return last;
}

// ---------------------------------------------------------------- models

const about = ({ spec = null, classes = null, classNames = null }) => ({ spec, classes, classNames });
const newKernels = async () => (bundled.kernels ? WasmKernels.open(bundled.kernels) : new PlainKernels());
const networkFrom = (state, kernels, folded = true) => (state.spec ? new TopFormer(state, kernels, folded) : new ColourModel(GRID, kernels));

// A model by its name in addresses. "tiny-batch" holds the statistics of the one image, so it is made anew for each.
async function networkOf(name, image, pause) {
  if (built.name === name) return built;
  const [source, batch] = name.split("-"), kernels = await newKernels();
  let state = source === "own" ? own : source === "colour" ? {} : source === "everyday" ? readCheckpoint(bundled.weights, source) : { ...untrained(source), classNames: CLASS_SETS.ade20k.names };
  if (batch) state = await withBatchStatistics(state, image, kernels, pause);
  built = { name: batch ? null : name, state, network: networkFrom(state, await newKernels()) };
  return built;
}

async function jpegOf({ data, width, height }) {
  const canvas = new OffscreenCanvas(width, height);
  canvas.getContext("2d").putImageData(new ImageData(data, width, height), 0, 0);
  return canvas.convertToBlob({ type: "image/jpeg", quality: 0.9 });
}

// ---------------------------------------------------------------- messages

const LASTING = ["begin", "checkpoint"]; // what no run overtakes
let newest = 0; // the number of the last message that asks for a run
let line = Promise.resolve();

onmessage = ({ data }) => {
  if (data.does === "run") newest = data.id;
  if (data.does === "differences") answer(data); // beside all else, between whose parts it goes on: nobody waits for it
  else line = line.then(() => answer(data));
};

async function answer({ id, does, ...asked }) {
  try {
    const overtaken = () => !LASTING.includes(does) && id < newest;
    if (overtaken()) throw OVERTAKEN;
    const [result, copies] = detached(await DOES[does](asked, pauseFor(id, overtaken)));
    postMessage({ id, result }, copies);
  } catch (error) {
    if (error === OVERTAKEN) postMessage({ id, overtaken: true });
    else if (error.reason) postMessage({ id, refused: { reason: error.reason, values: error.values } });
    else postMessage({ id, failed: String(error.stack ?? error) });
  }
}

// What computes awaits this between its parts, with the share that is done.
function pauseFor(id, overtaken) {
  let rested = performance.now();
  return async (share) => {
    if (performance.now() - rested < REST) return;
    if (share !== undefined) postMessage({ id, share });
    await new Promise((go) => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = go;
      port2.postMessage(null);
    });
    rested = performance.now();
    if (overtaken()) throw OVERTAKEN;
  };
}

// A result as it travels: none of its numbers lie in the kernels' memory, which stays; and what goes along with it.
function detached(result) {
  const copies = new Map();
  const copy = (value) => {
    if (ArrayBuffer.isView(value)) {
      if (!copies.has(value)) copies.set(value, value.byteLength === value.buffer.byteLength ? value : value.slice());
      return copies.get(value);
    }
    if (Array.isArray(value)) return value.map(copy);
    if (value?.constructor !== Object) return value;
    return Object.fromEntries(Object.entries(value).map(([name, own]) => [name, copy(own)]));
  };
  const whole = copy(result);
  return [whole, [...copies.values()].map(({ buffer }) => buffer)];
}
