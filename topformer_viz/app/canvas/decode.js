// What wire.py wrote: the header, every tensor in it with its numbers as `data`, every image as `blob`.
function decode(bytes) {
  const size = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  const body = bytes.slice(4 + size), read = new Map();
  const numbers = (t) => {
    if (!read.has(t.offset)) {
      const array = { f4: Float32Array, f2: Uint16Array, u1: Uint8Array }[t.type];
      const raw = new array(body.buffer, t.offset, t.n);
      read.set(t.offset, t.type === "f2" ? Float32Array.from(raw, halfToFloat) : raw);
    }
    return read.get(t.offset);
  };
  const picture = (p) => new Blob([body.subarray(p.offset, p.offset + p.bytes)], { type: p.mime });
  const revive = (_, value) => {
    if (value?.strides) return { ...value, data: numbers(value), exact: value.type !== "f2" };
    return value?.mime ? { ...value, blob: picture(value) } : value;
  };
  return JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + size)), revive);
}
