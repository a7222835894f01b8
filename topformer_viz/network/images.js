// Any common image file to an upright picture, safely: what images.py does, in a browser and with the browser's own decoders.
// A picture is {data, width, height}: 4 bytes per place, red, green, blue and 255, row by row.
//
// What comes out is what `open_image(data, reduced=True)` makes: to the bit in Chromium for an untagged JPEG, PNG, GIF, BMP, WebP or AVIF,
// in Firefox and WebKit nearly. What is not done: HEIC and TIFF are read only where the browser reads them (Safari), and are "unreadable
// here" elsewhere; of an orientation that only XMP tells nothing is known; AVIF and HEIC are turned by the browser, before they are scaled. What
// differs a little: JPEGs of three times the reduced size and more, which the app's decoder reduces as it decodes, here by means (a
// quarter of a level, as measured); 16-bit grey, by one level; what a colour profile says, which is the browser's to follow (one level
// in Chromium; without that it would be ten), before the image is laid on white rather than after. WebKitGTK follows no profile of a
// WebP or AVIF file, and turns no AVIF.

const MAX_BYTES = 50_000_000;
const MAX_PIXELS = 40_000_000;
const MAX_SCANS = 50; // of a JPEG of MAX_PIXELS, and in proportion more of a smaller one: each passes over the whole picture
const MIN_SIDE = 2;
const MAX_ASPECT = 20;
const CELL = 64; // image pixels on each side of what one token of the network covers

// What is kept of a visitor's picture: a short side of at most OWN_SIDE and OWN_PIXELS in all, the network's largest input.
const OWN_SIDE = 1024;
const OWN_PIXELS = 512 * CELL ** 2;

const MODERN_MAX_PIXELS = 25_000_000; // of WebP, AVIF and HEIC, which take more memory and time

const STRIP = 250_000; // image pixels of a large picture that are looked at in one go

const ORIENTATION = 0x0112; // a tag of EXIF and TIFF
const TIFF_PROFILE = 0x8773;

// A file that cannot be used as a picture. `reason` is a key of REFUSALS in images.py, or "unreadable here", and `values` fill its
// sentence's places.
class ImageError extends Error {
  constructor(reason, values = {}) {
    super(reason);
    Object.assign(this, { name: "ImageError", reason, values });
  }
}

// The picture in an image file (a Blob): upright, 8-bit sRGB, transparent parts white, scaled down to `ownSize`. Of several pictures in
// one file, the first. Throws ImageError as open_image does; all but the damage is found in the file's header, before anything is
// decoded: a small file of a huge picture would take all memory of the page.
async function openImage(blob, kernels) {
  return pictureOf(await decodeImage(blob), kernels);
}

// The first half: {image, orientation, step, opaque}, which may be sent to a worker, with `image` transferred, for `pictureOf`. For of
// a page opened from a file, a worker in WebKit can read no Blob at all; and the browser decodes aside even so.
async function decodeImage(blob) {
  if (!blob.size) throw new ImageError("empty");
  if (blob.size > MAX_BYTES) throw new ImageError("too heavy");
  const file = imageHeader(new Uint8Array(await blob.arrayBuffer()));
  if (!file) throw new ImageError("unreadable");
  const { width, height, scans, whole, orientation } = file, modern = MODERN.has(file.type);
  if (width * height > (modern ? MODERN_MAX_PIXELS : MAX_PIXELS)) throw new ImageError(modern ? "too large for its format" : "too large");
  checkSides(width, height);
  if (scans * width * height > MAX_SCANS * MAX_PIXELS) throw new ImageError("too many scans", { scans });
  if (!whole) throw new ImageError("damaged"); // of which not every browser takes notice
  return { image: await decoded(blob, file), orientation, step: draftStep(file), opaque: file.type === "image/jpeg" };
}

// The second half, with the kernels (kernels.js) that resize.
async function pictureOf({ image, orientation, step, opaque }, kernels = new PlainKernels()) {
  const frame = opaque ? frameOf(image) : null;
  try {
    return turned(await drawnAt(image, frame, step, kernels), orientation);
  } finally {
    frame?.close();
    image.close();
  }
}

// The [width, height] to which a visitor's picture is scaled down; never up.
function ownSize(width, height) {
  const scale = Math.min(1, OWN_SIDE / Math.min(width, height), Math.sqrt(OWN_PIXELS / (width * height)));
  return [Math.max(1, Math.trunc(width * scale)), Math.max(1, Math.trunc(height * scale))];
}

function checkSides(width, height) {
  if (Math.min(width, height) < MIN_SIDE) throw new ImageError("too small", { width, height, least: MIN_SIDE });
  if (Math.max(width, height) > MAX_ASPECT * Math.min(width, height)) throw new ImageError("too long", { width, height, aspect: MAX_ASPECT });
}

// The file decoded by the browser, as it is stored: what says how to turn it is taken away, for browsers disagree about which formats'
// word to follow, and Pillow scales before it turns. A colour profile is followed; all that is untagged stays as it is.
async function decoded(blob, { type, width, height, tagged, edits }) {
  const parts = [];
  let at = 0;
  for (const { from, to, put } of edits) {
    parts.push(blob.slice(at, from), put);
    at = to;
  }
  const plain = new Blob([...parts, blob.slice(at)], { type }), format = SYSTEMS[type];
  const image = await createImageBitmap(plain, { colorSpaceConversion: tagged ? "default" : "none", premultiplyAlpha: "none" }).catch(() => {
    throw format ? new ImageError("unreadable here", { format }) : new ImageError("damaged");
  });
  if (HEIF.has(type) || (image.width === width && image.height === height)) return image; // AVIF and HEIC may crop and turn what they hold
  image.close();
  throw new ImageError("damaged");
}

// ------------------------------------------------------------ what a file says before it is decoded

const HEIF = new Set(["image/avif", "image/heic"]), MODERN = new Set([...HEIF, "image/webp"]);
const SYSTEMS = { "image/heic": "HEIC", "image/tiff": "TIFF" }; // what only some browsers decode

// Of an image file: its type, width and height as stored, orientation (1 to 8), how many scans it has, whether it is tagged with a colour
// profile, whether it is all there, and the edits, in order, that take the orientation away. Null for any other file.
function imageHeader(bytes) {
  const found = { orientation: 1, scans: 0, tagged: false, whole: true, edits: [] };
  try {
    for (const reader of [jpegHeader, pngHeader, webpHeader, gifHeader, bmpHeader, heifHeader, tiffHeader]) if (reader(new FileBytes(bytes), found)) return found;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error; // it ends before its header does
  }
  return null;
}

// The bytes of a file and the numbers in them; a RangeError beyond the end.
class FileBytes extends DataView {
  constructor(bytes, little = false) {
    super(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    Object.assign(this, { bytes, little, size: bytes.length });
  }

  u8(at) {
    return this.getUint8(at);
  }

  u16(at) {
    return this.getUint16(at, this.little);
  }

  u24(at) {
    return this.u16(at) + 65_536 * this.u8(at + 2); // little
  }

  u32(at) {
    return this.getUint32(at, this.little);
  }

  says(text, at = 0) {
    for (let i = 0; i < text.length; i++) if (this.bytes[at + i] !== text.charCodeAt(i)) return false;
    return true;
  }

  part(from, to, little = this.little) {
    return new FileBytes(this.bytes.subarray(from, to), little);
  }
}

function jpegHeader(file, found) {
  if (!file.says("\xff\xd8\xff")) return false;
  found.type = "image/jpeg";
  const { bytes } = file;
  let at = 2, scanned = false;
  found.whole = false;
  for (;;) {
    at = bytes.indexOf(0xff, at);
    if (at < 0 || at + 1 >= file.size) break;
    const marker = bytes[at + 1];
    if (marker === 0xff) at += 1; // filling
    else if (marker === 0xd9) {
      found.whole = scanned;
      break;
    } else if (marker === 0 || marker === 1 || (marker >= 0xd0 && marker <= 0xd8)) at += 2; // no segment, or within a scan's data
    else {
      if (scanned && at + 4 > file.size) break;
      const from = at + 4, to = at + 2 + file.u16(at + 2);
      if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker) && !scanned) {
        found.height = file.u16(from + 1);
        found.width = file.u16(from + 3);
      } else if (marker === 0xe1 && file.says("Exif\0\0", from)) {
        if (!found.edits.length) found.orientation = orientationIn(file.part(from + 6, to));
        found.edits.push({ from: at, to, put: "" });
      } else if (marker === 0xe2 && file.says("ICC_PROFILE\0", from)) found.tagged = true;
      else if (marker === 0xda) {
        if (!found.width) return false;
        scanned = true;
      }
      at = to;
    }
  }
  for (let i = 1; i < bytes.length; i++) if (bytes[i] === 0xda && bytes[i - 1] === 0xff) found.scans += 1; // or a few more: previews have their own
  return found.width !== undefined && scanned;
}

function pngHeader(file, found) {
  if (!file.says("\x89PNG\r\n\x1a\n") || !file.says("IHDR", 12)) return false;
  Object.assign(found, { type: "image/png", width: file.u32(16), height: file.u32(20), whole: false });
  let at = 8;
  while (at + 12 <= file.size) {
    const to = at + 12 + file.u32(at), name = String.fromCharCode(...file.bytes.subarray(at + 4, at + 8));
    if (to > file.size) break;
    if (name === "iCCP") found.tagged = true;
    else if (name === "eXIf") {
      found.orientation = orientationIn(file.part(at + 8, to - 4));
      found.edits.push({ from: at, to, put: "" });
    } else if (name === "IEND") {
      found.whole = true;
      break;
    }
    at = to;
  }
  return found.width > 0 && found.height > 0;
}

function webpHeader(file, found) {
  if (!file.says("RIFF") || !file.says("WEBP", 8)) return false;
  file = file.part(0, file.size, true);
  found.type = "image/webp";
  const end = 8 + file.u32(4);
  if (end > file.size) return false; // as libwebp has it
  let at = 12;
  while (at + 8 <= end) {
    const name = String.fromCharCode(...file.bytes.subarray(at, at + 4)), size = file.u32(at + 4), from = at + 8;
    if (name === "VP8X") Object.assign(found, { width: 1 + file.u24(from + 4), height: 1 + file.u24(from + 7) });
    else if (name === "VP8L" && !found.width) {
      const sides = file.u32(from + 1);
      Object.assign(found, { width: 1 + (sides & 0x3fff), height: 1 + ((sides >> 14) & 0x3fff) });
    } else if (name === "VP8 " && !found.width) Object.assign(found, { width: file.u16(from + 6) & 0x3fff, height: file.u16(from + 8) & 0x3fff });
    else if (name === "ICCP") found.tagged = true;
    else if (name === "EXIF") {
      const skipped = file.says("Exif\0\0", from) ? 6 : 0;
      found.orientation = orientationIn(file.part(from + skipped, from + size));
      found.edits.push({ from: at, to: at + 4, put: "none" }); // a name that means nothing: the sizes written elsewhere stay right
    }
    at = from + size + (size % 2);
  }
  return Boolean(found.width && found.height);
}

function gifHeader(file, found) {
  if (!file.says("GIF87a") && !file.says("GIF89a")) return false;
  file = file.part(0, file.size, true);
  Object.assign(found, { type: "image/gif", width: file.u16(6), height: file.u16(8), whole: false });
  const table = (flags) => (flags & 0x80 ? 3 * 2 ** ((flags & 7) + 1) : 0);
  const afterBlocks = (at) => {
    while (at < file.size && file.bytes[at]) at += 1 + file.bytes[at];
    return at + 1;
  };
  let at = 13 + table(file.u8(10));
  while (file.u8(at) !== 0x2c) {
    if (file.u8(at) === 0x3b) return false;
    at = file.u8(at) === 0x21 ? afterBlocks(at + 2) : at + 1; // as Pillow passes over what it does not know
  }
  // The first image may reach beyond the screen, which is then so large.
  found.width = Math.max(found.width, file.u16(at + 1) + file.u16(at + 5));
  found.height = Math.max(found.height, file.u16(at + 3) + file.u16(at + 7));
  found.whole = afterBlocks(at + 11 + table(file.u8(at + 9))) <= file.size;
  return true;
}

function bmpHeader(file, found) {
  if (!file.says("BM")) return false;
  file = file.part(0, file.size, true);
  found.type = "image/bmp";
  const start = file.u32(10), old = file.u32(14) === 12;
  const [width, height] = old ? [file.u16(18), file.u16(20)] : [file.getInt32(18, true), Math.abs(file.getInt32(22, true))];
  const bits = file.u16(old ? 24 : 28), packed = old ? 0 : file.u32(30);
  Object.assign(found, { width, height });
  if (packed === 0 || packed === 3) found.whole = start + Math.ceil((width * bits) / 32) * 4 * height <= file.size;
  return width > 0 && height > 0;
}

// AVIF and HEIC.
function heifHeader(file, found) {
  if (!file.says("ftyp", 4)) return false;
  const brands = String.fromCharCode(...file.bytes.subarray(8, Math.min(file.u32(0), 200)));
  Object.assign(found, { type: /avi[fs]/.test(brands) ? "image/avif" : "image/heic", width: 0, height: 0 });
  for (const meta of boxesIn(file, "meta")) {
    for (const properties of boxesIn(meta.part(4, meta.size), "iprp")) {
      for (const items of boxesIn(properties, "ipco")) {
        for (const sides of boxesIn(items, "ispe")) {
          const width = sides.u32(4), height = sides.u32(8);
          if (width * height > found.width * found.height) Object.assign(found, { width, height }); // a grid's tiles are smaller
        }
        for (const colour of boxesIn(items, "colr")) found.tagged ||= colour.says("prof") || colour.says("rICC");
      }
    }
  }
  return found.width * found.height > 0;
}

// What the boxes of this kind hold.
function* boxesIn(file, kind) {
  for (let at = 0, to; at + 8 <= file.size; at = to) {
    const long = file.u32(at) === 1, size = long ? Number(file.getBigUint64(at + 8)) : file.u32(at), inside = at + (long ? 16 : 8);
    to = size === 0 ? file.size : at + size;
    if (to < inside) return;
    if (file.says(kind, at + 4)) yield file.part(inside, to);
  }
}

function tiffHeader(file, found) {
  const entries = directoryOf(file);
  if (!entries) return false;
  const value = (tag) => entries.get(tag)?.value;
  Object.assign(found, { type: "image/tiff", width: value(256), height: value(257), tagged: entries.has(TIFF_PROFILE) });
  const turn = entries.get(ORIENTATION);
  if (turn) {
    found.orientation = turn.value;
    found.edits.push({ from: turn.at, to: turn.at + 2, put: Uint8Array.of(turn.little, 1 - turn.little) });
  }
  return found.width > 0 && found.height > 0;
}

function orientationIn(exif) {
  try {
    return directoryOf(exif)?.get(ORIENTATION)?.value ?? 1;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return 1; // broken metadata does not spoil a good picture
  }
}

// The first directory of a TIFF file, which EXIF is, too: of every tag where its value lies, and its first number, of 16 or 32 bits.
// Null for another file.
function directoryOf(file) {
  if (!file.says("II*\0") && !file.says("MM\0*")) return null;
  const little = file.says("II"), entries = new Map();
  file = file.part(0, file.size, little);
  const start = file.u32(4), count = file.u16(start);
  for (let i = 0, at = start + 2; i < count && at + 12 <= file.size; i++, at += 12) {
    entries.set(file.u16(at), { at: at + 8, value: file.u16(at + 2) === 3 ? file.u16(at + 8) : file.u32(at + 8), little: Number(little) });
  }
  return entries;
}

// ------------------------------------------------------------ what was decoded

// A decoded image on white, each `step` x `step` places of it taken as one, then scaled down to `ownSize`. A large one is looked at in
// strips, as a second copy of it might not fit.
async function drawnAt(image, frame, step, kernels) {
  const { width, height } = image, wide = Math.ceil(width / step), high = Math.ceil(height / step), [w, h] = ownSize(wide, high);
  const strip = step * Math.max(1, Math.trunc(STRIP / width / step)), most = Math.min(height, strip);
  const rows = frame ? rowsOf(frame, width, most) : drawnRows(image, width, most);
  const columns = wide === w ? null : coefficients(wide, w), narrow = new Uint8ClampedArray(4 * w * high);
  for (let top = 0; top < height; top += strip) {
    const n = Math.min(strip, height - top), drawn = await rows(top, n), seen = step > 1 ? averaged(drawn, width, n, step) : drawn;
    const to = narrow.subarray((4 * w * top) / step, 4 * w * Math.ceil((top + n) / step));
    if (columns) resizeAcross(seen, wide, columns, to, kernels);
    else to.set(seen);
  }
  const data = high === h ? narrow : resizeDown(narrow, w, coefficients(high, h), kernels);
  if (frame) makeOpaque(data, frame.format === "BGRX");
  return { data, width: w, height: h };
}

// A decoded opaque image as a video frame, which hands out its bytes as the browser holds them: in a tenth of the time that a canvas
// takes to be drawn on and read. Null where they are not sRGB's levels, which Chromium makes of others only as it draws; and for all
// browsers but Chromium: WebKitGTK's frames give wrong levels, and end the page.
function frameOf(image) {
  if (typeof VideoFrame !== "function" || !navigator.userAgent.includes("Chrome/")) return null;
  const frame = new VideoFrame(image, { timestamp: 0 }), { primaries, transfer } = frame.colorSpace;
  if (["BGRX", "RGBX"].includes(frame.format) && primaries === "bt709" && transfer === "iec61966-2-1") return frame;
  frame.close();
  return null;
}

// What gives n rows from `top` on, at most `most`, until they are asked for again; a frame's have the order of its format.
function rowsOf(frame, width, most) {
  const room = new Uint8ClampedArray(4 * width * most);
  return async (top, n) => {
    const rows = room.subarray(0, 4 * width * n);
    await frame.copyTo(rows, { rect: { x: 0, y: top, width, height: n } });
    return rows;
  };
}

function drawnRows(image, width, most) {
  const context = canvasContext(width, most);
  context.globalCompositeOperation = "copy";
  return async (top, n) => {
    context.drawImage(image, 0, -top);
    return onWhite(context.getImageData(0, 0, width, n).data);
  };
}

// Makes each place's fourth byte 255, and its first red where it is blue, in place.
function makeOpaque(data, blueFirst) {
  const places = placesOf(data);
  for (let i = 0; i < places.length; i++) {
    const place = places[i];
    places[i] = (blueFirst ? (place & 0xff00) | ((place >> 16) & 0xff) | ((place & 0xff) << 16) : place) | 0xff000000;
  }
}

// How many places on each side the app's decoder makes one of, already as it decodes a JPEG: as few as leave half as much again as needed.
function draftStep({ type, width, height }) {
  if (type !== "image/jpeg") return 1;
  const [w, h] = ownSize(width, height);
  const most = Math.min(Math.trunc(width / Math.trunc((w * 3) / 2)), Math.trunc(height / Math.trunc((h * 3) / 2)));
  return [8, 4, 2].find((step) => most >= step) ?? 1;
}

// Each `step` x `step` places as one, their mean: red and blue, and green by itself, are summed in 16 bits each.
function averaged(data, width, height, step) {
  const places = new Uint32Array(data.buffer), wide = Math.ceil(width / step), out = new Uint32Array(wide * Math.ceil(height / step));
  for (let y = 0, to = 0; y < height; y += step) {
    const bottom = Math.min(y + step, height);
    for (let x = 0; x < width; x += step, to++) {
      const right = Math.min(x + step, width), n = (bottom - y) * (right - x), half = n >> 1;
      let redBlue = half * 0x10001, green = half;
      for (let row = y * width; row < bottom * width; row += width) {
        for (let at = row + x; at < row + right; at++) {
          redBlue += places[at] & 0xff00ff;
          green += (places[at] >> 8) & 0xff;
        }
      }
      const red = Math.trunc((redBlue & 0xffff) / n), blue = Math.trunc((redBlue >>> 16) / n);
      out[to] = red | (Math.trunc(green / n) << 8) | (blue << 16) | 0xff000000;
    }
  }
  return new Uint8ClampedArray(out.buffer);
}

function canvasContext(width, height) {
  const canvas = typeof OffscreenCanvas === "function" ? new OffscreenCanvas(width, height) : pageCanvas(width, height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context) throw new Error("this browser cannot read images here: OffscreenCanvas has no 2d context");
  return context;
}

function pageCanvas(width, height) {
  if (typeof document === "undefined") throw new Error("this browser cannot read images here: it has no OffscreenCanvas");
  return Object.assign(document.createElement("canvas"), { width, height });
}

// Lays what was drawn on white, in place, with Pillow's rounding.
function onWhite(data) {
  for (let at = 3; at < data.length; at += 4) {
    const alpha = data[at];
    if (alpha === 255) continue;
    for (let c = at - 3; c < at; c++) {
      const sum = data[c] * alpha + 255 * (255 - alpha) + 128;
      data[c] = (sum + (sum >> 8)) >> 8;
    }
    data[at] = 255;
  }
  return data;
}

// The picture as its EXIF orientation says.
function turned(picture, orientation) {
  if (!(orientation >= 2 && orientation <= 8)) return picture;
  const { width, height } = picture, from = new Uint32Array(picture.data.buffer, picture.data.byteOffset, width * height);
  const aside = orientation > 4, [w, h] = aside ? [height, width] : [width, height], out = new Uint32Array(w * h);
  const flipX = [2, 3, 7, 8].includes(orientation), flipY = [3, 4, 6, 7].includes(orientation);
  for (let y = 0, to = 0; y < h; y++) {
    for (let x = 0; x < w; x++, to++) {
      const [a, b] = aside ? [y, x] : [x, y];
      out[to] = from[(flipY ? height - 1 - b : b) * width + (flipX ? width - 1 - a : a)];
    }
  }
  return { data: new Uint8ClampedArray(out.buffer), width: w, height: h };
}

// ------------------------------------------------------------ Pillow's resize(LANCZOS)

// The picture at another size, as Pillow's `Image.resize` with LANCZOS makes it, to the bit: across, then down, each rounded to 8 bits.
function lanczos({ data, width, height }, w, h, kernels = new PlainKernels()) {
  let out = data;
  if (w !== width) resizeAcross(data, width, coefficients(width, w), (out = new Uint8ClampedArray(4 * w * height)), kernels);
  if (h !== height) out = resizeDown(out, w, coefficients(height, h), kernels);
  return { data: out === data ? data.slice() : out, width: w, height: h };
}

// What each of `to` places takes of `from` along one axis: from which place on (`first`), of how many (`count`), and how much (`parts`,
// `most` for each). The sums are taken in 32 bits.
function coefficients(from, to) {
  const scale = from / to, wide = Math.max(1, scale), support = 3 * wide, most = Math.ceil(support) * 2 + 1;
  const sinc = (x) => (x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI));
  const filter = (x) => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0);
  const first = new Int32Array(to), count = new Int32Array(to), parts = new Int32Array(to * most), exact = new Float64Array(most);
  for (let i = 0; i < to; i++) {
    const center = (i + 0.5) * scale, start = Math.max(0, Math.trunc(center - support + 0.5));
    const n = Math.min(from, Math.trunc(center + support + 0.5)) - start;
    let sum = 0;
    for (let k = 0; k < n; k++) sum += exact[k] = filter((k + start - center + 0.5) * (1 / wide));
    for (let k = 0; k < n; k++) {
      const part = (exact[k] / sum) * 2 ** PRECISION_BITS;
      parts[i * most + k] = Math.trunc(part < 0 ? part - 0.5 : part + 0.5);
    }
    first[i] = start;
    count[i] = n;
  }
  return { first, count, parts, most };
}

// Rows of so many places, each made narrower or wider into `out`; in strips, for the kernels' memory stays small.
function resizeAcross(data, width, { first, count, parts, most }, out, kernels) {
  const w = first.length, height = data.length / 4 / width, strip = Math.ceil(STRIP / width);
  for (let top = 0; top < height; top += strip) {
    const end = Math.min(top + strip, height), from = data.subarray(4 * width * top, 4 * width * end);
    kernels.runOutside("across", from, width, end - top, first, count, parts, most, w, out.subarray(4 * w * top, 4 * w * end));
  }
}

// The same for columns: rows of `width` places, made fewer or more.
function resizeDown(data, width, { first, count, parts, most }, kernels) {
  const h = first.length, strip = Math.ceil((STRIP / data.length) * 4 * h), out = new Uint8ClampedArray(4 * width * h);
  for (let top = 0; top < h; top += strip) {
    const end = Math.min(top + strip, h), above = first[top], below = first[end - 1] + count[end - 1];
    const starts = first.subarray(top, end).map((at) => at - above), share = parts.subarray(top * most, end * most);
    const from = data.subarray(4 * width * above, 4 * width * below), to = out.subarray(4 * width * top, 4 * width * end);
    kernels.runOutside("down", from, width, starts, count.subarray(top, end), share, most, end - top, to);
  }
  return out;
}
