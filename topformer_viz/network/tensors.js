// A tensor in the browser: numbers, a shape and strides, without a batch axis. As in PyTorch a reshape or permute is another shape
// and other strides on the same numbers. Below: how Python reads and rounds a number.

function tensorOf(data, shape, strides = contiguous(shape)) {
  return { data, shape, strides, exact: true };
}

function contiguous(shape) {
  return shape.map((_, axis) => shape.slice(axis + 1).reduce((a, b) => a * b, 1));
}

// A float16's bits as a number.
function halfToFloat(h) {
  const sign = h & 0x8000 ? -1 : 1, exponent = (h >> 10) & 31, fraction = h & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

// Python's round(): from the middle to the even number.
function roundToEven(value) {
  const down = Math.floor(value);
  return value - down === 0.5 ? down + (down % 2) : Math.round(value);
}
