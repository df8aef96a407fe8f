/**
 * The variables of Google's BERT under Hugging Face's names, as transformers converts them (load_tf_weights_in_bert): kernels
 * are `[in, out]` there and `[out, in]` here; what the heads call output_weights is `[out, in]` in both.
 */

/** A variable under its new name. */
export interface ConvertedName {
  readonly name: string;
  /** Whether a matrix must be transposed. */
  readonly transposed: boolean;
}

/** Parts of a path that mark what only the optimizer that trained the checkpoint needs. */
const optimizerParts = new Set([
  'adam_m',
  'adam_v',
  'lamb_m',
  'lamb_v',
  'Adam',
  'Adam_1',
  'AdamWeightDecayOptimizer',
  'AdamWeightDecayOptimizer_1',
  'beta1_power',
  'beta2_power',
  'global_step',
]);

/** N stands for the number of a layer. */
const denseLayers = new Set([
  'bert/encoder/layer_N/attention/self/query',
  'bert/encoder/layer_N/attention/self/key',
  'bert/encoder/layer_N/attention/self/value',
  'bert/encoder/layer_N/attention/output/dense',
  'bert/encoder/layer_N/intermediate/dense',
  'bert/encoder/layer_N/output/dense',
  'bert/pooler/dense',
  'cls/predictions/transform/dense',
]);

const layerNorms = new Set([
  'bert/embeddings/LayerNorm',
  'bert/encoder/layer_N/attention/output/LayerNorm',
  'bert/encoder/layer_N/output/LayerNorm',
  'cls/predictions/transform/LayerNorm',
]);

const others = new Map([
  ['bert/embeddings/word_embeddings', 'bert.embeddings.word_embeddings.weight'],
  ['bert/embeddings/position_embeddings', 'bert.embeddings.position_embeddings.weight'],
  ['bert/embeddings/token_type_embeddings', 'bert.embeddings.token_type_embeddings.weight'],
  ['cls/predictions/output_bias', 'cls.predictions.bias'],
  ['cls/seq_relationship/output_weights', 'cls.seq_relationship.weight'],
  ['cls/seq_relationship/output_bias', 'cls.seq_relationship.bias'],
  ['output_weights', 'classifier.weight'],
  ['output_bias', 'classifier.bias'],
]);

/** The new name; undefined for the optimizer's variables. A variable that BERT does not have keeps its name. */
export function convertTensorFlowName(name: string): ConvertedName | undefined {
  if (name.split('/').some((part) => optimizerParts.has(part))) return undefined;
  const other = others.get(name);
  if (other !== undefined) return { name: other, transposed: false };
  const slash = name.lastIndexOf('/');
  const owner = name.slice(0, Math.max(0, slash));
  const variable = name.slice(slash + 1);
  const kind = owner.replace(/^bert\/encoder\/layer_(?:0|[1-9]\d*)\//, 'bert/encoder/layer_N/');
  const path = owner.replace('/layer_', '/layer.').replaceAll('/', '.');
  if (denseLayers.has(kind)) {
    if (variable === 'kernel') return { name: `${path}.weight`, transposed: true };
    if (variable === 'bias') return { name: `${path}.bias`, transposed: false };
  }
  if (layerNorms.has(kind)) {
    if (variable === 'gamma') return { name: `${path}.weight`, transposed: false };
    if (variable === 'beta') return { name: `${path}.bias`, transposed: false };
  }
  return { name, transposed: false };
}
