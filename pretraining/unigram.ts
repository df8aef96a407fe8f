/** The unigram distribution of a text: the loss that a model reaches without looking at the context. */

/** Natural logarithms of (count + 1) / (total + size), by piece; `counts` holds how often each piece occurs, [size]. */
export function unigramLogProbabilities(counts: Float64Array): Float64Array {
  const total = counts.reduce((sum, count) => sum + count, 0) + counts.length;
  return counts.map((count) => Math.log((count + 1) / total));
}
