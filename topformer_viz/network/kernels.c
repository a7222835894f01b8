// The inner loops of TopFormer's forward pass, for WebAssembly with SIMD: four floats (a `quad`) in one instruction. Feature maps
// are planes of float32 one after another, (channels, places): a place is one of a map's height x width. kernels.js has the same
// loops in JavaScript, under the same names, and makes the room that they ask for: room for 16 floats follows whatever is written
// here, so that the last quad of a row may run over its end. At the end is the resizing of pictures, which are bytes.
//
// Compiled in this folder by PyPI's ziglang, whose bytes a test compares with kernels.wasm:
//   python -m ziglang cc --target=wasm32-freestanding -O3 -msimd128 -nostdlib -s -Wl,--no-entry -o kernels.wasm kernels.c
#include <wasm_simd128.h>

typedef float f32;
typedef v128_t quad;
#define EXPORT(name) __attribute__((export_name(#name))) void name
#define INLINE static inline __attribute__((always_inline))
#define STRIP 16384  // floats: a strip of all input channels that stays in the second cache

enum { NONE, RELU, RELU6, HARDSIGMOID };  // activations

extern unsigned char __heap_base;

// The first byte that is free: what the compiler laid out lies before it.
__attribute__((export_name("base"))) unsigned char *base(void) { return &__heap_base; }

INLINE quad splat(f32 x) { return wasm_f32x4_splat(x); }
INLINE quad load(const f32 *from) { return wasm_v128_load(from); }
INLINE void store(f32 *to, quad x) { wasm_v128_store(to, x); }
INLINE quad add4(quad a, quad b) { return wasm_f32x4_add(a, b); }
INLINE quad mul4(quad a, quad b) { return wasm_f32x4_mul(a, b); }

INLINE quad activated(quad x, int act) {
  quad zero = splat(0), six = splat(6);
  if (act == HARDSIGMOID) return wasm_f32x4_div(wasm_f32x4_pmin(wasm_f32x4_pmax(add4(x, splat(3)), zero), six), six);
  if (act != NONE) x = wasm_f32x4_pmax(x, zero);
  return act == RELU6 ? wasm_f32x4_pmin(x, six) : x;
}

// ------------------------------------------------------------ 1 x 1 convolutions, and query @ key

// 4 outputs at 8 places: out[o][p] = act(b[o] + sum over i of w[i * wi + o] * x[i][p]), x packed as 8 places of each input.
INLINE void tile(const f32 *x, const f32 *w, int wi, const f32 *b, f32 *out, int os, int C, int act) {
  quad a0 = splat(b ? b[0] : 0), a1 = splat(b ? b[1] : 0), a2 = splat(b ? b[2] : 0), a3 = splat(b ? b[3] : 0);
  quad c0 = a0, c1 = a1, c2 = a2, c3 = a3;
  for (int i = 0; i < C; i++, x += 8, w += wi) {
    quad near = load(x), far = load(x + 4);
    quad w0 = wasm_v128_load32_splat(w), w1 = wasm_v128_load32_splat(w + 1);
    quad w2 = wasm_v128_load32_splat(w + 2), w3 = wasm_v128_load32_splat(w + 3);
    a0 = add4(a0, mul4(near, w0)), c0 = add4(c0, mul4(far, w0));
    a1 = add4(a1, mul4(near, w1)), c1 = add4(c1, mul4(far, w1));
    a2 = add4(a2, mul4(near, w2)), c2 = add4(c2, mul4(far, w2));
    a3 = add4(a3, mul4(near, w3)), c3 = add4(c3, mul4(far, w3));
  }
  store(out, activated(a0, act)), store(out + 4, activated(c0, act)), out += os;
  store(out, activated(a1, act)), store(out + 4, activated(c1, act)), out += os;
  store(out, activated(a2, act)), store(out + 4, activated(c2, act)), out += os;
  store(out, activated(a3, act)), store(out + 4, activated(c3, act));
}

// out[o][p] = act(b[o] + sum over the C inputs i of weight[o][i] * x[i][p]), O outputs, P places. Planes of x are xs floats apart,
// those of out os. Four outputs' weights lie side by side, those of input i at w + o * wo + i * wi; b may be null.
EXPORT(pointwise)(const f32 *x, int xs, const f32 *w, int wo, int wi, const f32 *b, f32 *out, int os, int C, int O, int P, int act) {
  static f32 strip[STRIP];
  f32 rest[4 * 8];
  int most = STRIP / C & ~7;
  for (int first = 0; first < P; first += most) {
    int places = P - first < most ? P - first : most;
    for (int p = 0; p < places; p += 8) {  // packed, as planes a power of two apart would fall onto one place of the cache
      const f32 *from = x + first + p;
      f32 *to = strip + p * C;
      for (int i = 0; i < C; i++, from += xs, to += 8) store(to, load(from)), store(to + 4, load(from + 4));
    }
    for (int o = 0; o < O; o += 4) {
      const f32 *bias = b ? b + o : 0;
      for (int p = 0; p < places; p += 8) {
        f32 *to = out + o * os + first + p;
        if (o + 4 <= O && p + 8 <= places) {
          tile(strip + p * C, w + o * wo, wi, bias, to, os, C, act);
          continue;
        }
        tile(strip + p * C, w + o * wo, wi, bias, rest, 8, C, act);
        for (int k = 0; k < 4 && o + k < O; k++) {
          for (int q = 0; q < 8 && p + q < places; q++) to[k * os + q] = rest[k * 8 + q];
        }
      }
    }
  }
}

// ------------------------------------------------------------ k x k convolutions

// Floats of a padded row: loads may run over its end.
INLINE int row_of(int w, int k) { return (w + 2 * (k / 2) + 8 + 1) & ~1; }

// C planes of h x w, each with r zeros around it, in rows of `row` floats. At a stride of 2 a row's even columns come first, then its
// odd ones: so a filter's entry meets neighbours in memory at any stride.
static void pad(const f32 *x, int C, int h, int w, int r, int row, int stride, f32 *to) {
  for (int c = 0; c < C; c++) {
    for (int i = 0; i < r * row; i++) *to++ = 0;
    for (int y = 0; y < h; y++, to += row, x += w) {
      for (int i = 0; i < row; i++) to[i] = 0;
      if (stride == 1) {
        for (int i = 0; i < w; i++) to[r + i] = x[i];
      } else {
        f32 *first = to + (r & 1) * (row / 2) + r / 2, *second = to + (~r & 1) * (row / 2) + (r + 1) / 2;
        int i = 0;
        for (; 2 * i + 8 <= w; i += 4) {
          quad a = load(x + 2 * i), b = load(x + 2 * i + 4);
          store(first + i, wasm_i32x4_shuffle(a, b, 0, 2, 4, 6)), store(second + i, wasm_i32x4_shuffle(a, b, 1, 3, 5, 7));
        }
        for (; 2 * i < w; i++) first[i] = x[2 * i];
        for (i = w / 8 * 4; 2 * i + 1 < w; i++) second[i] = x[2 * i + 1];
      }
    }
    for (int i = 0; i < r * row; i++) *to++ = 0;
  }
}

// Where column kx of a filter begins in a padded row.
INLINE int column(int kx, int row, int stride) { return stride == 1 ? kx : (kx & 1) * (row / 2) + kx / 2; }

INLINE void depthwise_plane(const f32 *x, int row, const f32 *w, f32 bias, f32 *out, int H, int W, int k, int stride, int act) {
  quad taps[25];
  for (int i = 0; i < k * k; i++) taps[i] = splat(w[i]);
  for (int y = 0; y < H; y++, x += stride * row) {
    for (int at = 0; at < W; at += 8) {  // the next row puts right what this one writes beyond its end
      quad a = splat(bias), b = a;
#pragma clang loop unroll(full)
      for (int ky = 0; ky < k; ky++) {
#pragma clang loop unroll(full)
        for (int kx = 0; kx < k; kx++) {
          const f32 *from = x + ky * row + column(kx, row, stride) + at;
          a = add4(a, mul4(load(from), taps[ky * k + kx])), b = add4(b, mul4(load(from + 4), taps[ky * k + kx]));
        }
      }
      store(out + y * W + at, activated(a, act)), store(out + y * W + at + 4, activated(b, act));
    }
  }
}

// Each of C planes by its own k x k filter (3 x 3 or 5 x 5), at a stride of 1 or 2: h x w to H x W. `padded`: room for one plane.
EXPORT(depthwise)(const f32 *x, int C, int h, int w, const f32 *weight, const f32 *b, f32 *padded, f32 *out, int H, int W, int k,
                  int stride, int act) {
  int row = row_of(w, k);
  for (int c = 0; c < C; c++, x += h * w, weight += k * k, out += H * W) {
    f32 bias = b ? b[c] : 0;
    pad(x, 1, h, w, k / 2, row, stride, padded);
    if (k == 3 && stride == 1) depthwise_plane(padded, row, weight, bias, out, H, W, 3, 1, act);
    else if (k == 3) depthwise_plane(padded, row, weight, bias, out, H, W, 3, 2, act);
    else if (stride == 1) depthwise_plane(padded, row, weight, bias, out, H, W, 5, 1, act);
    else depthwise_plane(padded, row, weight, bias, out, H, W, 5, 2, act);
  }
}

// The first convolution, 3 x 3 at a stride of 2: three planes of h x w to O (a multiple of 4) of H x W, four outputs' weights side by
// side. `padded`: room for three planes.
EXPORT(stem)(const f32 *x, int h, int w, const f32 *weight, const f32 *b, f32 *padded, f32 *out, int H, int W, int O, int act) {
  int row = row_of(w, 3), plane = (h + 2) * row, P = H * W;
  f32 gathered[27 * 8], rest[4 * 8];
  pad(x, 3, h, w, 1, row, 2, padded);
  for (int y = 0; y < H; y++) {
    for (int at = 0; at < W; at += 8) {
      f32 *to = gathered;  // what the filter meets at 8 places, as `tile` wants it
      for (int c = 0; c < 3; c++) {
        for (int ky = 0; ky < 3; ky++) {
          for (int kx = 0; kx < 3; kx++, to += 8) {
            const f32 *from = padded + c * plane + (2 * y + ky) * row + column(kx, row, 2) + at;
            store(to, load(from)), store(to + 4, load(from + 4));
          }
        }
      }
      for (int o = 0; o < O; o += 4) {
        const f32 *bias = b ? b + o : 0;
        if (at + 8 <= W) {
          tile(gathered, weight + o * 27, 4, bias, out + o * P + y * W + at, P, 27, act);
          continue;
        }
        tile(gathered, weight + o * 27, 4, bias, rest, 8, 27, act);
        for (int k = 0; k < 4; k++) {
          for (int i = 0; at + i < W; i++) out[(o + k) * P + y * W + at + i] = rest[k * 8 + i];
        }
      }
    }
  }
}

// ------------------------------------------------------------ attention

// e to the power of x, for x <= 0: 2^n times a polynomial (Cephes' expf) of what is left, between -ln 2 / 2 and ln 2 / 2.
INLINE quad exp4(quad x) {
  x = wasm_f32x4_pmax(x, splat(-87));  // below, nothing is left in float32
  quad n = wasm_f32x4_nearest(mul4(x, splat(1.44269504f)));
  x = add4(add4(x, mul4(n, splat(-0.693359375f))), mul4(n, splat(2.12194440e-4f)));
  quad sum = splat(1.9875691500e-4f);
  sum = add4(mul4(sum, x), splat(1.3981999507e-3f));
  sum = add4(mul4(sum, x), splat(8.3334519073e-3f));
  sum = add4(mul4(sum, x), splat(4.1665795894e-2f));
  sum = add4(mul4(sum, x), splat(1.6666665459e-1f));
  sum = add4(mul4(sum, x), splat(5.0000001201e-1f));
  sum = add4(add4(mul4(sum, mul4(x, x)), x), splat(1));
  return wasm_i32x4_add(sum, wasm_i32x4_shl(wasm_i32x4_trunc_sat_f32x4(n), 23));
}

// Each of `rows` rows of n numbers, which then sum to 1.
EXPORT(softmax)(const f32 *x, int rows, int n, f32 *out) {
  for (int r = 0; r < rows; r++, x += n, out += n) {
    f32 top = x[0], sum = 0, tail[4];
    for (int j = 1; j < n; j++) top = x[j] > top ? x[j] : top;
    quad sums = splat(0);
    int j = 0;
    for (; j + 4 <= n; j += 4) {
      quad e = exp4(wasm_f32x4_sub(load(x + j), splat(top)));
      sums = add4(sums, e);
      store(out + j, e);
    }
    store(tail, sums);
    for (int k = 0; k < 4; k++) sum += tail[k];
    store(tail, exp4(wasm_f32x4_sub(load(x + j), splat(top))));
    for (int k = 0; j + k < n; k++) sum += out[j + k] = tail[k];
    f32 share = 1 / sum;
    for (j = 0; j < n; j++) out[j] *= share;
  }
}

INLINE f32 sum4(quad x) {
  return wasm_f32x4_extract_lane(x, 0) + wasm_f32x4_extract_lane(x, 1) + wasm_f32x4_extract_lane(x, 2) + wasm_f32x4_extract_lane(x, 3);
}

// weights @ value, where a feature of value is a row: out[f][i] = sum over the n tokens j of weights[i][j] * value[f][j], for F
// features and `rows` queries i; rows of out are os apart.
EXPORT(mix)(const f32 *weights, const f32 *value, f32 *out, int os, int rows, int n, int F) {
  for (int f = 0; f < F; f += 2) {
    const f32 *v0 = value + f * n, *v1 = f + 1 < F ? v0 + n : v0;
    f32 *o0 = out + f * os, *o1 = f + 1 < F ? o0 + os : o0;
    for (int i = 0; i < rows; i += 2) {
      const f32 *w0 = weights + i * n, *w1 = i + 1 < rows ? w0 + n : w0;
      quad a = splat(0), b = a, c = a, d = a;
      int j = 0;
      for (; j + 4 <= n; j += 4) {
        quad p = load(w0 + j), q = load(w1 + j), s = load(v0 + j), t = load(v1 + j);
        a = add4(a, mul4(p, s)), b = add4(b, mul4(p, t)), c = add4(c, mul4(q, s)), d = add4(d, mul4(q, t));
      }
      f32 sa = sum4(a), sb = sum4(b), sc = sum4(c), sd = sum4(d);
      for (; j < n; j++) sa += w0[j] * v0[j], sb += w0[j] * v1[j], sc += w1[j] * v0[j], sd += w1[j] * v1[j];
      int next = i + 1 < rows ? i + 1 : i;
      o0[i] = sa, o1[i] = sb, o0[next] = sc, o1[next] = sd;
    }
  }
}

// ------------------------------------------------------------ place by place

// Each of C planes of P places times a scale plus a shift, then the activation; either may be null. `out` may be x itself.
EXPORT(affine)(const f32 *x, const f32 *scale, const f32 *shift, f32 *out, int C, int P, int act) {
  for (int c = 0; c < C; c++, x += P, out += P) {
    quad s = splat(scale ? scale[c] : 1), t = splat(shift ? shift[c] : 0);
    int p = 0;
    for (; p + 4 <= P; p += 4) store(out + p, activated(add4(mul4(load(x + p), s), t), act));
    f32 rest[4];
    store(rest, activated(add4(mul4(load(x + p), s), t), act));
    for (int k = 0; p + k < P; k++) out[p + k] = rest[k];
  }
}

EXPORT(add)(const f32 *a, const f32 *b, f32 *out, int n) {
  for (int i = 0; i < n; i += 4) store(out + i, add4(load(a + i), load(b + i)));
}

// a * b + c, as the injection joins them.
EXPORT(gated)(const f32 *a, const f32 *b, const f32 *c, f32 *out, int n) {
  for (int i = 0; i < n; i += 4) store(out + i, add4(mul4(load(a + i), load(b + i)), load(c + i)));
}

// ------------------------------------------------------------ other sizes

// Each of C planes of h x w averaged down to H x W, as adaptive_avg_pool2d does: where sides do not divide, cells overlap.
EXPORT(pool)(const f32 *x, int C, int h, int w, f32 *out, int H, int W) {
  for (int c = 0; c < C; c++, x += h * w) {
    for (int Y = 0; Y < H; Y++) {
      int top = Y * h / H, bottom = ((Y + 1) * h + H - 1) / H;
      for (int X = 0; X < W; X++) {
        int left = X * w / W, right = ((X + 1) * w + W - 1) / W;
        f32 sum = 0;
        for (int y = top; y < bottom; y++) {
          for (int i = left; i < right; i++) sum += x[y * w + i];
        }
        *out++ = sum / (f32)((bottom - top) * (right - left));
      }
    }
  }
}

// Where entry `at` of `to` comes from along an axis of `from`: between `*low` and the entry after it, at the share that is returned.
INLINE f32 source(int at, int from, int to, int *low) {
  f32 place = ((f32)at + 0.5f) * ((f32)from / (f32)to) - 0.5f;
  place = place < 0 ? 0 : place;
  *low = (int)place < from - 1 ? (int)place : from - 1;
  return place - (f32)*low;
}

// Each of C planes of h x w to H x W, bilinear, align_corners off. `wide`: room for h rows of W, a plane's after its columns are done.
EXPORT(resize)(const f32 *x, int C, int h, int w, f32 *wide, f32 *out, int H, int W) {
  for (int c = 0; c < C; c++, x += h * w, out += H * W) {
    for (int X = 0; X < W; X++) {
      int left;
      f32 share = source(X, w, W, &left);
      int right = left + (left < w - 1);
      for (int y = 0; y < h; y++) wide[y * W + X] = (1 - share) * x[y * w + left] + share * x[y * w + right];
    }
    for (int Y = 0; Y < H; Y++) {
      int top;
      f32 share = source(Y, h, H, &top);
      const f32 *above = wide + top * W, *below = above + (top < h - 1 ? W : 0);
      f32 *to = out + Y * W;
      for (int X = 0; X < W; X += 4) {  // the next row puts right what this one writes beyond its end
        store(to + X, add4(mul4(splat(1 - share), load(above + X)), mul4(splat(share), load(below + X))));
      }
    }
  }
}

// ------------------------------------------------------------ Pillow's resize

typedef unsigned char u8;
#define HALF wasm_i32x4_const_splat(1 << 21)

// A place of a picture as integers: its levels of red, green and blue, and a fourth byte.
INLINE quad levels(const u8 *place) {
  return wasm_u32x4_extend_low_u16x8(wasm_u16x8_extend_low_u8x16(wasm_v128_load32_zero(place)));
}

INLINE quad plus(quad sum, quad levels, quad part) { return wasm_i32x4_add(sum, wasm_i32x4_mul(levels, part)); }

// Four sums, of 22 bits behind the point, as a place: levels from 0 to 255, and 255.
INLINE void put(u8 *to, quad sums) {
  quad whole = wasm_i32x4_shr(sums, 22);
  quad bytes = wasm_u8x16_narrow_i16x8(wasm_i16x8_narrow_i32x4(whole, whole), whole);
  wasm_v128_store32_lane(to, wasm_v128_or(bytes, wasm_i32x4_const_splat(0xff000000)), 0);
}

// `across` for n rows, 1 or 4.
INLINE void rows_across(const u8 *data, int width, int n, const int *first, const int *count, const int *parts, int most, int w, u8 *out) {
  for (int x = 0; x < w; x++, parts += most, out += 4) {
    const u8 *from = data + 4 * first[x];
    quad sums[4] = {HALF, HALF, HALF, HALF};
    for (int k = 0; k < count[x]; k++, from += 4) {
      quad part = wasm_v128_load32_splat(parts + k);
#pragma clang loop unroll(full)
      for (int y = 0; y < n; y++) sums[y] = plus(sums[y], levels(from + y * 4 * width), part);
    }
#pragma clang loop unroll(full)
    for (int y = 0; y < n; y++) put(out + y * 4 * w, sums[y]);
  }
}

// Rows of `width` places of 4 bytes, each to w places: place x is the sum of count[x] places from first[x] on, each times its part. The
// parts of place x, with 22 bits behind the point, begin at parts + x * most.
EXPORT(across)(const u8 *data, int width, int rows, const int *first, const int *count, const int *parts, int most, int w, u8 *out) {
  int y = 0;
  for (; y + 4 <= rows; y += 4) rows_across(data + y * 4 * width, width, 4, first, count, parts, most, w, out + y * 4 * w);
  for (; y < rows; y++) rows_across(data + y * 4 * width, width, 1, first, count, parts, most, w, out + y * 4 * w);
}

// The same for columns: rows of `width` places to h rows.
EXPORT(down)(const u8 *data, int width, const int *first, const int *count, const int *parts, int most, int h, u8 *out) {
  int row = 4 * width;
  for (int y = 0; y < h; y++, parts += most, out += row) {
    for (int x = 0; x < row; x += 16) {  // the next row puts right what this one writes beyond its end
      const u8 *from = data + first[y] * row + x;
      quad a = HALF, b = a, c = a, d = a;
      for (int k = 0; k < count[y]; k++, from += row) {
        quad part = wasm_v128_load32_splat(parts + k), four = wasm_v128_load(from);
        quad near = wasm_u16x8_extend_low_u8x16(four), far = wasm_u16x8_extend_high_u8x16(four);
        a = plus(a, wasm_u32x4_extend_low_u16x8(near), part), b = plus(b, wasm_u32x4_extend_high_u16x8(near), part);
        c = plus(c, wasm_u32x4_extend_low_u16x8(far), part), d = plus(d, wasm_u32x4_extend_high_u16x8(far), part);
      }
      put(out + x, a), put(out + x + 4, b), put(out + x + 8, c), put(out + x + 12, d);
    }
  }
}
