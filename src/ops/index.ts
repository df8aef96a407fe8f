/** The ops that encoders, heads and optimizers are written in. */
export { type Activation, activationReference } from './activation.js';
export { attention } from './attention.js';
export { dropout } from './dropout.js';
export { type DropoutSpec, DropoutStream } from './dropoutGenerator.js';
export { embeddingSum } from './embeddingSum.js';
export { feedForward } from './feedForward.js';
export { adaptedLinear, adaptedLinearActivation, type LowRankUpdate } from './frozenLinear.js';
export { layerNorm, residualLayerNorm } from './layerNorm.js';
export { linear } from './linear.js';
export { linearActivation } from './linearActivation.js';
export { classCrossEntropy, type LossOptions, meanSquaredError } from './losses.js';
export { mlmCrossEntropy, type MlmCrossEntropyOptions } from './mlmCrossEntropy.js';
export { type AdamWStep, type LambStep, adamwUpdate, lambUpdate, sumOfSquares } from './optimizerOps.js';
export { qkvLinear } from './qkvLinear.js';
export { gatherRows, scatterAddRows } from './rows.js';
export { type AttentionLayout, type AttentionWeights, attentionSublayer, type FeedForwardWeights, feedForwardSublayer, type LinearWeights, type SublayerEnd } from './sublayers.js';
