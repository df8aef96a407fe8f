/** The opcodes of Python's pickle protocols 0 to 5, named as in Python's pickletools, so that what is refused is refused by name. */

const table = `
( MARK, . STOP, 0 POP, 1 POP_MARK, 2 DUP, F FLOAT, I INT, J BININT, K BININT1, L LONG, M BININT2, N NONE, P PERSID, Q BINPERSID,
R REDUCE, S STRING, T BINSTRING, U SHORT_BINSTRING, V UNICODE, X BINUNICODE, a APPEND, b BUILD, c GLOBAL, d DICT, } EMPTY_DICT,
e APPENDS, g GET, h BINGET, i INST, j LONG_BINGET, l LIST, ] EMPTY_LIST, o OBJ, p PUT, q BINPUT, r LONG_BINPUT, s SETITEM,
t TUPLE, ) EMPTY_TUPLE, u SETITEMS, G BINFLOAT, B BINBYTES, C SHORT_BINBYTES`;

/** The codes above 0x7f, in order from 0x80. */
const upper = `
PROTO NEWOBJ EXT1 EXT2 EXT4 TUPLE1 TUPLE2 TUPLE3 NEWTRUE NEWFALSE LONG1 LONG4 SHORT_BINUNICODE BINUNICODE8 BINBYTES8 EMPTY_SET
ADDITEMS FROZENSET NEWOBJ_EX STACK_GLOBAL MEMOIZE FRAME BYTEARRAY8 NEXT_BUFFER READONLY_BUFFER`;

/** Name of each opcode by its byte. */
export const opcodeNames: ReadonlyMap<number, string> = new Map([
  ...table.trim().split(/,\s+/).map((pair): [number, string] => [pair.charCodeAt(0), pair.slice(2)]),
  ...upper.trim().split(/\s+/).map((name, index): [number, string] => [0x80 + index, name]),
]);
