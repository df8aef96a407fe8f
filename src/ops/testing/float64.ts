/**
 * Makes tfjs' plain JavaScript backend compute in float64, so that finite differences resolve a gradient to about nine digits.
 * Import this before anything that imports tfjs: `Float32Array` becomes another name of `Float64Array` in this process, and tfjs
 * takes the one that it finds. For test files only; each runs in its own process.
 */
import { types } from 'node:util';

const isFloat32Array = types.isFloat32Array;

// tfjs asks Node whether an array is one of its typed arrays.
Object.assign(types, { isFloat32Array: (value: unknown) => isFloat32Array(value) || types.isFloat64Array(value) });
Object.assign(globalThis, { Float32Array: Float64Array });
