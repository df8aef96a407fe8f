/** The graph of a model: its encoder, and above it the head of its class. Inputs and outputs are named as optimum names them. */
import type { BertConfig } from '../config/bertConfig.js';
import { UsageError } from '../data/errors.js';
import type { LoadedArchitecture, ModelKind } from './architectures.js';
import { batchAxis, bertEncoder, type EncoderValues, sequenceAxis } from './bertGraph.js';
import { type OnnxGraph, OnnxGraphBuilder, type Weight } from './onnxGraph.js';
import { activation, layerNorm, linear } from './operators.js';

/**
 * The graph over a loaded model, whose weights it reads when it is written: the model must live until then.
 * @throws UsageError for an encoder that has no form in ONNX operators here
 */
export function modelGraph({ model, kind, architecture, hasPooler }: LoadedArchitecture): OnnxGraph {
  if (model.config.modelType !== 'bert') throw new UsageError(`a model of type "${model.config.modelType}" cannot be written as ONNX; expected "bert"`, { hint: 'Export it with --to hf.' });
  const config = model.config as BertConfig;
  const weights = new Map<string, Weight>([...model.namedParameters()].map(([name, variable]) => [name, { shape: variable.shape, values: () => variable.dataSync<'float32'>() }]));
  const graph = new OnnxGraphBuilder(weights);
  const encoder = bertEncoder(graph, config, kind === 'encoder' ? '' : 'bert.', { pooling: hasPooler && kind !== 'maskedLanguageModel' });
  addOutputs[kind](graph, config, encoder);
  return graph.build(architecture);
}

type AddOutputs = (graph: OnnxGraphBuilder, config: BertConfig, encoder: EncoderValues) => void;

const addOutputs: Readonly<Record<ModelKind, AddOutputs>> = {
  encoder: (graph, config, { sequenceOutput, pooledOutput }) => {
    graph.output(sequenceOutput, { name: 'last_hidden_state', type: 'float', shape: [batchAxis, sequenceAxis, config.hiddenSize] });
    if (pooledOutput !== undefined) graph.output(pooledOutput, { name: 'pooler_output', type: 'float', shape: [batchAxis, config.hiddenSize] });
  },
  maskedLanguageModel: (graph, config, encoder) => predictions(graph, config, encoder, 'logits'),
  sequenceClassification: (graph, config, encoder) => pooledLogits(graph, encoder, 'classifier', 'logits', config.numLabels ?? 2),
  preTraining: (graph, config, encoder) => {
    predictions(graph, config, encoder, 'prediction_logits');
    pooledLogits(graph, encoder, 'cls.seq_relationship', 'seq_relationship_logits', 2);
  },
};

/** The masked-language-model head, tied to the word embeddings: [B, S, H] -> [B, S, V]. */
function predictions(graph: OnnxGraphBuilder, config: BertConfig, { sequenceOutput, wordEmbeddings }: EncoderValues, output: string): void {
  const name = 'cls.predictions.transform';
  const activated = activation(graph, linear(graph, sequenceOutput, `${name}.dense`), config.hiddenAct, `${name}.${config.hiddenAct}`);
  const transformed = layerNorm(graph, activated, `${name}.LayerNorm`, config.layerNormEps);
  // Transposed by the runtime, once, as it is loaded: the file holds the embeddings once.
  const decoder = graph.node('Transpose', [graph.weight(wordEmbeddings)], 'cls.predictions.decoder', { perm: { ints: [1, 0] } });
  const logits = graph.node('Add', [graph.node('MatMul', [transformed, decoder], 'cls.predictions.decoder'), graph.weight('cls.predictions.bias')], 'cls.predictions.decoder');
  graph.output(logits, { name: output, type: 'float', shape: [batchAxis, sequenceAxis, config.vocabSize] });
}

/** A linear map of the pooled output: [B, H] -> [B, N]. */
function pooledLogits(graph: OnnxGraphBuilder, { pooledOutput }: EncoderValues, name: string, output: string, classes: number): void {
  if (pooledOutput === undefined) throw new Error(`the head ${name} needs a pooler`);
  graph.output(linear(graph, pooledOutput, name), { name: output, type: 'float', shape: [batchAxis, classes] });
}
