/** Bytes of a stored tensor as float32 values. Little-endian hosts only, which is every platform that Node ships for but s390x. */

/** The values, or undefined for a dtype that holds no floating point numbers. */
export function widenToFloat32(bytes: Uint8Array, dtype: string): Float32Array | undefined {
  if (dtype === 'F32') {
    const aligned = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
    return new Float32Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / 4);
  }
  if (dtype === 'F64') return Float32Array.from(new Float64Array(bytes.slice().buffer));
  if (dtype !== 'F16' && dtype !== 'BF16') return undefined;
  const halves = new Uint16Array(bytes.slice().buffer);
  return dtype === 'BF16' ? fromBfloat16(halves) : fromFloat16(halves);
}

/** bfloat16 is the upper half of a float32. */
function fromBfloat16(halves: Uint16Array): Float32Array {
  const bits = new Uint32Array(halves.length);
  for (let i = 0; i < halves.length; i++) bits[i] = (halves[i] ?? 0) << 16;
  return new Float32Array(bits.buffer);
}

/** IEEE 754 binary16: 1 sign, 5 exponent (bias 15) and 10 fraction bits. */
function fromFloat16(halves: Uint16Array): Float32Array {
  const values = new Float32Array(halves.length);
  for (let i = 0; i < halves.length; i++) {
    const half = halves[i] ?? 0;
    const exponent = (half >> 10) & 31;
    const fraction = half & 1023;
    let magnitude: number;
    if (exponent === 31) magnitude = fraction === 0 ? Number.POSITIVE_INFINITY : Number.NaN;
    else if (exponent === 0) magnitude = fraction * 2 ** -24;
    else magnitude = (1024 + fraction) * 2 ** (exponent - 25);
    values[i] = half & 0x8000 ? -magnitude : magnitude;
  }
  return values;
}
