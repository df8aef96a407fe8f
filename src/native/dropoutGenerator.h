/**
 * Dropout masks from a counter-based generator: the C++ twin of src/ops/dropoutGenerator.ts, which documents it, and of
 * mix32 in src/data/random.ts. All arithmetic is modulo 2^32. `static` on purpose: see the rule in isa.h.
 */
#ifndef BERTWRIGHT_DROPOUT_GENERATOR_H
#define BERTWRIGHT_DROPOUT_GENERATOR_H

#include <stddef.h>
#include <stdint.h>

static inline uint32_t mix32(uint32_t x) {
  x = (x ^ (x >> 16)) * 0x7feb352du;
  x = (x ^ (x >> 15)) * 0x846ca68bu;
  return x ^ (x >> 16);
}

/** floor(rate * 2^32); rate in [0, 1). */
static inline uint32_t dropThreshold(double rate) { return (uint32_t)(rate * 4294967296.0); }

/** What kept elements are multiplied with: 1 / (1 - rate). */
static inline float dropScale(double rate) { return (float)(1.0 / (1.0 - rate)); }

static inline uint32_t dropRowKey(uint32_t key, uint32_t row) { return mix32(key ^ mix32(row + 0x9e3779b9u)); }

static inline bool keepElement(uint32_t rowKey, uint32_t column, uint32_t threshold) {
  return mix32(rowKey + column * 0x9e3779b9u) >= threshold;
}

/** The factor of one element: scale where it is kept, 0 where it is dropped. */
static inline float dropFactor(uint32_t rowKey, uint32_t column, uint32_t threshold, float scale) {
  return keepElement(rowKey, column, threshold) ? scale : 0.0f;
}

#endif
