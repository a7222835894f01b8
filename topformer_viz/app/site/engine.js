// The worker as the page sees it: what is asked for is promised. A promise that another image or model overtakes is never kept.

class Engine {
  constructor(script) {
    this.worker = new Worker(URL.createObjectURL(new Blob([script], { type: "text/javascript" })));
    this.worker.onmessage = ({ data }) => this.hear(data);
    this.worker.onerror = (event) => this.failed(event.message);
    this.asked = new Map();
    this.count = 0;
  }

  // `share` hears how much is done, from 0 to 1. What is refused rejects with {reason, values}.
  ask(does, what, handedOver = [], share = () => {}) {
    const id = ++this.count;
    return new Promise((keep, reject) => {
      this.asked.set(id, { keep, reject, share });
      this.worker.postMessage({ id, does, ...what }, handedOver);
    });
  }

  hear({ id, share, result, refused, failed, overtaken }) {
    const { keep, reject, share: told } = this.asked.get(id);
    if (share !== undefined) return told(share);
    this.asked.delete(id);
    if (refused) reject(refused);
    else if (failed) reject(new Error(failed));
    else if (!overtaken) keep(result);
  }

  failed(message) {
    for (const { reject } of this.asked.values()) reject(new Error(message));
    this.asked.clear();
  }
}

// What the page brings along, by name: inside the file as base64, or beside it; packed where the name says so.
const parts = new Map();

function part(name) {
  if (!parts.has(name)) parts.set(name, read(name));
  return parts.get(name);
}

async function read(name) {
  const inside = document.getElementById(name), bytes = inside ? fromBase64(inside.textContent) : await fetched(name);
  inside?.remove(); // its text would be kept beside its bytes
  // A host that knows what .gz means has unpacked it on the way.
  const isPacked = name.endsWith(".gz") && bytes[0] === 0x1f && bytes[1] === 0x8b;
  const whole = isPacked ? new Uint8Array(await new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer()) : bytes;
  return name.includes(".halves") ? interleaved(whole) : whole;
}

// What file.py took apart: every second byte stands in the first half, those between in the second.
function interleaved(bytes) {
  const out = new Uint8Array(bytes.length), half = Math.ceil(bytes.length / 2);
  for (let i = 0; i < half; i++) out[2 * i] = bytes[i];
  for (let i = half; i < bytes.length; i++) out[2 * (i - half) + 1] = bytes[i];
  return out;
}

async function fetched(name) {
  const answer = await fetch(name);
  if (!answer.ok) throw new Error(`${answer.status} for ${name}`);
  return new Uint8Array(await answer.arrayBuffer());
}

function fromBase64(text) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

const textOf = async (name) => new TextDecoder().decode(await part(name));
