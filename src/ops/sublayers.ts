/**
 * The two sublayers of a post-norm Transformer layer (Vaswani et al., 2017, section 3.1, https://arxiv.org/abs/1706.03762), each
 * one op: LayerNorm(x + dropout(sublayer(x))). As one op the native engine adds the gradient of the branch onto that of the
 * residual where it stands, and normalises in the memory of the branch's output.
 */
import * as tf from '@tensorflow/tfjs';
import { addon, allocate, nativeActive, valuesOf } from '../native/tensors.js';
import { type Activation, activationCodes } from './activation.js';
import { attention, checkAttention } from './attention.js';
import type { DropoutSpec } from './dropoutGenerator.js';
import { feedForward } from './feedForward.js';
import { residualLayerNorm } from './layerNorm.js';
import { linear } from './linear.js';
import { qkvLinear } from './qkvLinear.js';
import { gatherRows } from './rows.js';
import { recordingGradient, withGradient } from './withGradient.js';

/** A linear layer's weight [out, in] and bias [out]. */
export interface LinearWeights {
  readonly weight: tf.Tensor2D;
  readonly bias: tf.Tensor1D;
}

/** The end of a sublayer: dropout of the branch, and the normalisation's gamma [H], beta [H] and epsilon. */
export interface SublayerEnd {
  readonly weight: tf.Tensor1D;
  readonly bias: tf.Tensor1D;
  readonly epsilon: number;
  readonly dropout: DropoutSpec | undefined;
}

export interface FeedForwardWeights {
  /** [F, H] */
  readonly intermediate: LinearWeights;
  /** [H, F] */
  readonly output: LinearWeights;
}

export interface AttentionWeights {
  /** Each [H, H]. */
  readonly query: LinearWeights;
  readonly key: LinearWeights;
  readonly value: LinearWeights;
  readonly output: LinearWeights;
}

export interface AttentionLayout {
  /** Where each sequence starts, and T at the end, [B + 1]. */
  readonly cuSeqlens: Int32Array;
  readonly numHeads: number;
  /** Of the probabilities. */
  readonly dropout: DropoutSpec | undefined;
}

/** LayerNorm(x + dropout(feedForward(x))). x [T, H] -> [T, H] */
export function feedForwardSublayer(x: tf.Tensor2D, weights: FeedForwardWeights, activation: Activation, end: SublayerEnd): tf.Tensor2D {
  if (nativeActive()) return nativeFeedForwardSublayer(x, weights, activation, end);
  const { intermediate, output } = weights;
  const branch = feedForward(x, intermediate.weight, intermediate.bias, output.weight, output.bias, activation);
  return residualLayerNorm(branch, x, end.weight, end.bias, end.epsilon, end.dropout);
}

/**
 * LayerNorm(x + dropout(attention's output projection)). x [T, H] -> [T, H]; with `rows` [R], tokens in ascending order and none
 * twice, those alone attend (to all tokens of their sequence), and what follows is computed for them only -> [R, H].
 */
export function attentionSublayer(x: tf.Tensor2D, weights: AttentionWeights, layout: AttentionLayout, end: SublayerEnd, rows?: Int32Array): tf.Tensor2D {
  if (nativeActive()) return rows === undefined ? nativeAttentionSublayer(x, weights, layout, end) : nativeAttentionSublayerAt(x, weights, layout, end, rows);
  const { query, key, value, output } = weights;
  const chosen = (tokens: tf.Tensor2D): tf.Tensor2D => (rows === undefined ? tokens : gatherRows(tokens, rows));
  // [T, H] -> [T, 3H] -> [T, H]
  const qkv = qkvLinear(x, query.weight, query.bias, key.weight, key.bias, value.weight, value.bias);
  const context = attention(qkv, layout.cuSeqlens, layout.numHeads, layout.dropout);
  return residualLayerNorm(linear(chosen(context), output.weight, output.bias), chosen(x), end.weight, end.bias, end.epsilon, end.dropout);
}

interface NormalizedRows {
  /** Undefined where no gradient will be asked for. */
  readonly normalized: tf.Tensor | undefined;
  readonly inverseDeviation: tf.Tensor;
}

/** In place: branch [T, H] becomes LayerNorm(residual + dropout(branch)). */
function endForward(branch: Float32Array, residual: tf.Tensor2D, end: SublayerEnd, recording: boolean): NormalizedRows {
  const [rows, cols] = residual.shape;
  const { rate, key } = end.dropout ?? { rate: 0, key: 0 };
  const normalized = recording ? allocate([rows, cols]) : undefined;
  const inverseDeviation = allocate([rows]);
  addon().layerNormForward(
    branch, valuesOf(residual), valuesOf(end.weight), valuesOf(end.bias), branch, normalized?.values ?? null, inverseDeviation.values, rows, cols, end.epsilon, rate, key,
  );
  return { normalized: normalized?.tensor, inverseDeviation: inverseDeviation.tensor };
}

/** Gradients of endForward: of the branch, of the residual (to which the branch's own gradient is to be added), gamma and beta. */
function endBackward(dy: tf.Tensor2D, normalized: tf.Tensor, inverseDeviation: tf.Tensor, gamma: tf.Tensor, dropout: DropoutSpec | undefined) {
  const [rows, cols] = dy.shape;
  const { rate, key } = dropout ?? { rate: 0, key: 0 };
  const [dbranch, dx, dgamma, dbeta] = [allocate([rows, cols]), allocate([rows, cols]), allocate([cols]), allocate([cols])] as const;
  addon().layerNormBackward(
    valuesOf(dy), valuesOf(normalized), valuesOf(inverseDeviation), valuesOf(gamma), dbranch.values, dx.values, dgamma.values, dbeta.values, rows, cols, rate, key,
  );
  return { dbranch, dx, dgamma, dbeta };
}

function nativeFeedForwardSublayer(x: tf.Tensor2D, weights: FeedForwardWeights, activation: Activation, end: SublayerEnd): tf.Tensor2D {
  const recording = recordingGradient();
  const { intermediate, output } = weights;
  const [tokens, hidden] = x.shape;
  const inner = intermediate.weight.shape[0];
  const code = activationCodes[activation];
  return withGradient<tf.Tensor2D>(
    [x, intermediate.weight, intermediate.bias, output.weight, output.bias, end.weight, end.bias],
    (save) => {
      const y = allocate([tokens, hidden]);
      const pre = recording ? allocate([tokens, inner]) : undefined;
      addon().feedForwardForward(
        valuesOf(x), valuesOf(intermediate.weight), valuesOf(intermediate.bias), valuesOf(output.weight), valuesOf(output.bias),
        pre?.values ?? null, y.values, tokens, hidden, inner, code,
      );
      const { normalized, inverseDeviation } = endForward(y.values, x, end, recording);
      if (pre !== undefined && normalized !== undefined) save([normalized, inverseDeviation, end.weight, pre.tensor, x, intermediate.weight, output.weight]);
      return y.tensor as tf.Tensor2D;
    },
    (dy, saved) => {
      const [normalized, inverseDeviation, gamma, pre, savedX, w1, w2] = saved as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
      const { dbranch, dx, dgamma, dbeta } = endBackward(dy, normalized, inverseDeviation, gamma, end.dropout);
      const [dw1, db1, dw2, db2] = [allocate([inner, hidden]), allocate([inner]), allocate([hidden, inner]), allocate([hidden])] as const;
      // The gradient of a tape is asked for once, so what was kept may be used up.
      addon().feedForwardBackward(
        dbranch.values, valuesOf(savedX), valuesOf(pre), valuesOf(w1), valuesOf(w2), dx.values, dw1.values, db1.values, dw2.values, db2.values,
        tokens, hidden, inner, code, true,
      );
      return [dx, dw1, db1, dw2, db2, dgamma, dbeta].map(({ tensor }) => tensor);
    },
  );
}

/** What both native forms of the attention sublayer call its kernels with. */
function checkedSizes(x: tf.Tensor2D, { cuSeqlens, numHeads, dropout }: AttentionLayout) {
  const [tokens, hidden] = x.shape;
  checkAttention([tokens, 3 * hidden], cuSeqlens, numHeads);
  const { rate, key: dropKey } = dropout ?? { rate: 0, key: 0 };
  return { tokens, hidden, cuSeqlens, numHeads, headDim: hidden / numHeads, rate, dropKey };
}

/** The tensors that their gradients are of, in the order of those. */
function attentionInputs(x: tf.Tensor2D, { query, key, value, output }: AttentionWeights, end: SublayerEnd): tf.Tensor[] {
  return [x, ...[query, key, value, output].flatMap(({ weight, bias }) => [weight, bias]), end.weight, end.bias];
}

function nativeAttentionSublayer(x: tf.Tensor2D, weights: AttentionWeights, layout: AttentionLayout, end: SublayerEnd): tf.Tensor2D {
  const recording = recordingGradient();
  const { query, key, value, output } = weights;
  const { tokens, hidden, cuSeqlens, numHeads, headDim, rate, dropKey } = checkedSizes(x, layout);
  return withGradient<tf.Tensor2D>(
    attentionInputs(x, weights, end),
    (save) => {
      const qkv = allocate([tokens, 3 * hidden]);
      addon().qkvForward(
        valuesOf(x), valuesOf(query.weight), valuesOf(query.bias), valuesOf(key.weight), valuesOf(key.bias), valuesOf(value.weight), valuesOf(value.bias),
        qkv.values, tokens, hidden,
      );
      const [context, logSumExp, y] = [allocate([tokens, hidden]), allocate([tokens, numHeads]), allocate([tokens, hidden])] as const;
      addon().attentionForward(qkv.values, cuSeqlens, context.values, logSumExp.values, tokens, numHeads, headDim, rate, dropKey);
      addon().linearForward(context.values, valuesOf(output.weight), valuesOf(output.bias), y.values, tokens, hidden, hidden);
      const { normalized, inverseDeviation } = endForward(y.values, x, end, recording);
      if (normalized !== undefined) {
        save([
          normalized, inverseDeviation, end.weight, qkv.tensor, context.tensor, logSumExp.tensor, x, query.weight, key.weight, value.weight, output.weight,
        ]);
      }
      return y.tensor as tf.Tensor2D;
    },
    (dy, saved) => {
      const [normalized, inverseDeviation, gamma, ...rest] = saved as [tf.Tensor, tf.Tensor, tf.Tensor, ...tf.Tensor[]];
      const { dbranch, dx, dgamma, dbeta } = endBackward(dy, normalized, inverseDeviation, gamma, end.dropout);
      type Kept = [Float32Array, Float32Array, Float32Array, Float32Array, Float32Array, Float32Array, Float32Array, Float32Array];
      const [qkv, context, logSumExp, savedX, wq, wk, wv, wo] = rest.map(valuesOf) as Kept;
      const [q, k, v, o] = projectionGradients(hidden);
      const [dcontext, dqkv] = [allocate([tokens, hidden]), allocate([tokens, 3 * hidden])] as const;
      addon().linearBackward(dbranch.values, context, wo, dcontext.values, o.weight.values, o.bias.values, tokens, hidden, hidden);
      addon().attentionBackward(dcontext.values, qkv, context, logSumExp, cuSeqlens, dqkv.values, tokens, numHeads, headDim, rate, dropKey);
      addon().qkvBackward(
        dqkv.values, savedX, wq, wk, wv, dx.values, q.weight.values, q.bias.values, k.weight.values, k.bias.values, v.weight.values, v.bias.values, tokens, hidden, true,
      );
      return [dx, ...[q, k, v, o].flatMap(({ weight, bias }) => [weight, bias]), dgamma, dbeta].map(({ tensor }) => tensor);
    },
  );
}

/** Space for the gradients of the four projections of attention. */
function projectionGradients(hidden: number) {
  const projection = () => ({ weight: allocate([hidden, hidden]), bias: allocate([hidden]) });
  return [projection(), projection(), projection(), projection()] as const;
}

/** As nativeAttentionSublayer, for the tokens `rows` alone: queries of theirs, keys and values of all. */
function nativeAttentionSublayerAt(x: tf.Tensor2D, weights: AttentionWeights, layout: AttentionLayout, end: SublayerEnd, rows: Int32Array): tf.Tensor2D {
  const recording = recordingGradient();
  const { query, key, value, output } = weights;
  const { tokens, hidden, cuSeqlens, numHeads, headDim, rate, dropKey } = checkedSizes(x, layout);
  const count = rows.length;
  return withGradient<tf.Tensor2D>(
    attentionInputs(x, weights, end),
    (save) => {
      const [chosen, queries, keyValue] = [allocate([count, hidden]), allocate([count, hidden]), allocate([tokens, 2 * hidden])] as const;
      addon().gatherRows(valuesOf(x), rows, chosen.values, count, hidden);
      addon().linearForward(chosen.values, valuesOf(query.weight), valuesOf(query.bias), queries.values, count, hidden, hidden);
      addon().qkvForward(valuesOf(x), null, null, valuesOf(key.weight), valuesOf(key.bias), valuesOf(value.weight), valuesOf(value.bias), keyValue.values, tokens, hidden);
      const [context, logSumExp, y] = [allocate([count, hidden]), allocate([count, numHeads]), allocate([count, hidden])] as const;
      addon().attentionRowsForward(queries.values, keyValue.values, rows, cuSeqlens, context.values, logSumExp.values, tokens, numHeads, headDim, rate, dropKey);
      addon().linearForward(context.values, valuesOf(output.weight), valuesOf(output.bias), y.values, count, hidden, hidden);
      const { normalized, inverseDeviation } = endForward(y.values, chosen.tensor as tf.Tensor2D, end, recording);
      if (normalized !== undefined) {
        save([
          normalized, inverseDeviation, end.weight, chosen.tensor, queries.tensor, keyValue.tensor, context.tensor, logSumExp.tensor, x,
          query.weight, key.weight, value.weight, output.weight,
        ]);
      }
      return y.tensor as tf.Tensor2D;
    },
    (dy, saved) => {
      const [normalized, inverseDeviation, gamma, ...rest] = saved as [tf.Tensor, tf.Tensor, tf.Tensor, ...tf.Tensor[]];
      const { dbranch, dx: dresidual, dgamma, dbeta } = endBackward(dy, normalized, inverseDeviation, gamma, end.dropout);
      type Kept = [Float32Array, Float32Array, Float32Array, Float32Array, Float32Array, Float32Array, Float32Array, Float32Array, Float32Array, Float32Array];
      const [chosen, queries, keyValue, context, logSumExp, savedX, wq, wk, wv, wo] = rest.map(valuesOf) as Kept;
      const [q, k, v, o] = projectionGradients(hidden);
      const [dcontext, dqueries, dchosen] = [allocate([count, hidden]), allocate([count, hidden]), allocate([count, hidden])] as const;
      const [dkeyValue, dx] = [allocate([tokens, 2 * hidden]), allocate([tokens, hidden])] as const;
      addon().linearBackward(dbranch.values, context, wo, dcontext.values, o.weight.values, o.bias.values, count, hidden, hidden);
      addon().attentionRowsBackward(
        dcontext.values, queries, keyValue, rows, context, logSumExp, cuSeqlens, dqueries.values, dkeyValue.values, tokens, numHeads, headDim, rate, dropKey,
      );
      addon().linearBackward(dqueries.values, chosen, wq, dchosen.values, q.weight.values, q.bias.values, count, hidden, hidden);
      // The residual's and the queries' gradients reach some tokens, the keys' and values' all.
      addon().scatterAddRows(valuesOf(tf.add(dresidual.tensor, dchosen.tensor)), rows, dx.values, count, hidden, tokens);
      addon().qkvBackward(
        dkeyValue.values, savedX, null, wk, wv, dx.values, null, null, k.weight.values, k.bias.values, v.weight.values, v.bias.values, tokens, hidden, true,
      );
      return [dx, ...[q, k, v, o].flatMap(({ weight, bias }) => [weight, bias]), dgamma, dbeta].map(({ tensor }) => tensor);
    },
  );
}
