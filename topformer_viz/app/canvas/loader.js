// What Streamlit has of a component: it fetches the script that the message names, once a tab, and hands over to it. With the
// script come the page and its style; inline they would travel again with every message.
const modules = (window.topformerModules ??= new Map());
// The app's own address, whatever page of it is open and below whatever path it is served: Streamlit's scripts lie there.
const ROOT = new URL("../../", document.querySelector("script[type=module][src*='static/js/']").src);

function moduleAt(address) {
  if (!modules.has(address)) {
    const coming = fetch(new URL(address, ROOT)).then(async ({ ok, status, body }) => {
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
  const module = moduleAt(JSON.parse(new TextDecoder().decode(data.subarray(4, 4 + size))).script);
  let close;
  root.topformerLatest = component; // of two that wait for the script, only the last is shown
  const start = ({ default: show }) => {
    if (root.topformerLatest === component) close = show(component);
  };
  if (module instanceof Promise) module.then(start);
  else start(module);
  return () => close?.();
};
