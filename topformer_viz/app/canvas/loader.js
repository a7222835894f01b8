// What Streamlit has of a component: it fetches the script that the message names, once a tab, and hands over to it. With the
// script come the page and its style; inline they would travel again with every message.
const modules = (window.topformerModules ??= new Map());
const fetched = (window.topformerFetched ??= new Map()); // see arriving.js
const asked = (window.topformerAsked ??= new Map()); // by address: an answer that is on its way, for whoever reads it first
// The app's own address, whatever page of it is open and below whatever path it is served: Streamlit's scripts lie there.
const ROOT = new URL("../../", document.querySelector("script[type=module][src*='static/js/']").src);

// What is large and not packed asks for its bytes from 0 on: the server would pack the whole anew for everybody, and numbers hardly
// shrink.
const ask = (address) => fetch(new URL(address, ROOT), address.endsWith(".gz") ? {} : { headers: { Range: "bytes=0-" } });

window.topformerAnswer ??= (address) => {
  const answer = asked.get(address) ?? ask(address);
  asked.delete(address); // which can be read but once
  return answer;
};

// What the message names sets out together with the script that will read it.
function setOut({ run = [], book = [], body = [] }) {
  for (const address of [run, book, body].flat()) if (!fetched.has(address) && !asked.has(address)) asked.set(address, ask(address));
}

function moduleAt(address) {
  if (!modules.has(address)) {
    const coming = ask(address).then(async ({ ok, status, body }) => {
      if (!ok) throw new Error(`${status} for ${address}`);
      const script = await new Response(body.pipeThrough(new DecompressionStream("gzip"))).text();
      return import(URL.createObjectURL(new Blob([script], { type: "text/javascript" })));
    });
    modules.set(address, coming);
    coming.then((module) => modules.set(address, module), () => modules.delete(address));
  }
  return modules.get(address);
}

export default (component) => {
  const root = component.parentElement, { data } = component, size = new DataView(data.buffer, data.byteOffset).getUint32(0, true);
  const message = JSON.parse(new TextDecoder().decode(data.subarray(4, 4 + size))), module = moduleAt(message.script);
  let close;
  root.topformerLatest = component; // of two that wait for the script, only the last is shown
  const start = ({ default: show }) => {
    if (root.topformerLatest === component) close = show(component);
  };
  if (module instanceof Promise) {
    setOut(message);
    module.then(start);
  } else start(module);
  return () => close?.();
};
