// How what the server sends arrives: a message, small, over the page's own connection; what is large at addresses that
// the message gives ({run: [its parts], book, removals, body: [what else is large]}), fetched once in this tab, whatever page asks for it.

const KINDS = ["run", "removals", "body", "book"];

// What lies at an address: a message of wire.py, or a book. What can be packed well has been, once for all.
async function read(kind, address, response) {
  const whole = address.endsWith(".gz") ? new Response(response.body.pipeThrough(new DecompressionStream("gzip"))) : response;
  return kind === "book" ? whole.json() : decode(new Uint8Array(await whole.arrayBuffer()));
}

const KEPT = 48e6; // bytes that the tab keeps of what it has fetched, what came last at least

// By address: {content}, or while it is on its way {coming}; of all pages of this tab.
const fetched = (window.topformerFetched ??= new Map());

// The content, or a promise of it; loader.js asks for it.
function fetchOnce(kind, address) {
  const known = fetched.get(address) ?? {};
  if (!known.content && !known.coming) {
    known.coming = window.topformerAnswer(address).then(async (response) => {
      if (!response.ok) throw new Error(`${response.status} for ${address}`);
      known.bytes = Number(response.headers.get("Content-Length"));
      known.content = await read(kind, address, response);
      return known.content;
    }).finally(() => {
      delete known.coming;
      if (!known.content) fetched.delete(address);
    });
  }
  fetched.delete(address); // the newest stands last
  fetched.set(address, known);
  let kept = 0;
  for (const [at, { bytes = 0 }] of [...fetched].reverse()) if ((kept += bytes) > KEPT && at !== address) fetched.delete(at);
  return known.content ?? known.coming;
}

// A message with what lies at its addresses, or a promise of it where that has to come.
function complete(message) {
  const named = { ...message, removals: message.view?.removals };
  const asked = KINDS.flatMap((kind) => [named[kind] ?? []].flat().map((address) => [kind, address]));
  const contents = asked.filter(([, address]) => typeof address === "string").map(([kind, address]) => [kind, fetchOnce(kind, address)]);
  const whole = (all) => {
    const of = (kind) => all.filter(([name]) => name === kind).map(([, content]) => content);
    const [book] = of("book"), parts = of("run");
    return { ...message, ...(book && { book }), ...Object.assign({}, ...of("removals"), ...of("body")), ...(parts.length && { run: runOf(parts) }) };
  };
  if (contents.every(([, content]) => !(content instanceof Promise))) return whole(contents);
  return Promise.all(contents.map(async ([kind, content]) => [kind, await content])).then(whole);
}
