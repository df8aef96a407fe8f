/**
 * A JSON reader for files that others wrote: errors carry file, line and column, nesting is bounded, a duplicate key is
 * an error (JSON.parse keeps the last), and no key can touch a prototype. RFC 8259 otherwise.
 */
import { DataError } from './errors.js';

export type JsonValue = null | boolean | number | string | JsonValue[] | { [key: string]: JsonValue };

/** A parsed object whose keys are all own properties. */
export type JsonObject = { [key: string]: JsonValue };

export interface JsonOptions {
  /** Named in errors. */
  readonly file: string;
  /** Deepest nesting of arrays and objects; 64 unless given. */
  readonly maxDepth?: number | undefined;
  /** What to do about an error. */
  readonly hint?: string | undefined;
}

/**
 * Parses one JSON document.
 * @throws DataError at file:line:column, saying what was found and what was expected.
 */
export function parseJson(text: string, options: JsonOptions): JsonValue {
  return new Reader(text, options).document();
}

/** As parseJson; anything but an object is an error. */
export function parseJsonObject(text: string, options: JsonOptions): JsonObject {
  const value = parseJson(text, options);
  if (isJsonObject(value)) return value;
  throw new DataError(`expected a JSON object, found ${Array.isArray(value) ? 'an array' : JSON.stringify(value).slice(0, 40)}`, {
    location: { file: options.file, line: 1, column: 1 },
    hint: options.hint,
  });
}

export function isJsonObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Sets an own property whatever the key: plain assignment to `__proto__` would change the prototype. */
export function setOwn<T>(target: Record<string, T>, key: string, value: T): void {
  if (key === '__proto__') Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
  else target[key] = value;
}

const number = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
// biome-ignore lint/suspicious/noControlCharactersInRegex: a string must not hold them unescaped (RFC 8259, section 7)
const plainString = /[^"\\\u0000-\u001f]*/y;
const space = /[ \t\n\r]*/y;
const literals = new Map<string, JsonValue>([
  ['true', true],
  ['false', false],
  ['null', null],
]);
const escapes = new Map([
  ['"', '"'],
  ['\\', '\\'],
  ['/', '/'],
  ['b', '\b'],
  ['f', '\f'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
]);

class Reader {
  readonly #text: string;
  readonly #options: JsonOptions;
  readonly #maxDepth: number;
  #at = 0;

  constructor(text: string, options: JsonOptions) {
    // A byte order mark is no part of the document.
    this.#text = text.startsWith('\ufeff') ? text.slice(1) : text;
    this.#options = options;
    this.#maxDepth = options.maxDepth ?? 64;
  }

  document(): JsonValue {
    const value = this.#value(0);
    if (this.#at < this.#text.length) this.#fail('the end of the document');
    return value;
  }

  /** One value with the white space around it; `depth` containers are open. */
  #value(depth: number): JsonValue {
    this.#match(space);
    const first = this.#text[this.#at];
    let value: JsonValue;
    if (first === '{') value = this.#object(depth + 1);
    else if (first === '[') value = this.#array(depth + 1);
    else if (first === '"') value = this.#string();
    else value = this.#scalar();
    this.#match(space);
    return value;
  }

  #object(depth: number): JsonValue {
    this.#open(depth);
    const object: JsonObject = {};
    if (this.#take('}')) return object;
    do {
      this.#match(space);
      const start = this.#at;
      if (this.#text[start] !== '"') this.#fail('a key in double quotes');
      const key = this.#string();
      if (Object.hasOwn(object, key)) this.#fail(`each key once`, `the duplicate key ${JSON.stringify(key)}`, start);
      this.#match(space);
      if (!this.#take(':')) this.#fail('":"');
      setOwn(object, key, this.#value(depth));
    } while (this.#take(','));
    if (!this.#take('}')) this.#fail('"," or "}"');
    return object;
  }

  #array(depth: number): JsonValue {
    this.#open(depth);
    const array: JsonValue[] = [];
    if (this.#take(']')) return array;
    do array.push(this.#value(depth));
    while (this.#take(','));
    if (!this.#take(']')) this.#fail('"," or "]"');
    return array;
  }

  #open(depth: number): void {
    if (depth > this.#maxDepth) this.#fail(`at most ${this.#maxDepth} levels of nesting`, 'a deeper one');
    this.#at++;
    this.#match(space);
  }

  #string(): string {
    const start = this.#at++;
    let value = '';
    for (;;) {
      value += this.#match(plainString);
      const next = this.#text[this.#at];
      if (next === '"') break;
      if (next === undefined) this.#fail('a closing quote', 'the end of the file', start);
      if (next !== '\\') this.#fail('a printable character or an escape', 'a control character');
      value += this.#escape();
    }
    this.#at++;
    return value;
  }

  #escape(): string {
    const letter = this.#text[this.#at + 1] ?? '';
    if (letter === 'u') {
      const digits = this.#text.slice(this.#at + 2, this.#at + 6);
      if (!/^[0-9a-fA-F]{4}$/.test(digits)) this.#fail('four hexadecimal digits after \\u');
      this.#at += 6;
      return String.fromCharCode(Number.parseInt(digits, 16));
    }
    const escaped = escapes.get(letter);
    if (escaped === undefined) return this.#fail('an escape sequence');
    this.#at += 2;
    return escaped;
  }

  #scalar(): JsonValue {
    const digits = this.#match(number);
    if (digits !== '') return Number(digits);
    for (const [literal, value] of literals) {
      if (this.#text.startsWith(literal, this.#at)) {
        this.#at += literal.length;
        return value;
      }
    }
    return this.#fail('a JSON value');
  }

  #take(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  /** The match of a sticky pattern here, stepped over; empty where there is none. */
  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0] ?? '';
    this.#at += found.length;
    return found;
  }

  #fail(expected: string, found?: string, at = this.#at): never {
    const before = this.#text.slice(0, at);
    const line = before.split('\n').length;
    const column = at - before.lastIndexOf('\n');
    const here = this.#text.slice(at, at + 1);
    const what = found ?? (here === '' ? 'the end of the file' : JSON.stringify(here));
    throw new DataError(`malformed JSON: expected ${expected}, found ${what}`, {
      location: { file: this.#options.file, line, column },
      hint: this.#options.hint,
    });
  }
}
