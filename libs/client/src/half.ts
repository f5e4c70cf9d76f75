/** Half-precision numbers (IEEE 754 binary16) as their bits, rounded to the nearest, ties to even. */
export function halfBits(values: ArrayLike<number>): Uint16Array {
  const float = new Float32Array(1);
  const bits = new Uint32Array(float.buffer);
  return Uint16Array.from(values, (value) => {
    float[0] = value;
    const whole = bits[0] ?? 0;
    const sign = (whole >>> 16) & 0x8000;
    const rest = whole & 0x7fff_ffff;
    if (rest > 0x7f80_0000) return sign | 0x7e00;
    // 65520 and all above round to infinity.
    if (rest >= 0x477f_f000) return sign | 0x7c00;
    if (rest >= 0x3880_0000) {
      const up = rest - 0x3800_0000;
      return sign | ((up + 0x0fff + ((up >>> 13) & 1)) >>> 13);
    }
    // Subnormal: a multiple of 2^-24, and adding 0.5 lines the bits up with those of a number between 0.5 and 1.
    float[0] = Math.abs(value) + 0.5;
    return sign | ((bits[0] ?? 0) - 0x3f00_0000);
  });
}

export function halfNumbers(bits: ArrayLike<number>): Float32Array {
  return Float32Array.from(bits, (half) => {
    const sign = half & 0x8000 ? -1 : 1;
    const exponent = (half >>> 10) & 0x1f;
    const fraction = half & 0x3ff;
    if (exponent === 0x1f) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
    return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  });
}
