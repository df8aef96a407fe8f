/** Working memory of kernels: for each thread and slot one block, 64-byte aligned, that grows and is kept. */
#ifndef BERTWRIGHT_SCRATCH_H
#define BERTWRIGHT_SCRATCH_H

#include <cstddef>

namespace bertwright {

/** Two uses that are alive at the same time on one thread need different slots. */
enum class Scratch { gemmA, gemmB, gemmSplit, gemmCounters, gemmSums, linear, crossEntropy, attention, layerNorm, reduce, count };

/** At least `bytes` bytes with undefined contents, valid until the same thread asks for the same slot again. Throws std::bad_alloc. */
void* scratchBytes(Scratch slot, size_t bytes);

inline float* scratchFloats(Scratch slot, size_t count) { return static_cast<float*>(scratchBytes(slot, count * sizeof(float))); }

}  // namespace bertwright

#endif
