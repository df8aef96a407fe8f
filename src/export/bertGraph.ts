/**
 * BERT in ONNX operators (Devlin et al., 2019), on padded batches as transformers runs them: position ids are the columns, padding is
 * masked by a large negative number added to the attention scores, and the pooler takes the first column.
 */
import type { BertConfig } from '../config/bertConfig.js';
import type { OnnxGraphBuilder } from './onnxGraph.js';
import { activation, layerNorm, linear } from './operators.js';

/** Names of the inputs' sizes that are free, B and S. */
export const batchAxis = 'batch_size';
export const sequenceAxis = 'sequence_length';

/** The most negative float32, as transformers has it: no score that is added to it makes a difference. */
const masked = -3.4028234663852886e38;

export interface EncoderValues {
  /** [B, S, H] */
  readonly sequenceOutput: string;
  /** [B, H]; undefined without a pooler. */
  readonly pooledOutput: string | undefined;
  /** Name of the weight that a masked-language-model head is tied to, [V, H]. */
  readonly wordEmbeddings: string;
}

/**
 * The encoder with its three inputs, int64 [B, S].
 * @param prefix of the names of its weights: `bert.` under a head, else empty
 */
export function bertEncoder(graph: OnnxGraphBuilder, config: BertConfig, prefix: string, options: { readonly pooling: boolean }): EncoderValues {
  const [ids, mask, types] = ['input_ids', 'attention_mask', 'token_type_ids'].map((name) => graph.input({ name, type: 'int64', shape: [batchAxis, sequenceAxis] })) as [string, string, string];
  let hidden = embeddings(graph, config, `${prefix}embeddings`, ids, types);
  const additiveMask = attentionMask(graph, mask, `${prefix}attention_mask`);
  for (let i = 0; i < config.numHiddenLayers; i++) hidden = layer(graph, config, `${prefix}encoder.layer.${i}`, hidden, additiveMask);
  return {
    sequenceOutput: hidden,
    pooledOutput: options.pooling ? pooler(graph, `${prefix}pooler`, hidden) : undefined,
    wordEmbeddings: `${prefix}embeddings.word_embeddings.weight`,
  };
}

/** Word, segment and position embeddings summed, LayerNorm: ids and types [B, S] -> [B, S, H]. */
function embeddings(graph: OnnxGraphBuilder, config: BertConfig, name: string, ids: string, types: string): string {
  const words = graph.node('Gather', [graph.weight(`${name}.word_embeddings.weight`), ids], `${name}.word_embeddings`);
  const segments = graph.node('Gather', [graph.weight(`${name}.token_type_embeddings.weight`), types], `${name}.token_type_embeddings`);
  // The first S rows, [S, H]
  const length = graph.node('Slice', [graph.node('Shape', [ids], name), graph.integers(1), graph.integers(2)], name);
  const positions = graph.node('Slice', [graph.weight(`${name}.position_embeddings.weight`), graph.integers(0), length, graph.integers(0)], `${name}.position_embeddings`);
  const sum = graph.node('Add', [graph.node('Add', [words, segments], name), positions], name);
  return layerNorm(graph, sum, `${name}.LayerNorm`, config.layerNormEps);
}

/** 1 and 0, [B, S] -> 0 and a large negative number, [B, 1, 1, S]. */
function attentionMask(graph: OnnxGraphBuilder, mask: string, name: string): string {
  const broadcast = graph.node('Unsqueeze', [graph.node('Unsqueeze', [mask, graph.integers(1)], name), graph.integers(2)], name);
  const ones = graph.node('Cast', [broadcast], name, { to: { int: 1 } });
  return graph.node('Mul', [graph.node('Sub', [graph.scalar(1), ones], name), graph.scalar(masked)], name);
}

/** Self-attention, then a feed-forward network, each followed by the residual connection and LayerNorm (post-norm): [B, S, H] -> [B, S, H]. */
function layer(graph: OnnxGraphBuilder, config: BertConfig, name: string, hidden: string, mask: string): string {
  const attended = linear(graph, attention(graph, config, `${name}.attention.self`, hidden, mask), `${name}.attention.output.dense`);
  const middle = layerNorm(graph, graph.node('Add', [attended, hidden], `${name}.attention.output`), `${name}.attention.output.LayerNorm`, config.layerNormEps);
  const intermediate = activation(graph, linear(graph, middle, `${name}.intermediate.dense`), config.hiddenAct, `${name}.intermediate.${config.hiddenAct}`);
  const output = linear(graph, intermediate, `${name}.output.dense`);
  return layerNorm(graph, graph.node('Add', [output, middle], `${name}.output`), `${name}.output.LayerNorm`, config.layerNormEps);
}

/** softmax(q k^T / sqrt(D) + mask) v with A heads of width D, A D = H: [B, S, H] -> [B, S, H]. */
function attention(graph: OnnxGraphBuilder, config: BertConfig, name: string, hidden: string, mask: string): string {
  const { hiddenSize, numAttentionHeads } = config;
  const headSize = hiddenSize / numAttentionHeads;
  // [B, S, H] -> [B, S, A, D], then the heads in front; 0 keeps a size.
  const headsOf = (part: string, order: readonly number[]): string => {
    const projected = linear(graph, hidden, `${name}.${part}`);
    const split = graph.node('Reshape', [projected, graph.integers(0, 0, numAttentionHeads, headSize)], `${name}.${part}`);
    return graph.node('Transpose', [split], `${name}.${part}`, { perm: { ints: order } });
  };
  const query = headsOf('query', [0, 2, 1, 3]);
  const key = headsOf('key', [0, 2, 3, 1]);
  const value = headsOf('value', [0, 2, 1, 3]);
  // [B, A, S, S]
  const scores = graph.node('Div', [graph.node('MatMul', [query, key], name), graph.scalar(Math.sqrt(headSize))], name);
  const probabilities = graph.node('Softmax', [graph.node('Add', [scores, mask], name)], name, { axis: { int: -1 } });
  // [B, A, S, D] -> [B, S, A, D] -> [B, S, H]
  const context = graph.node('Transpose', [graph.node('MatMul', [probabilities, value], name)], name, { perm: { ints: [0, 2, 1, 3] } });
  return graph.node('Reshape', [context, graph.integers(0, 0, hiddenSize)], name);
}

/** tanh(dense(first column)): [B, S, H] -> [B, H]. */
function pooler(graph: OnnxGraphBuilder, name: string, hidden: string): string {
  const first = graph.node('Gather', [hidden, graph.integer(0)], name, { axis: { int: 1 } });
  return graph.node('Tanh', [linear(graph, first, `${name}.dense`)], name);
}
