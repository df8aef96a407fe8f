/** Inner loops of binary and unary operations on contiguous float32 elements. The codes are those of src/native/kernels/opCodes.ts. */
#ifndef BERTWRIGHT_SIMD_BROADCAST_H
#define BERTWRIGHT_SIMD_BROADCAST_H

#include <stddef.h>

enum BinaryCode { binaryAdd, binarySub, binaryMul, binaryDiv, binaryMax, binaryMin, binarySquaredDifference, binaryCodes };

/** Which operand is one number for the whole loop. */
enum BinaryMode { bothVary, leftVaries, rightVaries, binaryModes };

enum UnaryCode {
  unaryNeg, unaryAbs, unarySquare, unarySqrt, unaryRsqrt, unaryReciprocal,
  unaryExp, unaryLog, unaryRelu, unaryTanh, unarySigmoid, unaryErf, unaryCodes
};

struct BroadcastKernels {
  /** out[i] = a[i or 0] op b[i or 0]. */
  void (*binary[binaryCodes][binaryModes])(const float* a, const float* b, float* out, size_t count);
  void (*unary[unaryCodes])(const float* x, float* out, size_t count);
};

#endif
