/** What the pickle machine builds: plain data, compared by identity, that runs nothing. */

export type PickleValue = null | boolean | number | bigint | string | PickleTuple | PickleList | PickleDict | PickleGlobal | PickleObject;

export class PickleTuple {
  readonly kind = 'tuple';
  constructor(readonly items: readonly PickleValue[]) {}
}

export class PickleList {
  readonly kind = 'list';
  constructor(readonly items: PickleValue[]) {}
}

/** A dictionary in the order of insertion; a Map, so that a key such as `__proto__` is a key like any other. */
export class PickleDict {
  readonly kind = 'dict';
  readonly entries = new Map<string | number, PickleValue>();
  /** @param ordered whether it is an OrderedDict, which alone may have attributes */
  constructor(readonly ordered: boolean) {}
}

/** What the code that stands for an allowed global may ask of the machine. */
export interface PickleContext {
  /** @throws DataError naming file and byte of the opcode at work */
  fail(message: string): never;
  /** The same for what is well formed and not read here, with the advice to save the tensors in another format. */
  refuse(message: string): never;
  /** Counts objects to be built against the limit of one pickle. */
  count(objects: number): void;
}

/** A name of a Python module on the list of what is allowed. */
export class PickleGlobal {
  readonly kind = 'global';
  /**
   * @param name module and name with a space between them, as the GLOBAL opcode spells them
   * @param build makes plain data of the arguments of a call; undefined for a name that may only be mentioned
   */
  constructor(
    readonly name: string,
    readonly build: ((parameters: readonly PickleValue[], context: PickleContext) => PickleValue) | undefined,
  ) {}
}

/** Data that a file format's own globals and persistent ids stand for. */
export abstract class PickleObject {
  readonly kind = 'object';
  /** For messages: `a tensor`. */
  abstract readonly description: string;
}

/** A value in the words of an error message; never walks into it, since it may hold itself. */
export function describeValue(value: PickleValue): string {
  if (value === null) return 'None';
  if (typeof value === 'string') return `the string ${quoteText(value)}`;
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value !== 'object') return `the number ${quoteText(String(value)).slice(1, -1)}`;
  switch (value.kind) {
    case 'tuple':
      return `a tuple of ${value.items.length}`;
    case 'list':
      return `a list of ${value.items.length}`;
    case 'dict':
      return `a dictionary of ${value.entries.size}`;
    case 'global':
      return `the global "${value.name}"`;
    case 'object':
      return value.description;
  }
}

/** Text of a file in quotes, cut to a length that a message bears. */
export function quoteText(text: string): string {
  return JSON.stringify(text.length > 120 ? `${text.slice(0, 117)}...` : text);
}
