// Networks to begin with: as PyTorch builds them, or with one image's statistics. Beside initialise.py.

// load_model("tiny"), "small" or "base": parameters drawn by `seed` as PyTorch's constructors do, with ADE20K's 150 classes. Their names
// are left to the page, which has them.
function untrained(size, seed = 0) {
  const spec = SIZES[size], classes = 150, random = new Generator(seed), tensors = {};
  let fan = 0; // inputs of each output of the convolution before
  for (const [name, shape] of parametersOf(spec, classes)) {
    if (isCounter(name)) continue;
    const length = shape.reduce((a, b) => a * b, 1);
    if (shape.length === 4) { // kaiming_uniform_(weight, a=sqrt(5))
      fan = length / shape[0];
      tensors[name] = { shape, data: random.uniform(length, Math.sqrt(3) * (Math.sqrt(2 / (1 + Math.sqrt(5) ** 2)) / Math.sqrt(fan))) };
    } else if (name.includes(".bn.")) { // the output projection's gain is 0: attention joins in gently
      const one = /(weight|running_var)$/.test(name) && !name.endsWith("proj.1.bn.weight");
      tensors[name] = { shape, data: new Float32Array(length).fill(one ? 1 : 0) };
    } else {
      tensors[name] = { shape, data: random.uniform(length, 1 / Math.sqrt(fan)) }; // a convolution's bias
    }
  }
  return { spec, classes, classNames: null, tensors };
}

// A copy of `state` whose BatchNorms hold the statistics of this one image (3, Y, X), by one pass through it.
//
// In eval mode the copy computes what the network would in training mode on this image alone: each BatchNorm normalises by the mean
// and the biased variance of its own input. A channel that is constant over the image, up to rounding, has no standard deviation to
// divide by: its variance stays 1, or rounding errors would be blown up.
async function withBatchStatistics(state, image, kernels, pause = atOnce) {
  const copied = Object.entries(state.tensors).map(([name, { shape, data }]) => [name, { shape, data: data.slice() }]);
  const measured = { ...state, tensors: Object.fromEntries(copied) }, model = new TopFormer(measured, kernels, false);
  for (const norm of model.net.norms) {
    norm.measure = ({ data, shape: [C, H, W] }) => {
      if (kernels.counting) return;
      for (let c = 0, P = H * W; c < C; c++) {
        let mean = 0, variance = 0;
        for (let i = c * P; i < (c + 1) * P; i++) mean += data[i] / P;
        for (let i = c * P; i < (c + 1) * P; i++) variance += (data[i] - mean) ** 2 / P;
        norm.running_mean[c] = mean;
        norm.running_var[c] = variance <= 1e-10 * (1 + mean ** 2) ? 1 : variance;
      }
    };
  }
  await model.forward(image, ignore, pause);
  return measured;
}
