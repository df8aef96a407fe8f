/** Reads back what the exporter writes: a decoder of its own, written from the field numbers of onnx.proto, for tests. */
import assert from 'node:assert/strict';

/** Values of a message by field number: integers, or the bytes of strings, floats and nested messages. */
type Fields = ReadonlyMap<number, readonly (bigint | Uint8Array)[]>;

export interface DecodedTensor {
  readonly name: string;
  readonly shape: readonly number[];
  /** Of onnx.TensorProto.DataType: 1 = float, 7 = int64. */
  readonly dataType: number;
  readonly values: readonly number[];
}

export interface DecodedNode {
  readonly opType: string;
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, number | readonly number[]>;
}

export interface DecodedValue {
  readonly name: string;
  readonly dataType: number;
  readonly shape: readonly (number | string)[];
}

export interface DecodedModel {
  readonly irVersion: number;
  readonly opsets: readonly (readonly [domain: string, version: number])[];
  readonly name: string;
  readonly nodes: readonly DecodedNode[];
  readonly initializers: ReadonlyMap<string, DecodedTensor>;
  readonly inputs: readonly DecodedValue[];
  readonly outputs: readonly DecodedValue[];
}

/** Fails where the bytes are no protobuf message of the wire types that are in use. */
export function decodeFields(bytes: Uint8Array): Fields {
  const fields = new Map<number, (bigint | Uint8Array)[]>();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = view.getUint8(at++);
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asIntN(64, value);
    }
  };
  while (at < bytes.byteLength) {
    const tag = Number(varint());
    const wireType = tag % 8;
    assert.ok([0, 2, 5].includes(wireType), `wire type ${wireType}`);
    let value: bigint | Uint8Array;
    if (wireType === 0) value = varint();
    else {
      const length = wireType === 5 ? 4 : Number(varint());
      assert.ok(at + length <= bytes.byteLength, 'a field reaches beyond its message');
      value = bytes.subarray(at, at + length);
      at += length;
    }
    const field = (tag - wireType) / 8;
    fields.set(field, [...(fields.get(field) ?? []), value]);
  }
  return fields;
}

function integers(fields: Fields, field: number): number[] {
  return (fields.get(field) ?? []).map((value) => Number(value));
}

function blobs(fields: Fields, field: number): Uint8Array[] {
  return (fields.get(field) ?? []).map((value) => {
    assert.ok(value instanceof Uint8Array);
    return value;
  });
}

function messages(fields: Fields, field: number): Fields[] {
  return blobs(fields, field).map(decodeFields);
}

function strings(fields: Fields, field: number): string[] {
  return blobs(fields, field).map((bytes) => new TextDecoder('utf-8', { fatal: true }).decode(bytes));
}

/** The one value of a field. */
function only<T>(values: readonly T[], what: string): T {
  const [value] = values;
  assert.ok(values.length === 1 && value !== undefined, `${values.length} times ${what}`);
  return value;
}

export function decodeOnnx(bytes: Uint8Array): DecodedModel {
  const model = decodeFields(bytes);
  const graph = only(messages(model, 7), 'graph');
  const tensors = messages(graph, 5).map(tensor);
  const initializers = new Map(tensors.map((item) => [item.name, item]));
  assert.equal(initializers.size, tensors.length, 'names of initializers occur once');
  return {
    irVersion: only(integers(model, 1), 'ir_version'),
    opsets: messages(model, 8).map((opset) => [only(strings(opset, 1), 'domain'), only(integers(opset, 2), 'version')] as const),
    name: only(strings(graph, 2), 'name'),
    nodes: messages(graph, 1).map(node),
    initializers,
    inputs: messages(graph, 11).map(value),
    outputs: messages(graph, 12).map(value),
  };
}

function node(fields: Fields): DecodedNode {
  return { opType: only(strings(fields, 4), 'op_type'), name: only(strings(fields, 3), 'name'), inputs: strings(fields, 1), outputs: strings(fields, 2), attributes: new Map(messages(fields, 5).map(attribute)) };
}

function attribute(fields: Fields): [string, number | readonly number[]] {
  const name = only(strings(fields, 1), 'name');
  const type = only(integers(fields, 20), 'type');
  if (type === 1) {
    const bytes = only(blobs(fields, 2), 'f');
    return [name, new DataView(bytes.buffer, bytes.byteOffset).getFloat32(0, true)];
  }
  return [name, type === 2 ? only(integers(fields, 3), 'i') : integers(fields, 8)];
}

function tensor(fields: Fields): DecodedTensor {
  const shape = integers(fields, 1);
  const dataType = only(integers(fields, 2), 'data_type');
  // A copy, since the bytes of a file lie at any offset.
  const raw = Uint8Array.from(only(blobs(fields, 9), 'raw_data'));
  const values = dataType === 1 ? [...new Float32Array(raw.buffer)] : [...new BigInt64Array(raw.buffer)].map(Number);
  assert.equal(values.length, shape.reduce((product, size) => product * size, 1));
  return { name: only(strings(fields, 8), 'name'), shape, dataType, values };
}

function value(fields: Fields): DecodedValue {
  const type = only(messages(only(messages(fields, 2), 'type'), 1), 'tensor_type');
  const dimensions = messages(only(messages(type, 2), 'shape'), 1);
  return {
    name: only(strings(fields, 1), 'name'),
    dataType: only(integers(type, 1), 'elem_type'),
    shape: dimensions.map((dimension) => strings(dimension, 2)[0] ?? only(integers(dimension, 1), 'dim_value')),
  };
}
