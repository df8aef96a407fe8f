/** Layer normalisation (Ba et al., 2016, https://arxiv.org/abs/1607.06450), alone and with the residual sum and dropout that precede it. */
import * as tf from '@tensorflow/tfjs';
import { addon, allocate, nativeActive, valuesOf } from '../native/tensors.js';
import { dropoutReference } from './dropout.js';
import type { DropoutSpec } from './dropoutGenerator.js';
import { recordingGradient, withGradient } from './withGradient.js';

/** Plain tfjs form of `layerNorm`, differentiable by tfjs itself. */
export function layerNormReference(x: tf.Tensor2D, gamma: tf.Tensor1D, beta: tf.Tensor1D, epsilon: number): tf.Tensor2D {
  const centred = x.sub(x.mean(1, true));
  const variance = centred.square().mean(1, true);
  return centred.mul(tf.rsqrt(variance.add(epsilon))).mul(gamma).add(beta) as tf.Tensor2D;
}

/** Plain tfjs form of `residualLayerNorm`, differentiable by tfjs itself. */
export function residualLayerNormReference(x: tf.Tensor2D, residual: tf.Tensor2D, gamma: tf.Tensor1D, beta: tf.Tensor1D, epsilon: number, dropout: DropoutSpec | undefined): tf.Tensor2D {
  return layerNormReference(residual.add(dropoutReference(x, dropout)), gamma, beta, epsilon);
}

/**
 * (x - mean) / sqrt(variance + epsilon) * gamma + beta over the last axis.
 * @param x [T, H] @param gamma [H] @param beta [H] @returns [T, H]
 */
export function layerNorm(x: tf.Tensor2D, gamma: tf.Tensor1D, beta: tf.Tensor1D, epsilon: number): tf.Tensor2D {
  if (!nativeActive()) return tf.tidy(() => layerNormReference(x, gamma, beta, epsilon));
  return nativeLayerNorm(x, undefined, gamma, beta, epsilon, undefined);
}

/**
 * LayerNorm(residual + dropout(x)): the end of every post-norm sublayer.
 * @param x [T, H] @param residual [T, H] @returns [T, H]
 */
export function residualLayerNorm(x: tf.Tensor2D, residual: tf.Tensor2D, gamma: tf.Tensor1D, beta: tf.Tensor1D, epsilon: number, dropout: DropoutSpec | undefined): tf.Tensor2D {
  if (!nativeActive()) return tf.tidy(() => residualLayerNormReference(x, residual, gamma, beta, epsilon, dropout));
  return nativeLayerNorm(x, residual, gamma, beta, epsilon, dropout);
}

function nativeLayerNorm(x: tf.Tensor2D, residual: tf.Tensor2D | undefined, gamma: tf.Tensor1D, beta: tf.Tensor1D, epsilon: number, dropout: DropoutSpec | undefined): tf.Tensor2D {
  const [rows, cols] = x.shape;
  const { rate, key } = dropout ?? { rate: 0, key: 0 };
  const recording = recordingGradient();
  return withGradient(
    residual === undefined ? [x, gamma, beta] : [x, residual, gamma, beta],
    (save) => {
      const y = allocate([rows, cols]);
      const normalized = recording ? allocate([rows, cols]) : undefined;
      const inverseDeviation = allocate([rows]);
      addon().layerNormForward(
        valuesOf(x), residual === undefined ? null : valuesOf(residual), valuesOf(gamma), valuesOf(beta),
        y.values, normalized?.values ?? null, inverseDeviation.values, rows, cols, epsilon, rate, key,
      );
      if (normalized !== undefined) {
        save([normalized.tensor, inverseDeviation.tensor, gamma]);
        normalized.tensor.dispose();
      }
      inverseDeviation.tensor.dispose();
      return y.tensor;
    },
    (dy, saved) => {
      const [normalized, inverseDeviation, savedGamma] = saved.map(valuesOf) as [Float32Array, Float32Array, Float32Array];
      const dx = allocate([rows, cols]);
      const dresidual = residual === undefined ? undefined : allocate([rows, cols]);
      const dgamma = allocate([cols]);
      const dbeta = allocate([cols]);
      addon().layerNormBackward(valuesOf(dy), normalized, inverseDeviation, savedGamma, dx.values, dresidual?.values ?? null, dgamma.values, dbeta.values, rows, cols, rate, key);
      return [dx.tensor, ...(dresidual === undefined ? [] : [dresidual.tensor]), dgamma.tensor, dbeta.tensor];
    },
  ) as tf.Tensor2D;
}
