// The numbers of a whole tensor. A run has millions of them: what reads all goes over plain numbers from the first to the last, and
// strides are seen to before. Sums are float64, where PyTorch's are float32: that costs nothing here.

const entriesOf = ({ shape }) => shape.reduce((a, b) => a * b, 1);

// In the order of its axes, as if reshaped to one; where they lie so already, nothing is copied.
function inOrder(tensor) {
  const { data, shape, strides } = tensor, n = entriesOf(tensor), plain = contiguous(shape);
  if (shape.every((side, axis) => side === 1 || strides[axis] === plain[axis])) return data.length === n ? data : data.subarray(0, n);
  const out = new data.constructor(n), last = shape.length - 1, side = shape[last], step = strides[last];
  const place = shape.map(() => 0);
  for (let at = 0, from = 0; at < n; ) {
    for (let k = 0, here = from; k < side; k++, here += step) out[at++] = data[here];
    // On to the next line: as one counts, with the axis before the last as units.
    for (let axis = last - 1; axis >= 0; axis--) {
      from += strides[axis];
      if (++place[axis] < shape[axis]) break;
      from -= strides[axis] * shape[axis];
      place[axis] = 0;
    }
  }
  return out;
}

// In the order of the memory: for what does not depend on the order.
const asItLies = (tensor) => (tensor.data.length === entriesOf(tensor) ? tensor.data : inOrder(tensor));

function endsOf(tensor) {
  const numbers = asItLies(tensor);
  let low = Infinity, high = -Infinity;
  for (let i = 0; i < numbers.length; i++) {
    low = Math.min(low, numbers[i]);
    high = Math.max(high, numbers[i]);
  }
  return [low, high];
}

function largestOf(tensor) {
  const [low, high] = endsOf(tensor);
  return Math.max(-low, high, 0); // and never -0
}

function meanOf(tensor) {
  const numbers = asItLies(tensor);
  let sum = 0;
  for (let i = 0; i < numbers.length; i++) sum += numbers[i];
  return sum / numbers.length;
}

// Root mean square.
function rmsOf(tensor) {
  const numbers = asItLies(tensor);
  let sum = 0;
  for (let i = 0; i < numbers.length; i++) sum += numbers[i] * numbers[i];
  return Math.sqrt(sum / numbers.length);
}

// The share of entries that are 0.
function zerosOf(tensor) {
  const numbers = asItLies(tensor);
  let count = 0;
  for (let i = 0; i < numbers.length; i++) if (numbers[i] === 0) count++;
  return count / numbers.length;
}
