// What the channels of the class scores stand for, as classes.py has it, in one language.

const LONGEST_NAME = 40; // characters kept of a name that came with a file
const LIGHTNESSES = [0.5, 0.64, 0.78, 0.57, 0.71]; // Oklab; five in turn, so that classes of like hue differ in it
const GOLDEN_ANGLE = Math.PI * (3 - Math.sqrt(5));

// The title, names and colours of `count` score channels; `names` came with the checkpoint's file, or null.
// `said` has the stored sets, each with its names and how they are spelled in English, and the words for others.
function classesOf(count, names, said) {
  const sets = Object.entries(said.sets), title = (form, values) => Object.entries(values).reduce((text, [name, value]) => text.replace(`{${name}}`, () => value), form);
  const number = (i) => title(said.number, { n: i + 1 }), counted = title(count === 1 ? said.one : said.count, { count });
  if (names === null) {
    const known = sets.find(([slug, set]) => slug !== "everyday" && set.names.length === count)?.[1];
    if (known) return { title: title(said.guess, { title: known.title }), names: known.names, colours: known.colours };
    return { title: title(said.without, { counted }), names: Array.from({ length: count }, (_, i) => number(i)), colours: classColours(count) };
  }
  if (names.length !== count) throw new Error(`the file names ${names.length} classes, but its scores are of ${count}`);
  const keys = names.map(classKey).join();
  const known = sets.find(([, set]) => set.spelled.map(classKey).join() === keys)?.[1];
  if (known) return { title: known.title, names: known.names, colours: known.colours };
  const cleaned = names.map((name) => [...oneLine(name)].slice(0, LONGEST_NAME).join("").trimEnd());
  return { title: title(said.named, { counted }), names: cleaned.map((name, i) => name || number(i)), colours: classColours(count) };
}

// The letters and digits of a name, by which two spellings of it are the same: what Python's casefold() does to those that become
// Latin letters. Of the dotless ı it makes no i.
function classKey(name) {
  const folded = [...name].map((c) => (c === "ı" ? c : c.toUpperCase().toLowerCase()));
  return folded.join("").replace(/[^\p{L}\p{N}]/gu, "");
}

// `count` colours, the same each time: hues a golden angle apart, so that neighbours are far from alike.
function classColours(count) {
  return Array.from({ length: count }, (_, i) => oklch(LIGHTNESSES[i % LIGHTNESSES.length], i * GOLDEN_ANGLE));
}

// The colour of this Oklab lightness and hue (radians) as sRGB, as strong as sRGB holds but of chroma <= 0.15.
function oklch(lightness, hue) {
  let linear;
  for (let percent = 15; percent >= 0; percent--) {
    const a = (percent / 100) * Math.cos(hue), b = (percent / 100) * Math.sin(hue);
    const long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
    const middle = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
    const short = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
    linear = [
      4.0767416621 * long - 3.3077115913 * middle + 0.2309699292 * short,
      -1.2684380046 * long + 2.6097574011 * middle - 0.3413193965 * short,
      -0.0041960863 * long - 0.7034186147 * middle + 1.707614701 * short,
    ];
    if (linear.every((light) => light >= 0 && light <= 1)) break;
  }
  const curved = linear.map((x) => (x <= 0.0031308 ? 12.92 * x : 1.055 * x ** (1 / 2.4) - 0.055));
  return "#" + curved.map((x) => Math.round(255 * x).toString(16).padStart(2, "0")).join("");
}

// The colours alone, as classesOf gives them: for the worker, which knows no words, but the stored sets (CLASS_SETS) by how they are
// spelled.
function coloursOf(count, names) {
  const sets = Object.entries(CLASS_SETS), keys = names?.map(classKey).join();
  const isIt = ([slug, set]) => (keys === undefined ? slug !== "everyday" && set.names.length === count : set.names.map(classKey).join() === keys);
  return sets.find(isIt)?.[1].colours ?? classColours(count);
}
