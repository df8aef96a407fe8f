/**
 * A graph of ONNX operators under construction (https://onnx.ai/onnx/operators): nodes, constants and weights by name. What a value
 * is called inside is settled here; how a graph becomes a file stands in onnxFile.ts.
 */

/** Element types of tensors, with the numbers of onnx.TensorProto.DataType. */
export const elementTypes = { float: 1, int64: 7 } as const;
export type ElementType = keyof typeof elementTypes;

/** A tensor that is stored in the file. */
export interface Initializer {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: readonly number[];
  /** Row-major; called once, when the tensor is written. */
  values(): Float32Array | BigInt64Array;
}

/** Of a node: an integer where `int` stands, else a float32 or a list of integers. */
export type Attribute = { readonly int: number } | { readonly float: number } | { readonly ints: readonly number[] };

export interface Node {
  readonly opType: string;
  readonly name: string;
  readonly inputs: readonly string[];
  readonly output: string;
  readonly attributes: Readonly<Record<string, Attribute>>;
}

/** A graph's input or output; a size that is known only when it runs has a name. */
export interface GraphValue {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: readonly (number | string)[];
}

export interface OnnxGraph {
  readonly name: string;
  readonly nodes: readonly Node[];
  readonly initializers: readonly Initializer[];
  readonly inputs: readonly GraphValue[];
  readonly outputs: readonly GraphValue[];
}

/** A weight of the model that is exported. */
export interface Weight {
  readonly shape: readonly number[];
  /** Row-major. Not kept. */
  values(): Float32Array;
}

export class OnnxGraphBuilder {
  readonly #weights: ReadonlyMap<string, Weight>;
  readonly #nodes: Node[] = [];
  readonly #names = new Set<string>();
  readonly #initializers = new Map<string, Initializer>();
  readonly #inputs: GraphValue[] = [];
  readonly #outputs: GraphValue[] = [];
  /** Outputs of the graph by the names that they had inside. */
  readonly #outputNames = new Map<string, string>();

  /** @param weights by checkpoint name; those that are asked for are stored in the file, each once */
  constructor(weights: ReadonlyMap<string, Weight>) {
    this.#weights = weights;
  }

  input(value: GraphValue): string {
    this.#inputs.push(value);
    return value.name;
  }

  /** Makes an inner value an output of the graph, under the name of `as`. */
  output(value: string, as: GraphValue): void {
    this.#outputs.push(as);
    this.#outputNames.set(value, as.name);
  }

  /** A node, and the name of its one output. Node names are paths, `bert/encoder/layer/0/…/MatMul`; a second one of a name is numbered. */
  node(opType: string, inputs: readonly string[], scope: string, attributes: Readonly<Record<string, Attribute>> = {}): string {
    const path = `${scope.replaceAll('.', '/')}/${opType}`;
    let name = path;
    for (let i = 1; this.#names.has(name); i++) name = `${path}_${i}`;
    this.#names.add(name);
    this.#nodes.push({ opType, name, inputs, output: `${name}_output`, attributes });
    return `${name}_output`;
  }

  /** A weight as it is in the checkpoint. */
  weight(name: string): string {
    const { shape, values } = this.#weightOf(name);
    return this.#initializer({ name, type: 'float', shape, values });
  }

  /** A weight [N, K] stored as [K, N], under a name of its own. */
  transposedWeight(name: string): string {
    const { shape, values } = this.#weightOf(name);
    const [rows = 0, cols = 0] = shape;
    return this.#initializer({ name: `${name}.transposed`, type: 'float', shape: [cols, rows], values: () => transpose(values(), rows, cols) });
  }

  /** A constant float32 scalar. */
  scalar(value: number): string {
    return this.#initializer({ name: `constant.${value}`, type: 'float', shape: [], values: () => Float32Array.of(value) });
  }

  /** A constant list of integers, [values.length]. */
  integers(...values: readonly number[]): string {
    return this.#initializer({ name: `constant.[${values.join(',')}]`, type: 'int64', shape: [values.length], values: () => BigInt64Array.from(values, BigInt) });
  }

  /** A constant integer scalar. */
  integer(value: number): string {
    return this.#initializer({ name: `constant.int.${value}`, type: 'int64', shape: [], values: () => BigInt64Array.of(BigInt(value)) });
  }

  build(name: string): OnnxGraph {
    const renamed = (value: string): string => this.#outputNames.get(value) ?? value;
    return {
      name,
      nodes: this.#nodes.map((node) => ({ ...node, inputs: node.inputs.map(renamed), output: renamed(node.output) })),
      initializers: [...this.#initializers.values()],
      inputs: this.#inputs,
      outputs: this.#outputs,
    };
  }

  #initializer(initializer: Initializer): string {
    const { name } = initializer;
    if (!this.#initializers.has(name)) this.#initializers.set(name, initializer);
    return name;
  }

  #weightOf(name: string): Weight {
    const weight = this.#weights.get(name);
    if (weight === undefined) throw new Error(`the graph asks for the weight "${name}", which the model does not have`);
    return weight;
  }
}

/** [rows, cols] -> [cols, rows], in square blocks, so that neither side jumps over the cache at every element. */
function transpose(values: Float32Array, rows: number, cols: number): Float32Array {
  const block = 32;
  const result = new Float32Array(values.length);
  for (let top = 0; top < rows; top += block) {
    for (let left = 0; left < cols; left += block) {
      for (let row = top; row < Math.min(top + block, rows); row++) {
        for (let col = left; col < Math.min(left + block, cols); col++) result[col * rows + row] = values[row * cols + col] ?? 0;
      }
    }
  }
  return result;
}
