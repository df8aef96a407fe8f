/** Layer normalisation (Ba et al., 2016, https://arxiv.org/abs/1607.06450), alone and with the residual sum and dropout that precede it. */
import * as tf from '@tensorflow/tfjs';
import { addon, allocate, nativeActive, valuesOf } from '../native/tensors.js';
import { dropoutReference } from './dropout.js';
import type { DropoutSpec } from './dropoutGenerator.js';
import { columnSum } from './matrixProducts.js';
import { recordingGradient, withGradient } from './withGradient.js';

/** xhat = (x - mean) / sqrt(variance + epsilon) [T, H], and the inverse deviation [T, 1]. */
function normalize(x: tf.Tensor2D, epsilon: number): { readonly normalized: tf.Tensor2D; readonly inverseDeviation: tf.Tensor2D } {
  const centred = tf.sub<tf.Tensor2D>(x, tf.mean(x, 1, true));
  const inverseDeviation = tf.rsqrt(tf.mean(tf.square(centred), 1, true).add(epsilon)) as tf.Tensor2D;
  return { normalized: tf.mul(centred, inverseDeviation), inverseDeviation };
}

/** Plain tfjs form of `layerNorm`. */
export function layerNormReference(x: tf.Tensor2D, gamma: tf.Tensor1D, beta: tf.Tensor1D, epsilon: number): tf.Tensor2D {
  return normalize(x, epsilon).normalized.mul(gamma).add(beta);
}

/** Plain tfjs form of `residualLayerNorm`. */
export function residualLayerNormReference(x: tf.Tensor2D, residual: tf.Tensor2D, gamma: tf.Tensor1D, beta: tf.Tensor1D, epsilon: number, dropout: DropoutSpec | undefined): tf.Tensor2D {
  return layerNormReference(residual.add(dropoutReference(x, dropout)), gamma, beta, epsilon);
}

/**
 * (x - mean) / sqrt(variance + epsilon) * gamma + beta over the last axis.
 * @param x [T, H] @param gamma [H] @param beta [H] @returns [T, H]
 */
export function layerNorm(x: tf.Tensor2D, gamma: tf.Tensor1D, beta: tf.Tensor1D, epsilon: number): tf.Tensor2D {
  return nativeActive() ? nativeLayerNorm(x, undefined, gamma, beta, epsilon, undefined) : plainLayerNorm(x, undefined, gamma, beta, epsilon, undefined);
}

/**
 * LayerNorm(residual + dropout(x)): the end of every post-norm sublayer.
 * @param x [T, H] @param residual [T, H] @param gamma [H] @param beta [H] @returns [T, H]
 */
export function residualLayerNorm(x: tf.Tensor2D, residual: tf.Tensor2D, gamma: tf.Tensor1D, beta: tf.Tensor1D, epsilon: number, dropout: DropoutSpec | undefined): tf.Tensor2D {
  return nativeActive() ? nativeLayerNorm(x, residual, gamma, beta, epsilon, dropout) : plainLayerNorm(x, residual, gamma, beta, epsilon, dropout);
}

function plainLayerNorm(x: tf.Tensor2D, residual: tf.Tensor2D | undefined, gamma: tf.Tensor1D, beta: tf.Tensor1D, epsilon: number, dropout: DropoutSpec | undefined): tf.Tensor2D {
  return withGradient<tf.Tensor2D>(
    residual === undefined ? [x, gamma, beta] : [x, residual, gamma, beta],
    (save) => {
      const sum = residual === undefined ? x : tf.add<tf.Tensor2D>(residual, dropoutReference(x, dropout));
      const { normalized, inverseDeviation } = normalize(sum, epsilon);
      save([normalized, inverseDeviation, gamma]);
      return normalized.mul(gamma).add(beta);
    },
    (dy, saved) => {
      const [normalized, inverseDeviation, savedGamma] = saved as [tf.Tensor2D, tf.Tensor2D, tf.Tensor1D];
      const dnormalized = tf.mul<tf.Tensor2D>(dy, savedGamma);
      const projection = tf.mean(dnormalized.mul(normalized), 1, true);
      const dsum = dnormalized.sub(tf.mean(dnormalized, 1, true)).sub(normalized.mul(projection)).mul<tf.Tensor2D>(inverseDeviation);
      const parameters = [columnSum(tf.mul(dy, normalized)), columnSum(dy)];
      return residual === undefined ? [dsum, ...parameters] : [dropoutReference(dsum, dropout), dsum, ...parameters];
    },
  );
}

function nativeLayerNorm(x: tf.Tensor2D, residual: tf.Tensor2D | undefined, gamma: tf.Tensor1D, beta: tf.Tensor1D, epsilon: number, dropout: DropoutSpec | undefined): tf.Tensor2D {
  const [rows, cols] = x.shape;
  const { rate, key } = dropout ?? { rate: 0, key: 0 };
  const recording = recordingGradient();
  return withGradient<tf.Tensor2D>(
    residual === undefined ? [x, gamma, beta] : [x, residual, gamma, beta],
    (save) => {
      const y = allocate([rows, cols]);
      const normalized = recording ? allocate([rows, cols]) : undefined;
      const inverseDeviation = allocate([rows]);
      addon().layerNormForward(
        valuesOf(x), residual === undefined ? null : valuesOf(residual), valuesOf(gamma), valuesOf(beta),
        y.values, normalized?.values ?? null, inverseDeviation.values, rows, cols, epsilon, rate, key,
      );
      if (normalized !== undefined) save([normalized.tensor, inverseDeviation.tensor, gamma]);
      return y.tensor as tf.Tensor2D;
    },
    (dy, saved) => {
      const [normalized, inverseDeviation, savedGamma] = saved.map(valuesOf) as [Float32Array, Float32Array, Float32Array];
      const dx = allocate([rows, cols]);
      const dresidual = residual === undefined ? undefined : allocate([rows, cols]);
      const dgamma = allocate([cols]);
      const dbeta = allocate([cols]);
      addon().layerNormBackward(
        valuesOf(dy), normalized, inverseDeviation, savedGamma, dx.values, dresidual?.values ?? null, dgamma.values, dbeta.values, rows, cols, rate, key,
      );
      return dresidual === undefined ? [dx.tensor, dgamma.tensor, dbeta.tensor] : [dx.tensor, dresidual.tensor, dgamma.tensor, dbeta.tensor];
    },
  );
}
