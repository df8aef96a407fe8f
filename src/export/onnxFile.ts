/** A graph as an ONNX file: the messages of onnx.proto by their field numbers (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto). */
import path from 'node:path';
import { makeDirectory, writeFileAtomic } from '../checkpoint/atomicFile.js';
import { UsageError } from '../data/errors.js';
import { ProtobufMessage } from '../data/protobuf.js';
import { type Attribute, elementTypes, type GraphValue, type Initializer, type Node, type OnnxGraph } from './onnxGraph.js';

/** The first version of the operator set with LayerNormalization, and the file format that came with it: what every runtime since 2022 reads. */
const opsetVersion = 17;
const irVersion = 8;

/** A protobuf message is shorter than 2^31 bytes. */
const largestMessage = 2 ** 31 - 1;

/** Bytes of one element. */
const elementSizes = { float: 4, int64: 8 } as const;

/** Numbers of AttributeProto.AttributeType. */
const attributeTypes = { float: 1, int: 2, ints: 7 } as const;

/**
 * Writes a graph in one atomic step, with the folder above it; a weight is held no longer than it takes to write it.
 * @returns the size of the file in bytes
 * @throws UsageError where it would be 2 GiB or more; IoError naming the path
 */
export function writeOnnxFile(file: string, graph: OnnxGraph): number {
  const model = modelMessage(graph);
  if (model.byteLength > largestMessage) {
    throw new UsageError(`${file} would have ${model.byteLength} bytes; an ONNX file has at most ${largestMessage}`, { hint: 'Export with --to hf, which has no such limit.' });
  }
  makeDirectory(path.dirname(file));
  writeFileAtomic(file, model.chunks());
  return model.byteLength;
}

function modelMessage(graph: OnnxGraph): ProtobufMessage {
  const opset = new ProtobufMessage();
  opset.string(1, '');
  opset.integer(2, opsetVersion);
  const model = new ProtobufMessage();
  model.integer(1, irVersion);
  model.string(2, 'bertwright');
  model.message(8, opset);
  model.message(7, graphMessage(graph));
  return model;
}

function graphMessage({ name, nodes, initializers, inputs, outputs }: OnnxGraph): ProtobufMessage {
  const graph = new ProtobufMessage();
  for (const node of nodes) graph.message(1, nodeMessage(node));
  graph.string(2, name);
  for (const initializer of initializers) graph.message(5, tensorMessage(initializer));
  for (const input of inputs) graph.message(11, valueMessage(input));
  for (const output of outputs) graph.message(12, valueMessage(output));
  return graph;
}

function nodeMessage({ inputs, output, name, opType, attributes }: Node): ProtobufMessage {
  const node = new ProtobufMessage();
  for (const input of inputs) node.string(1, input);
  node.string(2, output);
  node.string(3, name);
  node.string(4, opType);
  for (const [key, value] of Object.entries(attributes)) node.message(5, attributeMessage(key, value));
  return node;
}

function attributeMessage(name: string, value: Attribute): ProtobufMessage {
  const attribute = new ProtobufMessage();
  attribute.string(1, name);
  if ('float' in value) {
    attribute.float(2, value.float);
    attribute.integer(20, attributeTypes.float);
  } else if ('int' in value) {
    attribute.integer(3, value.int);
    attribute.integer(20, attributeTypes.int);
  } else {
    for (const item of value.ints) attribute.integer(8, item);
    attribute.integer(20, attributeTypes.ints);
  }
  return attribute;
}

function tensorMessage({ name, type, shape, values }: Initializer): ProtobufMessage {
  const tensor = new ProtobufMessage();
  for (const size of shape) tensor.integer(1, size);
  tensor.integer(2, elementTypes[type]);
  tensor.string(8, name);
  tensor.bytes(9, {
    byteLength: shape.reduce((product, size) => product * size, elementSizes[type]),
    bytes: () => {
      const { buffer, byteOffset, byteLength } = values();
      return new Uint8Array(buffer, byteOffset, byteLength);
    },
  });
  return tensor;
}

function valueMessage({ name, type, shape }: GraphValue): ProtobufMessage {
  const dimensions = new ProtobufMessage();
  for (const size of shape) {
    const dimension = new ProtobufMessage();
    if (typeof size === 'number') dimension.integer(1, size);
    else dimension.string(2, size);
    dimensions.message(1, dimension);
  }
  const tensorType = new ProtobufMessage();
  tensorType.integer(1, elementTypes[type]);
  tensorType.message(2, dimensions);
  const valueType = new ProtobufMessage();
  valueType.message(1, tensorType);
  const value = new ProtobufMessage();
  value.string(1, name);
  value.message(2, valueType);
  return value;
}
