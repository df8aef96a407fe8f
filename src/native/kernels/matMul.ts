/** BatchMatMul and _FusedMatMul: one GEMM of the addon for each matrix of the batch. */
import * as tf from '@tensorflow/tfjs';
import type { NativeBackend } from '../backend.js';
import { binary, unary } from './elementwise.js';
import { broadcastStrides, input, type NativeKernel, type NativeKernels, sizeOf } from './nativeKernel.js';
import { binaryCodes, unaryCodes } from './opCodes.js';

interface MatMul {
  readonly a: tf.TensorInfo;
  readonly b: tf.TensorInfo;
  readonly transposeA: boolean;
  readonly transposeB: boolean;
}

/** Rows and columns of one matrix of the operand after its transposition. */
function matrixShape(x: tf.TensorInfo, transposed: boolean): [number, number] {
  const [rows, cols] = x.shape.slice(-2) as [number, number];
  return transposed ? [cols, rows] : [rows, cols];
}

function matMul(backend: NativeBackend, { a, b, transposeA, transposeB }: MatMul): tf.TensorInfo | undefined {
  if (a.dtype !== 'float32' || b.dtype !== 'float32') return undefined;
  const [m, k] = matrixShape(a, transposeA);
  const [sharedB, n] = matrixShape(b, transposeB);
  const [outerA, outerB] = [a.shape.slice(0, -2), b.shape.slice(0, -2)];
  const outer = tf.backend_util.assertAndGetBroadcastShape(outerA, outerB);
  const outShape = [...outer, m, n];
  // The cpu kernel reports shapes that do not fit, and makes the empty results.
  if (k !== sharedB || k === 0 || sizeOf(outShape) === 0) return undefined;

  const [valuesA, valuesB] = [backend.floatValues(a.dataId), backend.floatValues(b.dataId)];
  const out = backend.makePooledOutput(outShape, 'float32');
  const batch = sizeOf(outer);
  if (batch === 1 || (!transposeA && sizeOf(outerB) === 1)) {
    backend.addon.gemm(transposeA, transposeB, m * batch, n, k, valuesA, valuesB, out.values, false);
    return out;
  }
  const [stridesA, stridesB] = [broadcastStrides(outerA, outer), broadcastStrides(outerB, outer)];
  for (let i = 0; i < batch; i++) {
    let [rest, indexA, indexB] = [i, 0, 0];
    for (let d = outer.length - 1; d >= 0; d--) {
      const size = outer[d] as number;
      indexA += (rest % size) * (stridesA[d] as number);
      indexB += (rest % size) * (stridesB[d] as number);
      rest = Math.floor(rest / size);
    }
    backend.addon.gemm(
      transposeA, transposeB, m, n, k, valuesA.subarray(indexA * m * k), valuesB.subarray(indexB * k * n), out.values.subarray(i * m * n, (i + 1) * m * n), false,
    );
  }
  return out;
}

const activations: ReadonlyMap<unknown, number | undefined> = new Map<unknown, number | undefined>([
  [undefined, undefined],
  [null, undefined],
  ['linear', undefined],
  ['relu', unaryCodes.Relu],
  ['sigmoid', unaryCodes.Sigmoid],
]);

const batchMatMul: NativeKernel = ({ inputs, attrs, backend }) =>
  matMul(backend, { a: input(inputs, 'a'), b: input(inputs, 'b'), transposeA: attrs['transposeA'] === true, transposeB: attrs['transposeB'] === true });

const fusedMatMul: NativeKernel = ({ inputs, attrs, backend }) => {
  if (!activations.has(attrs['activation'])) return undefined;
  const bias = inputs['bias'];
  if (bias !== undefined && bias !== null && bias.dtype !== 'float32') return undefined;
  let result = batchMatMul({ inputs, attrs, backend }) as tf.TensorInfo | undefined;
  const replace = (next: tf.TensorInfo | undefined): void => {
    if (result !== undefined) backend.disposeIntermediateTensorInfo(result);
    result = next;
  };
  if (result !== undefined && bias !== undefined && bias !== null) replace(binary(backend, binaryCodes.Add, result, bias));
  const activation = activations.get(attrs['activation']);
  if (result !== undefined && activation !== undefined) replace(unary(backend, activation, result));
  return result;
};

export const matMulKernels: NativeKernels = new Map<string, NativeKernel>([
  ['BatchMatMul', batchMatMul],
  ['_FusedMatMul', fusedMatMul],
]);
