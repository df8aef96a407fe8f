import assert from 'node:assert/strict';
import test from 'node:test';
import { DataError } from '../../data/errors.js';
import { runPickle, type PickleRules } from './pickleMachine.js';
import { opcodeNames } from './pickleOpcodes.js';
import { PickleDict, PickleGlobal, PickleList, PickleTuple, type PickleValue } from './pickleValues.js';

const rules: PickleRules = {
  globals: new Map([
    ['fruit Basket', new PickleGlobal('fruit Basket', (parameters, context) => (parameters.length > 1 ? context.fail('too many') : new PickleTuple(['basket', ...parameters])))],
    ['fruit Name', new PickleGlobal('fruit Name', undefined)],
    ['collections OrderedDict', new PickleGlobal('collections OrderedDict', () => new PickleDict(true))],
  ]),
  persistentLoad: (id) => new PickleTuple(['stored', id]),
};

/** A pickle of one-byte characters: `\x80\x02K\x05.` is the number 5. */
function run(pickle: string | Uint8Array, start = 0): { value: PickleValue; end: number } {
  const bytes = typeof pickle === 'string' ? Buffer.from(pickle, 'latin1') : pickle;
  return runPickle({ file: 'x.bin', bytes, within: 'a/data.pkl' }, start, rules);
}

/** A value without its classes: tuples as arrays that begin with "()", dictionaries as arrays of pairs that begin with "{}". */
function plain(value: PickleValue): unknown {
  if (value instanceof PickleTuple) return ['()', ...value.items.map(plain)];
  if (value instanceof PickleList) return value.items.map(plain);
  if (value instanceof PickleDict) return ['{}', ...[...value.entries].map(([key, item]) => [key, plain(item)])];
  return value instanceof PickleGlobal ? `global ${value.name}` : value;
}

function rejects(pickle: string | Uint8Array, message: RegExp, label: string): void {
  assert.throws(() => run(pickle), (error) => error instanceof DataError && /^x\.bin: byte \d+ of a\/data\.pkl: /.test(error.message) && error.hint !== undefined && message.test(error.message), label);
}

test('each opcode builds what Python builds', () => {
  const cases: [string, unknown][] = [
    ['N.', null],
    ['\x88.', true],
    ['\x89.', false],
    ['K\xff.', 255],
    ['M\x01\x02.', 513],
    ['J\xfe\xff\xff\xff.', -2],
    ['\x8a\x00.', 0],
    ['\x8a\x01\x80.', -128],
    ['\x8a\x02\xff\x00.', 255],
    ['\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x80\x00.', 2n ** 63n],
    ['\x8a\x08\x00\x00\x00\x00\x00\x00\xe0\xff.', -(2n ** 53n)],
    ['G\x3f\xf8\x00\x00\x00\x00\x00\x00.', 1.5],
    ['X\x03\x00\x00\x00a\xc3\xa9.', 'aé'],
    ['U\x02hi.', 'hi'],
    [').', ['()']],
    ['K\x01\x85.', ['()', 1]],
    ['K\x01K\x02\x86.', ['()', 1, 2]],
    ['K\x01K\x02K\x03\x87.', ['()', 1, 2, 3]],
    ['(K\x01K\x02K\x03K\x04t.', ['()', 1, 2, 3, 4]],
    ['].', []],
    [']K\x01a.', [1]],
    [']K\x01a(K\x02K\x03e.', [1, 2, 3]],
    ['}.', ['{}']],
    ['}U\x01aK\x01s(U\x01bK\x02K\x07Nu.', ['{}', ['a', 1], ['b', 2], [7, null]]],
    ['}U\x01aK\x01sU\x01bK\x02sU\x01aK\x03s.', ['{}', ['a', 3], ['b', 2]]],
    ['K\x05q\x07h\x07\x86.', ['()', 5, 5]],
    ['K\x05r\x00\x01\x00\x00j\x00\x01\x00\x00\x86.', ['()', 5, 5]],
    ['cfruit\nName\n.', 'global fruit Name'],
    ['cfruit\nBasket\nK\x01\x85R.', ['()', 'basket', 1]],
    ['U\x03keyQ.', ['()', 'stored', 'key']],
    ['ccollections\nOrderedDict\n)R}U\x09_metadata}sb.', ['{}']],
  ];
  for (const [pickle, expected] of cases) assert.deepEqual(plain(run(`\x80\x02${pickle}`).value), expected, JSON.stringify(pickle));
});

test('pickles follow one another in one file', () => {
  const pickles = '\x80\x02K\x05.\x80\x02K\x06.rest';
  const first = run(pickles);
  assert.deepEqual([first, run(pickles, first.end)], [{ value: 5, end: 5 }, { value: 6, end: 10 }]);
});

test('names such as __proto__ are keys like any other', () => {
  const { value } = run('\x80\x02}(U\x09__proto__K\x01U\x0bconstructorK\x02u.');
  assert.deepEqual(plain(value), ['{}', ['__proto__', 1], ['constructor', 2]]);
});

test('what would run code is refused by its name', () => {
  const cases: [string, string, RegExp][] = [
    ['a function of the system', '\x80\x02cposix\nsystem\nU\x02ls\x85R.', /byte 2 .*GLOBAL names "posix system", which is not on the list of what may be named here: fruit Basket, fruit Name/],
    ['a builtin', '\x80\x02cbuiltins\neval\n.', /"builtins eval"/],
    ['a module that only begins like an allowed one', '\x80\x02cfruit.sub\nBasket\n.', /"fruit.sub Basket"/],
    ['a line end inside a name', '\x80\x02cfruit\rBasket\nName\n.', /"fruit\\rBasket Name"/],
    ['INST', '(iposix\nsystem\n.', /byte 1 .*INST makes an object of "posix system"/],
    ['OBJ', '(cfruit\nBasket\no.', /the opcode OBJ is not among/],
    ['NEWOBJ', 'cfruit\nBasket\n)\x81.', /the opcode NEWOBJ is not among/],
    ['NEWOBJ_EX', 'cfruit\nBasket\n)}\x92.', /the opcode NEWOBJ_EX is not among/],
    ['STACK_GLOBAL', 'U\x05posixU\x06system\x93.', /byte 15 .*the opcode STACK_GLOBAL is not among/],
    ['EXT1', '\x82\x01.', /the opcode EXT1 is not among/],
    ['a name that may not be called', 'cfruit\nName\n)R.', /REDUCE calls the global "fruit Name"/],
    ['a string that is called', 'U\x06system)R.', /REDUCE calls the string "system"/],
    ['attributes of what has none', 'K\x01}b.', /BUILD sets attributes of the number 1/],
    ['attributes of a plain dictionary', '}}b.', /BUILD sets attributes of a dictionary of 0/],
    ['another protocol', '\x80\x04\x95', /byte 0 .*protocol 4/],
  ];
  for (const [label, pickle, message] of cases) {
    rejects(pickle, message, label);
    assert.throws(() => run(pickle), (error) => error instanceof DataError && /nothing of a pickle is executed$/.test(error.message) && /safetensors/.test(error.hint ?? ''), label);
  }
});

test('every opcode that is not needed is refused by name, and no other byte is an opcode', () => {
  const allowed = new Set('PROTO MARK STOP NONE NEWTRUE NEWFALSE BININT BININT1 BININT2 LONG1 BINFLOAT BINUNICODE SHORT_BINSTRING EMPTY_TUPLE TUPLE1 TUPLE2 TUPLE3 TUPLE EMPTY_LIST APPEND APPENDS EMPTY_DICT SETITEM SETITEMS BINPUT LONG_BINPUT BINGET LONG_BINGET GLOBAL REDUCE BUILD BINPERSID INST'.split(' '));
  // Counted in Python's pickletools.opcodes.
  assert.equal(opcodeNames.size, 68);
  for (let code = 0; code < 256; code++) {
    const name = opcodeNames.get(code);
    const pickle = Uint8Array.of(code, 0, 0, 0, 0);
    if (name === undefined) rejects(pickle, /byte 0 .*which is no pickle opcode/, `byte ${code}`);
    else if (!allowed.has(name)) rejects(pickle, new RegExp(`byte 0 .*the opcode ${name} is not among`), name);
  }
});

test('malformed pickles are refused', () => {
  const cases: [string, string, RegExp][] = [
    ['nothing', '', /the pickle is cut off: 1 bytes are needed, 0 are left/],
    ['no STOP', 'K\x01', /cut off/],
    ['STOP on an empty stack', '.', /STOP finds the stack empty/],
    ['two values at STOP', 'K\x01K\x02.', /STOP leaves 1 values and 0 marks/],
    ['a mark at STOP', '(K\x01.', /STOP leaves 0 values and 1 marks/],
    ['no memo', 'h\x03.', /BINGET asks for memo 3, which was never put/],
    ['no memo, long', 'j\xff\xff\xff\xff.', /LONG_BINGET asks for memo 4294967295/],
    ['put of nothing', 'q\x00.', /BINPUT finds the stack empty/],
    ['put of what lies before the mark', 'K\x01(q\x00.', /BINPUT finds the stack empty/],
    ['no mark', 'K\x01t.', /TUPLE finds no mark/],
    ['a pair of one', 'K\x01\x86.', /TUPLE2 takes 2 values; the stack has 1/],
    ['a pair across a mark', 'K\x01(K\x02\x86.', /TUPLE2 takes 2 values; the stack has 1/],
    ['append to a number', 'K\x01K\x02a.', /APPEND adds to the number 1/],
    ['append of the list alone', '](e(.', /STOP finds the stack empty/],
    ['items of a list', ']K\x01K\x02s.', /SETITEM sets items of a list of 0/],
    ['a key without a value', '}(K\x01u.', /SETITEMS finds 1 keys and values/],
    ['a key that is a list', '}]K\x01s.', /a list of 0 is the key/],
    ['a key that is None', '}NK\x01s.', /None is the key/],
    ['call without a tuple', 'cfruit\nBasket\nK\x01R.', /REDUCE gives the number 1 to "fruit Basket"; expected a tuple/],
    ['call with too many', 'cfruit\nBasket\nK\x01K\x02\x86R.', /byte 19 .*too many/],
    ['attributes that are a tuple', 'ccollections\nOrderedDict\n)R)b.', /BUILD sets the attributes of an OrderedDict to a tuple of 0/],
    ['a text beyond the end', 'X\xff\xff\xff\xffabc', /4294967295 bytes are needed, 3 are left of a\/data.pkl/],
    ['an integer beyond the end', '\x8a\xff\x01', /255 bytes are needed, 1 are left/],
    ['an integer with four bytes of length', '\x8b\xff\xff\xff\x7f', /the opcode LONG4 is not among/],
    ['a name without an end', 'cposix', /a name has no end of line/],
    ['a text that is not UTF-8', 'U\x01\xff.', /not UTF-8/],
  ];
  for (const [label, pickle, message] of cases) rejects(pickle, message, label);
});

test('nested, shared and self-containing data is neither walked nor copied', () => {
  const deep = Buffer.concat([Buffer.from(')'), Buffer.alloc(100_000, '\x85', 'latin1'), Buffer.from('.')]);
  assert.equal((run(deep).value as PickleTuple).items.length, 1);
  const doubled = `K\x01\x85${Array.from({ length: 200 }, (_, i) => `q${String.fromCharCode(i)}h${String.fromCharCode(i)}\x86`).join('')}.`;
  assert.equal((run(doubled).value as PickleTuple).items.length, 2);
  const list = run(']q\x00h\x00a.').value as PickleList;
  assert.equal(list.items[0], list);
  const dict = run('}q\x00U\x04selfh\x00s.').value as PickleDict;
  assert.equal(dict.entries.get('self'), dict);
  rejects(']q\x00h\x00a(h\x00K\x01u.', /SETITEMS sets items of a list of 1/, 'a list that holds itself, in a message');
});

test('stack, marks and objects have limits', () => {
  const many = (text: string, count: number): Buffer => Buffer.alloc(count * text.length, text, 'latin1');
  rejects(many('N', 100_001), /more than 100000 values are on the stack/, 'values');
  rejects(many('(', 100_001), /more than 100000 marks/, 'marks');
  rejects(Buffer.concat([Buffer.from(']'), many('}a', 500_001)]), /more than 500000 objects/, 'dictionaries');
  rejects(Buffer.concat([Buffer.from(']'), many('NQa', 500_001)]), /more than 500000 objects/, 'storages');
});
