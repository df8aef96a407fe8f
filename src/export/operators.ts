/** What the layers of an encoder are in ONNX operators: each function adds its nodes to the graph and names the value that results. */
import type { HiddenAct } from '../config/encoderConfig.js';
import type { OnnxGraphBuilder } from './onnxGraph.js';

/** x W^T + b over the last axis: [..., K] -> [..., N], with `<name>.weight` [N, K] and `<name>.bias` [N]. */
export function linear(graph: OnnxGraphBuilder, x: string, name: string): string {
  const product = graph.node('MatMul', [x, graph.transposedWeight(`${name}.weight`)], name);
  return graph.node('Add', [product, graph.weight(`${name}.bias`)], name);
}

/** Normalised over the last axis, with `<name>.weight` and `<name>.bias`. */
export function layerNorm(graph: OnnxGraphBuilder, x: string, name: string, epsilon: number): string {
  return graph.node('LayerNormalization', [x, graph.weight(`${name}.weight`), graph.weight(`${name}.bias`)], name, { axis: { int: -1 }, epsilon: { float: epsilon } });
}

/** An activation of every element, in the forms that runtimes recognise and fuse. */
export function activation(graph: OnnxGraphBuilder, x: string, name: HiddenAct, scope: string): string {
  return activations[name](graph, x, scope);
}

const activations: Readonly<Record<HiddenAct, (graph: OnnxGraphBuilder, x: string, scope: string) => string>> = {
  // x (1 + erf(x / sqrt(2))) / 2
  gelu: (graph, x, scope) => {
    const error = graph.node('Erf', [graph.node('Div', [x, graph.scalar(Math.SQRT2)], scope)], scope);
    const product = graph.node('Mul', [x, graph.node('Add', [error, graph.scalar(1)], scope)], scope);
    return graph.node('Mul', [product, graph.scalar(0.5)], scope);
  },
  // x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2
  gelu_new: (graph, x, scope) => {
    const cubic = graph.node('Mul', [graph.node('Pow', [x, graph.scalar(3)], scope), graph.scalar(0.044715)], scope);
    const inner = graph.node('Mul', [graph.node('Add', [x, cubic], scope), graph.scalar(Math.sqrt(2 / Math.PI))], scope);
    const gate = graph.node('Add', [graph.node('Tanh', [inner], scope), graph.scalar(1)], scope);
    return graph.node('Mul', [graph.node('Mul', [x, graph.scalar(0.5)], scope), gate], scope);
  },
  relu: (graph, x, scope) => graph.node('Relu', [x], scope),
};
