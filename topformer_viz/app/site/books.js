// The books of all kinds of models and all grids, out of one file: books.py merges them, and says what it is made of.

// The part of a merged book, or all of it, at a key, {size, kind, H, W, ...}.
function bookAt(whole, part, key) {
  const inner = (each) => bookAt(whole, each, key);
  if (Array.isArray(part)) return part.map(inner);
  if (part === null || typeof part !== "object") return part;
  if ("@" in part) return inner(whole.parts[part["@"]]);
  if ("#" in part) return valueAt(whole.values[part["#"]], key);
  if ("?" in part) return inner(part["?"][1 + valueAt(whole.values[part["?"][0]], key)]);
  if (!("=" in part)) return Object.fromEntries(Object.entries(part).map(([name, each]) => [name, inner(each)]));
  const [text, ...values] = part["="];
  return inner(text).replace(/§/g, () => valueAt(whole.values[values.shift()], key));
}

function valueAt({ by = [], are = {}, or, times = [], commas }, key) {
  const number = times.reduce((product, name) => product * key[name], are[by.map((name) => key[name]).join()] ?? or);
  return commas ? String(number).replace(/\B(?=(\d{3})+$)/g, ",") : number;
}

// The book of a page ("lesson", "network", "explorer" or "door") for a model and the sizes of its run, {H, W, Y, X, ...}: exactly what
// Python makes. `books` is one language's file. `model` is "everyday", "colour" or another's name; a TopFormer comes with its `spec`, its
// number of `classes` (null for a backbone) and their names as its file spells them, or null; `untrained`: whether its parameters are random.
function bookFor(books, { page, model, spec = null, classes = null, classNames = null, untrained = false, sizes: { H, W, Y, X } }) {
  const shelf = model === "colour" ? "colour" : "topformer", merged = books.books[shelf][page];
  if (!merged) throw new Error(`the ${shelf} model has no ${page}`);
  const grid = [H, W, Y, X].join();
  if (!books.grids[shelf].some((known) => known.join() === grid)) throw new Error(`no book is of ${H} x ${W} tokens of ${Y} x ${X} image pixels`);
  const kind = classes === null ? "backbone" : model === "everyday" ? "everyday" : untrained ? "untrained" : "own";
  const book = bookAt(books, merged, { size: spec?.name ?? "colour", kind, H, W, Y, X, HW: H * W, M: spec?.injected, classes });
  const set = classes === null ? null : classesOf(classes, classNames, books.classes);
  if (page === "network") return withCosts(set ? withClasses(book, set, kind === "everyday" ? books.iou : []) : book, costs(spec, classes, Y, X));
  return set && book.explorer ? { ...book, explorer: removing(book.explorer, set) } : book;
}

// The network page's book with the classes by name, colour and IoU, where that was measured.
function withClasses(book, { title, names, colours }, iou) {
  return { ...book, set: title, classes: names.map((name, c) => ({ name, colour: colours[c], iou: iou[c] ?? null })) };
}

// ... and with what its parts cost, [parameters, multiply-adds] each; blocks count from 1 there.
function withCosts(book, counted) {
  const total = (own) => [own.reduce((sum, cost) => sum + cost.params, 0), own.reduce((sum, cost) => sum + cost.multiply_adds, 0)];
  const parts = counted.map((cost) => [cost.part.replace(/^block(\d)$/, (_, n) => `block${Number(n) + 1}`), total([cost])]);
  return { ...book, costs: { ...Object.fromEntries(parts), all: total(counted) } };
}

// The explorer's part with the classes that a run without some heads can show.
function removing(explorer, { names, colours }) {
  const said = Object.fromEntries(names.map((name, c) => [`name${c}`, name]));
  return { ...explorer, removal: { ...explorer.removal, ...said }, classes: names.map((name, c) => [name, colours[c]]) };
}
