const HEARD = 3000; // ms until one goes on to another page though the server has not answered
const AGAIN = 300, TRIES = 4; // ms until what did not come is asked for once more, the first time; how often

// A component for Streamlit: one view a root, made when the first message is whole, shown anew with every further one, closed when
// the component goes.
function mount(View) {
  const views = new WeakMap(), latest = new WeakMap();
  return (component) => {
    const root = component.parentElement, message = decode(component.data);
    latest.set(root, message);
    const overtaken = () => latest.get(root) !== message;
    arrive(message, overtaken, (whole) => {
      const view = views.get(root) ?? begin(View, root);
      views.set(root, view);
      view.ask = component.setTriggerValue;
      view.show(whole);
      if (view.way && !view.untold) follow(view);
    });
    return () => {
      if (root.isConnected) return; // a render that the next one overtakes is told to clean up, too
      latest.delete(root);
      const view = views.get(root);
      if (!view) return;
      document.removeEventListener("click", view.onward, true);
      view.close?.();
      views.delete(root);
    };
  };
}

function begin(View, root) {
  root.innerHTML = PAGE; // written in front of the script by component.py
  const view = new View(root);
  view.onward = (event) => tellFirst(view, event);
  document.addEventListener("click", view.onward, true);
  return view;
}

// The links at the top lead to other pages, which are to show what is chosen here. What the server does not know yet it is told
// first, and once it has heard of it the way goes on; at once it would not be heard, for with the page its components go.
function tellFirst(view, event) {
  const link = event.composedPath()[0].closest?.(".st-key-pages a");
  if (!link || !view.untold || view.way || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  view.way = link;
  view.tell();
  setTimeout(() => view.way && follow(view), HEARD);
}

function follow(view) {
  view.way.click();
  view.way = null;
}

// Hand a message on as soon as it is whole, unless another came in the meantime. While the server runs a page anew, what it handed
// out is not there for a moment.
function arrive(message, overtaken, show, tried = 0) {
  const whole = complete(message);
  if (!(whole instanceof Promise)) return show(whole);
  whole.then(
    (shown) => overtaken() || show(shown),
    (error) => {
      if (overtaken()) return;
      if (tried === TRIES) throw error;
      setTimeout(() => overtaken() || arrive(message, overtaken, show, tried + 1), AGAIN * 2 ** tried);
    },
  );
}

// Copy the link to this view, and say in `said` how that went, with `more` behind it (wire.py has the words); true if it
// was copied. Away from HTTPS and localhost no page may: there the link is selected, for the visitor's own keys.
async function copyLink(said, words, more) {
  const copied = await copy(location.href);
  if (copied) said.replaceChildren(words.copied, more);
  else {
    const link = element("input", { readOnly: true, value: location.href, ariaLabel: words.copy_link });
    said.replaceChildren(link, byHand(words), more);
    select(link);
  }
  return copied;
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

function select(field) {
  field.focus();
  field.select();
}

function byHand(words) {
  if (matchMedia("(hover: none)").matches) return words.by_touch;
  return fill(words.by_keys, { keys: navigator.platform.startsWith("Mac") ? "⌘C" : "Ctrl+C" });
}

// What an address says stands in its query or, where no server reads it (app/site), behind "#" with the page's name.
const IN_FRAGMENT = document.documentElement.dataset.address === "fragment";

// What the address says of the view on show.
const addressed = () => new URLSearchParams(IN_FRAGMENT ? location.hash.split("?")[1] : location.search);

// The address of a page, relative to this one's.
const pageAddress = (page, said) => `${IN_FRAGMENT ? "#" : ""}${page}?${new URLSearchParams(said)}`;

// Have the address say so; null takes a name out.
function writeAddress(values) {
  const at = new URL(location.href), said = addressed();
  for (const [name, value] of Object.entries(values)) {
    if (value === null) said.delete(name);
    else said.set(name, value);
  }
  if (IN_FRAGMENT) at.hash = `${at.hash.slice(1).split("?")[0]}?${said}`;
  else at.search = said;
  if (at.href !== location.href) history.replaceState(history.state, "", at);
}

// What this tab keeps under a name, after `news` if there are any; {} where storage is switched off.
function stored(name, news) {
  try {
    if (news) sessionStorage.setItem(name, JSON.stringify(news));
    return JSON.parse(sessionStorage.getItem(name)) ?? {};
  } catch {
    return {};
  }
}

// Where the visitor stands in a run, on whatever page: the head that was chosen and the token that is held, from 0, as far as
// there are any. Of another run nothing is known.
function place(run, news) {
  const was = stored("topformer-place"), kept = was.run === run ? was : { run };
  return news ? stored("topformer-place", { ...kept, ...news }) : kept;
}

// The same as an address says it, for what says nothing of its own.
function placed(run) {
  const { head, token } = place(run), said = {};
  if (head !== undefined) said.head = head === "mean" ? head : head + 1;
  if (typeof token === "number") Object.assign(said, { query: token + 1, lock: "1" });
  return said;
}

// Say that a block and a head, from 0, stay chosen as another run comes; of those that a page starts with there is nothing to say.
function sayCarried(box, words, block, head, name) {
  box.textContent = block || head ? fill(words, { block: block + 1, head: name }) : "";
}

// How what scrolls by itself moves: at once for whoever asked for less motion.
const motion = () => (matchMedia("(prefers-reduced-motion: reduce)").matches ? "instant" : "smooth");

// ---------------------------------------------------------------- elements

function element(tag, properties, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

// Say something in elements: their words by selector.
function say(find, words) {
  for (const [selector, text] of Object.entries(words)) find(selector).textContent = text;
}

// Words beside the pointer at (x, y) of a frame so wide; below it where there is no room above.
function sayBeside(label, textContent, x, y, room) {
  Object.assign(label, { textContent, hidden: false });
  const left = Math.max(0, Math.min(x + 14, room - label.offsetWidth)), top = y < 48 ? y + 20 : y - label.offsetHeight - 12;
  Object.assign(label.style, { left: `${left}px`, top: `${top}px` });
}

// Words with their {places} filled, and where a token of a grid lies, as people say it.
const fill = (words, values) => words.replace(/\{(\w+)\}/g, (_, place) => values[place]);
const tokenName = ({ token }, i, [, columns]) => fill(token, { i: i + 1, r: Math.floor(i / columns) + 1, c: (i % columns) + 1 });

// A row of buttons in `box`, one of them pressed; `options`: [value, text, title, disabled]. `act` is told what was chosen.
function choice(box, label, options, chosen, act) {
  const said = JSON.stringify([label, options, chosen]);
  box.act = act;
  if (box.said === said) return; // new buttons would lose a click that has begun on the old ones
  const focused = [...box.children].indexOf(box.getRootNode().activeElement);
  Object.assign(box, { said, ariaLabel: label, hidden: options.length < 2 });
  box.replaceChildren(
    element("span", { className: "choice-label", textContent: label }),
    ...options.map(([value, textContent, title = "", disabled = false]) =>
      element("button", { type: "button", textContent, title, disabled, ariaPressed: String(value === chosen), onclick: () => box.act(value) }),
    ),
  );
  box.children[focused]?.focus(); // the buttons are new, the focus stays
}

// Where one is in a row of things to turn over, from 0, and the two buttons for it; no focus stays on one that is off.
function drawTurn(root, at, of, { counted, previous, next }) {
  root.querySelector(".count").textContent = fill(counted, { at: at + 1, of });
  const [back, on] = [root.querySelector(".previous"), root.querySelector(".next")];
  Object.assign(back, { textContent: previous, disabled: at === 0 });
  Object.assign(on, { textContent: next, disabled: at === of - 1 });
  if (root.activeElement?.disabled) (at ? back : on).focus();
}

// An address that leaves the page is forgotten, some later ones after: what is leaving with it may be about to read it, and would complain.
const leaving = [];
function forget(url) {
  leaving.push(url);
  if (leaving.length > 3) URL.revokeObjectURL(leaving.shift());
}

// The photograph of a payload: its address, the picture once it is read, and that without its colours, under maps.
class Photograph {
  constructor(blob, ready) {
    this.url = URL.createObjectURL(blob);
    this.image = new Image();
    this.image.onload = () => {
      this.grey = grey(this.image);
      ready();
    };
    this.image.src = this.url;
  }

  // The next one is already on its way.
  close() {
    this.image.onload = null;
    forget(this.url);
  }
}

// ---------------------------------------------------------------- keys and the pointer

const TURNS = { ArrowRight: 1, ArrowLeft: -1 };
const ARROWS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }; // rows, columns
const FIELDS = "input, textarea, select, [contenteditable], [role=radiogroup], [role=listbox], [role=slider], [role=combobox]";

// Whether a key means something to the page: keys keep their own meaning in fields, menus and radio groups.
function isFree(event) {
  if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey || event.defaultPrevented) return false;
  return !event.composedPath()[0].closest?.(FIELDS);
}

const within = (at, end) => Math.max(0, Math.min(end - 1, at));

// The token an arrow key leads to from another, `stride` further and still on the grid; undefined for another key.
function neighbour(token, key, [rows, columns], stride = 1) {
  if (!ARROWS[key]) return undefined;
  const [down, right] = ARROWS[key].map((way) => way * stride);
  return within(Math.floor(token / columns) + down, rows) * columns + within((token % columns) + right, columns);
}

// Row and column of `plane` that the pointer is over.
function placeAt(event, plane, rows, columns) {
  const { left, top, width, height } = plane.getBoundingClientRect(), place = (v, end) => within(Math.floor(v * end), end);
  return [place((event.clientY - top) / height, rows), place((event.clientX - left) / width, columns)];
}

