// The colours of classes, as network/classes.py gives them; CLASS_SETS comes from there: of each set the English names and the
// colours.

const GOLDEN_ANGLE = Math.PI * (3 - Math.sqrt(5));
const LIGHTNESSES = [0.5, 0.64, 0.78, 0.57, 0.71]; // Oklab; five in turn, so that classes of like hue differ in it

// The colours "#rrggbb" of `count` score channels; `names` are those that came with the checkpoint's file, or null. Names of a known
// set, in its order, have its colours, as has the published set of that many classes where there are no names.
function coloursOf(count, names) {
  const keys = names?.map(keyOfName), fits = (slug, known) => (keys ? known.every((name, c) => keyOfName(name) === keys[c]) : slug !== "streets");
  const found = Object.entries(CLASS_SETS).find(([slug, known]) => known.names.length === count && fits(slug, known.names));
  return found ? found[1].colours : Array.from({ length: count }, (_, c) => oklch(LIGHTNESSES[c % LIGHTNESSES.length], c * GOLDEN_ANGLE));
}

// The letters and digits of a name, by which two spellings of it are the same.
const keyOfName = (name) => name.toLowerCase().replace(/[^\p{L}\p{N}]/gu, "");

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
    if (linear.every((light) => 0 <= light && light <= 1)) break;
  }
  const curved = linear.map((x) => (x <= 0.0031308 ? 12.92 * x : 1.055 * x ** (1 / 2.4) - 0.055));
  return `#${curved.map((x) => roundEven(255 * x).toString(16).padStart(2, "0")).join("")}`;
}
