// exp(x) for x up to 0. Math.exp took two thirds of the time that a run's numbers take, and most of a segmentation's; this is more
// than twice as fast, and off by less than 1e-10 of the result. It is 2 to a whole number, times 2 to so many 2,048ths, times exp of
// what is left, which is so small that three terms of its series do.

const PARTS = 2048;
const WHOLES = Float64Array.from({ length: 1024 }, (_, n) => 2 ** -n), FRACTIONS = Float64Array.from({ length: PARTS }, (_, n) => 2 ** (-n / PARTS));

function expUpTo0(x) {
  if (x < -700) return 0;
  const at = x * (-PARTS * Math.LOG2E), k = at | 0, rest = (k - at) * (Math.LN2 / PARTS);
  return WHOLES[k >> 11] * FRACTIONS[k & 2047] * (1 + rest * (1 + rest / 2));
}
