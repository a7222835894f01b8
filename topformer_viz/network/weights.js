// A checkpoint in, what a model is made of out: {spec, classes, classNames, tensors}. Beside weights.py; of the kinds of file that
// torchfile.py reads, .safetensors alone.

const MAX_CHECKPOINT_BYTES = 100_000_000; // base with an optimiser's state and a moving average takes 80 MB
const MAX_INDEX_BYTES = 4_000_000; // of the header, which tells tensors' names and shapes: base's own takes 0.2 MB
const MAX_CLASSES = 1024, MAX_INJECTED = 1024; // more than any published one: maps of an image as wide as that are kept whole
const SHOWN_KEYS = 3; // of each kind, in an error
const LARGEST = 1e15; // the pages sum squares of what a network computes; far above that float32 cannot hold them
const STEM = "tpm.stem.0.c.weight"; // what every TopFormer has, under whatever prefix

// The state of a checkpoint file's bytes (Uint8Array); `name` is for messages only. It is checked as load_checkpoint does, but for
// what it computes: see loadCheckpoint. Throws CheckpointError.
function readCheckpoint(bytes, name) {
  name = cutIn(name);
  if (bytes.length > MAX_CHECKPOINT_BYTES) throw new CheckpointError("TOO_HEAVY", { name, megabytes: MAX_CHECKPOINT_BYTES / 1e6 });
  const { content, named } = readFile(bytes, name);
  const state = fitting(stateOf(content, name), name);
  if (!below(Infinity, Object.values(state.tensors))) throw new CheckpointError("NOT_FINITE", { name });
  const names = Array.isArray(named) && named.length === state.classes && named.every((one) => typeof one === "string");
  if (names) state.classNames = named.map((one) => Array.from(one).slice(0, SHOWN_CHARACTERS).join(""));
  return state;
}

// The same; also sees on noise that what it computes can be shown.
async function loadCheckpoint(bytes, name, kernels, pause = atOnce) {
  const state = readCheckpoint(bytes, name), noise = tensorOf(new Generator(0).normal(3 * 128 * 128), [3, 128, 128]);
  const { tensors } = await trace(new TopFormer(state, kernels), noise, pause);
  if (!showable(Object.values(tensors))) throw new CheckpointError("OVERFLOWS", { name: cutIn(name), largest: LARGEST.toExponential(0) });
  return state;
}

// Whether all that a run computed is finite, and not so large that what is measured of it would not be.
function showable(tensors) {
  return below(LARGEST, tensors);
}

// By loops, as there are millions of numbers.
function below(most, tensors) {
  for (const { data } of tensors) for (let i = 0; i < data.length; i++) if (!(Math.abs(data[i]) < most)) return false;
  return true;
}

// ------------------------------------------------------------ the file

// What the file's author put into it: Map of {dtype, shape, bytes}, and what it gives as names of the classes, which may be anything.
function readFile(bytes, name) {
  const starts = (...start) => start.every((byte, i) => bytes[i] === byte);
  const text = (from, to) => Array.from(bytes.subarray(from, to), (byte) => String.fromCharCode(byte)).join("");
  if (bytes[8] === 0x7b) return readSafetensors(bytes, name);
  if (starts(0x50, 0x4b, 3, 4)) {
    const torch = /^[^/]+\/data\.pkl$/.test(text(30, 30 + bytes[26] + 256 * bytes[27]));
    throw torch ? new CheckpointError("UNKNOWN", { name, what: "PICKLE" }) : new CheckpointError("ARCHIVE", { name });
  }
  const magic = ["l\xfc\x9cF\xf9 j\xa8P\x19", "119547037146038801333356"]; // of what torch.save wrote before PyTorch 1.6
  if (magic.some((one) => text(0, 32).includes(one))) throw new CheckpointError("UNKNOWN", { name, what: "PICKLE" });
  const archives = ["\x1f\x8b", "7z\xbc\xaf\x27\x1c", "Rar!", "\xfd7zXZ\0", "BZh", "\x28\xb5\x2f\xfd"];
  if (archives.some((one) => text(0, 6).startsWith(one)) || text(257, 262) === "ustar") throw new CheckpointError("ARCHIVE", { name });
  throw new CheckpointError("FOREIGN", { name, kind: kindOf(text(0, 200)) });
}

// What a file is that is no checkpoint, as far as it can be told from its start.
function kindOf(raw) {
  const start = raw.replace(/^[ \t-\r]+|[ \t-\r]+$/g, "").toLowerCase();
  if (!start) return "empty";
  if (/^(<!doctype|<html|<\?xml|<head)/.test(start)) return "page";
  if (start.startsWith("version https://git-lfs")) return "pointer";
  return raw[0] === "\x80" && raw.length > 1 && raw[1] <= "\x05" ? "pickle" : "other";
}

const sixteen = Float32Array.from({ length: 65_536 }, (_, bits) => halfToFloat(bits)); // every float16

// Floats of 8 bits: `digits` of them below the exponent, less the bias; `none` are the bits of what is no number.
const eight = (digits, bias, none) => (bits) => {
  const exponent = (bits & 127) >> digits, fraction = (bits & (2 ** digits - 1)) / 2 ** digits;
  if (none.includes(bits)) return NaN;
  return (bits & 128 ? -1 : 1) * (exponent ? (1 + fraction) * 2 ** (exponent - bias) : fraction * 2 ** (1 - bias));
};

// The types of .safetensors: bytes of a number, PyTorch's name and, of floats, how their bits (an array of `bits`) become numbers.
const DTYPES = {
  F64: { size: 8, name: "float64", bits: Float64Array, number: (value) => value },
  F32: { size: 4, name: "float32", bits: Float32Array, number: (value) => value },
  F16: { size: 2, name: "float16", bits: Uint16Array, number: (bits) => sixteen[bits] },
  BF16: { size: 2, name: "bfloat16", bits: Uint16Array, number: (bits) => new Float32Array(Uint32Array.of(bits << 16).buffer)[0] },
  F8_E4M3: { size: 1, name: "float8_e4m3fn", bits: Uint8Array, number: eight(3, 7, [0x7f, 0xff]) },
  F8_E4M3FNUZ: { size: 1, name: "float8_e4m3fnuz", bits: Uint8Array, number: eight(3, 8, [0x80]) },
  F8_E5M2: { size: 1, name: "float8_e5m2", bits: Uint8Array, number: (bits) => sixteen[bits << 8] },
  F8_E5M2FNUZ: { size: 1, name: "float8_e5m2fnuz", bits: Uint8Array, number: eight(2, 16, [0x80]) },
  C64: { size: 8, name: "complex64" },
  I64: { size: 8, name: "int64" }, U64: { size: 8, name: "uint64" }, I32: { size: 4, name: "int32" }, U32: { size: 4, name: "uint32" },
  I16: { size: 2, name: "int16" }, U16: { size: 2, name: "uint16" }, I8: { size: 1, name: "int8" }, U8: { size: 1, name: "uint8" },
  BOOL: { size: 1, name: "bool" },
};

function readSafetensors(bytes, name) {
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true)); // of the JSON that follows
  if (length > bytes.length - 8) throw new CheckpointError("CUT_OFF", { name });
  if (length > MAX_INDEX_BYTES) throw new CheckpointError("CROWDED", { name });
  try {
    const header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(8, 8 + length)));
    const { __metadata__: about, ...told } = header;
    const noted = about === undefined || about === null || (!Array.isArray(about) && typeof about === "object");
    if (!noted || !Object.values(about ?? {}).every((value) => typeof value === "string")) throw new TypeError("metadata is words");
    const data = bytes.subarray(8 + length), content = tensorsOf(told, data);
    if (content.end !== data.length) throw new CheckpointError("CUT_OFF", { name }); // asks for more bytes than follow, or for fewer
    return { content: content.tensors, named: namesIn(about) };
  } catch (error) {
    if (error instanceof CheckpointError) throw error;
    throw new CheckpointError("UNREADABLE", { name, convert: "TO_CONVERT" });
  }
}

// What a header tells of tensors, in the order of their bytes, which lie one behind the other without gaps; and where they end.
function tensorsOf(told, data) {
  const whole = (values) => Array.isArray(values) && values.every((value) => Number.isInteger(value) && value >= 0);
  const tensors = new Map();
  let end = 0;
  for (const [, { dtype, shape, data_offsets: place }] of Object.entries(told)) {
    if (!Object.hasOwn(DTYPES, dtype) || !whole(shape) || !whole(place) || place.length !== 2) throw new TypeError("no tensor");
  }
  const inOrder = Object.entries(told).sort(([, { data_offsets: a }], [, { data_offsets: b }]) => a[0] - b[0] || a[1] - b[1]);
  for (const [key, { dtype, shape, data_offsets: [from, to] }] of inOrder) {
    if (from !== end || to - from !== shape.reduce((a, b) => a * b, DTYPES[dtype].size)) throw new RangeError("a wrong place");
    end = to;
    tensors.set(key, { dtype, shape, bytes: data.subarray(from, to) });
  }
  return { tensors, end };
}

function namesIn(about) {
  try {
    return JSON.parse(about.classes);
  } catch {
    return null;
  }
}

// A file's floats as float32.
function numbersOf({ dtype, bytes }) {
  const { bits, number } = DTYPES[dtype], raw = new bits(bytes.slice().buffer), out = new Float32Array(raw.length);
  for (let i = 0; i < out.length; i++) out[i] = number(raw[i]);
  return out;
}

// ------------------------------------------------------------ the network in it

// The network's tensors under the segmentation model's names. What only training needs is left out.
function stateOf(content, name) {
  if (!content.size) throw new CheckpointError("NO_TENSORS", { name, wrappers: WRAPPERS.join(", ") });
  let state = [...content].map(([key, tensor]) => [key.replaceAll("_orig_mod.", ""), tensor]); // torch.compile's, at any depth
  const prefixes = state.filter(([key]) => key.endsWith(STEM)).map(([key]) => key.slice(0, -STEM.length).replace(/backbone\.$/, ""));
  if (prefixes.length) {
    // "module." of DataParallel, "model." of Lightning; what has another is no part of the network. The shortest, as averages are
    // kept beside it under longer ones.
    const prefix = prefixes.reduce((a, b) => (b.length < a.length ? b : a));
    state = state.filter(([key]) => key.startsWith(prefix)).map(([key, tensor]) => [key.slice(prefix.length), tensor]);
  }
  const dropped = ["auxiliary_head."]; // mmseg's, for training only
  // An ImageNet classifier: the authors' is head.bn and head.l.
  if (!state.some(([key]) => key.startsWith("decode_head."))) dropped.push("head.");
  // A name with no dot under "ema_" is a buffer of mmcv's moving average.
  state = state.filter(([key]) => !dropped.some((start) => key.startsWith(start)) && !(key.startsWith("ema_") && !key.includes(".")));
  const bare = state.some(([key]) => key.startsWith("tpm.")); // a bare backbone, as ImageNet training saves it
  return new Map(state.map(([key, tensor]) => [bare ? `backbone.${key}` : key, tensor]));
}

// The number of classes, null for a backbone, and what of the spec the head's tensors tell, where they are legal.
//
// The authors' Cityscapes configurations differ there from those of ADE20K: tiny's fuse is dense, base injects 128.
function headOf(state) {
  if (![...state.keys()].some((key) => key.startsWith("decode_head.") || key.startsWith("backbone.SIM."))) return [null, {}];
  const [classify, fuse] = ["conv_seg", "linear_fuse.conv"].map((name) => state.get(`decode_head.${name}.weight`)?.shape ?? []);
  const upTo = (most, value) => 1 <= value && value <= most;
  const classes = classify.length === 4 && upTo(MAX_CLASSES, classify[0]) ? classify[0] : 150;
  const legal = fuse.length === 4 && upTo(MAX_INJECTED, fuse[0]) && [1, fuse[0]].includes(fuse[1]);
  return [classes, legal ? { injected: fuse[0], depthwiseFuse: fuse[1] === 1 } : {}];
}

// The state that fits; CheckpointError names what does not fit the nearest one.
function fitting(state, name) {
  const [classes, told] = headOf(state), tuple = (shape) => `(${shape.join(", ")}${shape.length === 1 ? "," : ""})`;
  const typeOf = (key) => DTYPES[state.get(key).dtype];
  const misfits = (spec) => {
    const expected = parametersOf(spec, classes), shared = [...expected.keys()].filter((key) => state.has(key));
    const differ = (key) => state.get(key).shape.join() !== expected.get(key).join();
    return {
      // BatchNorm's step counter plays no part in eval mode; converted files often leave it out.
      missing: [...expected.keys()].filter((key) => !state.has(key) && !isCounter(key)),
      unexpected: [...state.keys()].filter((key) => !expected.has(key)),
      misshapen: shared.filter(differ).map((key) => `${key} ${tuple(state.get(key).shape)} ≠ ${tuple(expected.get(key))}`),
      mistyped: shared.filter((key) => !isCounter(key) && !typeOf(key).bits).map((key) => `${key} torch.${typeOf(key).name}`),
    };
  };
  const count = (wrong) => Object.values(wrong).reduce((n, keys) => n + keys.length, 0);
  const [spec, wrong] = Object.values(SIZES)
    .map((known) => ({ ...known, ...told }))
    .map((spec) => [spec, misfits(spec)])
    .reduce((a, b) => (count(b[1]) < count(a[1]) ? b : a));
  if (count(wrong)) {
    const kinds = Object.entries(wrong).filter(([, keys]) => keys.length);
    const said = kinds.map(([kind, keys]) => [kind, { count: keys.length, keys: shownKeys(keys) }]);
    throw new CheckpointError("MISFIT", { name, size: spec.name, told: said });
  }
  const used = [...parametersOf(spec, classes)].filter(([key]) => !isCounter(key));
  const tensors = Object.fromEntries(used.map(([key, shape]) => [key, { shape, data: numbersOf(state.get(key)) }]));
  return { spec, classes, classNames: null, tensors };
}

// The first keys, each cut; a stranger's may be of any length and hold what no terminal or browser can show.
function shownKeys(keys) {
  return keys.slice(0, SHOWN_KEYS).map(cutIn).join(", ") + (keys.length > SHOWN_KEYS ? ", …" : "");
}
