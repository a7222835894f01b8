// PyTorch's random numbers on the CPU: the Mersenne Twister mt19937, and what uniform_ and randn make of its 32 bits.

class Generator {
  // As torch.manual_seed(seed), of a seed below 2 ** 32.
  constructor(seed) {
    this.state = new Uint32Array(624);
    this.state[0] = seed;
    for (let i = 1; i < 624; i++) {
      const before = this.state[i - 1] ^ (this.state[i - 1] >>> 30);
      this.state[i] = Math.imul(1812433253, before) + i;
    }
    this.at = 624;
  }

  twist() {
    const { state } = this;
    for (let i = 0; i < 624; i++) {
      const bits = (state[i] & 0x80000000) | (state[(i + 1) % 624] & 0x7fffffff);
      state[i] = state[(i + 397) % 624] ^ (bits >>> 1) ^ (bits & 1 ? 0x9908b0df : 0);
    }
    this.at = 0;
  }

  // 32 bits.
  next() {
    if (this.at === 624) this.twist();
    let bits = this.state[this.at++];
    bits ^= bits >>> 11;
    bits ^= (bits << 7) & 0x9d2c5680;
    bits ^= (bits << 15) & 0xefc60000;
    return (bits ^ (bits >>> 18)) >>> 0;
  }

  // From 0 to below 1, of 24 bits, as many as a float32 holds.
  share() {
    return (this.next() & 0xffffff) / 2 ** 24;
  }

  drawn(length, number) {
    const out = new Float32Array(length);
    for (let i = 0; i < length; i++) out[i] = number(this.share());
    return out;
  }

  // tensor.uniform_(-bound, bound)
  uniform(length, bound) {
    const low = Math.fround(-bound), width = Math.fround(Math.fround(bound) - low);
    return this.drawn(length, (share) => share * width + low);
  }

  // torch.randn, of a multiple of 16 numbers: by Box and Muller, eight pairs at a time.
  normal(length) {
    const out = this.drawn(length, (share) => share);
    for (let first = 0; first < length; first += 16) {
      for (let i = first; i < first + 8; i++) {
        const radius = Math.sqrt(-2 * Math.log(1 - out[i])), angle = 2 * Math.PI * out[i + 8];
        out[i] = radius * Math.cos(angle);
        out[i + 8] = radius * Math.sin(angle);
      }
    }
    return out;
  }
}
