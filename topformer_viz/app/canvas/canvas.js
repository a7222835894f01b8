// ---------------------------------------------------------------- colour

// A colour as a canvas holds it in memory.
const rgba = (r, g, b, alpha = 255) => ((alpha << 24) | (b << 16) | (g << 8) | r) >>> 0;

// `canvas`, each of its pixels in the colour that `at` gives for its number.
function fillPixels(canvas, at) {
  const context = canvas.getContext("2d"), image = context.createImageData(canvas.width, canvas.height), pixels = new Uint32Array(image.data.buffer);
  for (let p = 0; p < pixels.length; p++) pixels[p] = at(p);
  context.putImageData(image, 0, 0);
  return canvas;
}

// VIRIDIS and RDBU_R are written in front of the script by wire.py.
function ramp(stops) {
  const anchors = stops.split(" ").map((h) => [0, 2, 4].map((i) => parseInt(h.slice(i, i + 2), 16)));
  const table = new Uint32Array(256);
  for (let i = 0; i < 256; i++) {
    const at = (i / 255) * (anchors.length - 1), a = Math.min(Math.floor(at), anchors.length - 2), f = at - a;
    const [r, g, b] = anchors[a].map((v, c) => Math.round(v + f * (anchors[a + 1][c] - v)));
    table[i] = rgba(r, g, b);
  }
  return table;
}
const SEQUENTIAL = ramp(VIRIDIS), DIVERGING = ramp(RDBU_R);

function extent(line) {
  let low = Infinity, high = -Infinity;
  for (const v of line) {
    if (v < low) low = v;
    if (v > high) high = v;
  }
  return [low, high];
}

// Signed values are centred on 0 and diverge; values of one sign (but for rounding) run from end to end.
function scaleFor([low, high]) {
  const end = Math.max(-low, high);
  if (low < -0.005 * end && high > 0.005 * end) {
    return { low: -end, high: end, table: DIVERGING };
  }
  return { low, high, table: SEQUENTIAL };
}

// Attention weights start at 0, so that equal ones look equal; colour grows with their square root, so that small ones can be seen.
const rootScale = (high) => ({ low: 0, high, table: SEQUENTIAL, root: true });

// Four powers of ten below the largest; what is smaller still has the lowest colour.
const DECADES = 4;
const logScale = (high) => ({ low: high / 10 ** DECADES, high, table: SEQUENTIAL, log: true });

// Where a value lies between the ends of a scale, from 0 to 1.
function placeOn({ low, high, table, root, log }, value) {
  const span = high - low;
  let at = span > 0 ? (value - low) / span : table === DIVERGING ? 0.5 : 0;
  if (root) at = Math.sqrt(Math.max(0, at));
  if (log) at = value > low ? 1 + Math.log10(value / high) / DECADES : 0;
  return Math.max(0, Math.min(1, at));
}

const colourOf = (scale, value) => scale.table[Math.round(placeOn(scale, value) * 255)];

// Ends of a scale and its colours between them, in even steps; words on it, if there are any. Half of the maximum is
// ticked on a root scale, where it is not the middle.
function legend(box, scale, words = "") {
  const name = words && '<span class="legend-name"></span>';
  if (!box.firstChild) {
    const ramp = '<span class="ramp"><canvas class="bar" width="256" height="1"></canvas><span class="half"></span></span>';
    box.innerHTML = `<span class="low"></span>${ramp}<span class="high"></span>${name}`;
  }
  if (box.table !== scale.table) fillPixels(box.querySelector("canvas"), (i) => scale.table[i]);
  box.table = scale.table;
  const [low, half, high] = box.querySelectorAll(".low, .half, .high"), middle = scale.high / 2;
  half.hidden = !scale.root || !middle;
  half.textContent = number(middle);
  half.style.left = `${100 * placeOn(scale, middle)}%`;
  low.textContent = (scale.log ? "≤ " : "") + number(scale.low, Math.abs(scale.high));
  high.textContent = number(scale.high, Math.abs(scale.low));
  if (words) box.lastChild.textContent = words;
  return box;
}

// A canvas with one pixel per value, stretched by CSS; its memory is kept from frame to frame.
class Sheet {
  constructor(canvas, rows, columns) {
    Object.assign(canvas, { width: columns, height: rows });
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.image = this.context.createImageData(columns, rows);
    this.pixels = new Uint32Array(this.image.data.buffer);
  }

  paint(values, scale, smooth) {
    for (let p = 0; p < this.pixels.length; p++) this.pixels[p] = colourOf(scale, values[p]);
    this.context.putImageData(this.image, 0, 0);
    this.canvas.classList.toggle("smooth", Boolean(smooth));
  }
}

// A tile as a small canvas, one pixel per cell.
const cells = (rows, cols, at, scale) => fillPixels(new OffscreenCanvas(cols, rows), (p) => colourOf(scale, at(Math.floor(p / cols), p % cols)));

// Three digits; next to values of size `beside`, what is a million times smaller is as good as 0.
function number(v, beside = 0) {
  const size = Math.abs(v);
  if (v === 0) return "0";
  if (!Number.isFinite(v)) return String(v);
  if (size < 1e-6 * beside) return "≈ 0";
  if (size >= 1e5 || size < 1e-3) return v.toExponential(2).replace("e+", "e").replaceAll("-", "−");
  const text = v.toPrecision(3);
  return (text.includes("e") ? String(Math.round(v)) : text).replace(/(\.\d*?)0+$/, "$1").replace(/\.$/, "").replace("-", "−");
}

const range = (low, high) => `${number(low, Math.abs(high))} … ${number(high, Math.abs(low))}`;

// ---------------------------------------------------------------- tensors as tiles

// Root mean square over the features, for one map of them all: what a thumbnail shows.
const rms = (values) => Math.sqrt(values.reduce((sum, v) => sum + v * v, 0) / values.length);

function strength(tensor, grid, channels) {
  const [h, w] = grid, out = new Float32Array(h * w);
  for (let i = 0; i < h * w; i++) out[i] = rms(channels.map((c) => c(Math.floor(i / w), i % w)));
  return { rows: h, cols: w, at: (r, c) => out[r * w + c], range: [0, Math.max(0, extent(out)[1])] };
}

const channelOf = (t, n) => (r, c) => t.data[n * t.strides[0] + r * t.strides[1] + c * t.strides[2]];
const featureOf = (t, head, f, w) => (r, c) => t.data[head * t.strides[0] + (r * w + c) * t.strides[1] + f * t.strides[2]];
const countTo = (n) => Array.from({ length: n }, (_, i) => i);

// ---------------------------------------------------------------- images

// Lines between the tokens, over a box.
function gridPath([rows, cols], left, top, w, h) {
  const across = countTo(rows - 1).map((r) => `M${left} ${top + ((r + 1) * h) / rows}h${w}`);
  const down = countTo(cols - 1).map((c) => `M${left + ((c + 1) * w) / cols} ${top}v${h}`);
  return [...across, ...down].join("");
}

// A frame around the rectangle of tokens from the first to the last; around none it is hidden.
function outline(mark, [rows, columns], tokens) {
  mark.hidden = !tokens.length;
  if (mark.hidden) return;
  const [from, to] = [tokens[0], tokens.at(-1)], row = (p) => Math.floor(p / columns), percent = (v, of) => `${(v * 100) / of}%`;
  const width = percent((to % columns) - (from % columns) + 1, columns), height = percent(row(to) - row(from) + 1, rows);
  Object.assign(mark.style, { left: percent(from % columns, columns), top: percent(row(from), rows), width, height });
}

// An image without its colours, as large as it is. One image pixel after the other, with the weights of CSS's grayscale(1): the canvas
// of Safari has no filter.
function grey(picture) {
  const { naturalWidth: width = picture.width, naturalHeight: height = picture.height } = picture;
  const canvas = new OffscreenCanvas(width, height), context = canvas.getContext("2d");
  context.drawImage(picture, 0, 0);
  const image = context.getImageData(0, 0, width, height), { data } = image;
  for (let p = 0; p < data.length; p += 4) data[p] = data[p + 1] = data[p + 2] = 0.2126 * data[p] + 0.7152 * data[p + 1] + 0.0722 * data[p + 2];
  context.putImageData(image, 0, 0);
  return canvas;
}

function dataUrl(canvas) {
  const copy = element("canvas", { width: canvas.width, height: canvas.height });
  copy.getContext("2d").drawImage(canvas, 0, 0);
  return copy.toDataURL();
}
