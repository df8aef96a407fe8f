/** How an epoch's examples or rows, in their shuffled order, are cut into micro-batches: so many sequences each, or as many as a budget of tokens holds. */

/**
 * Where each of `batches` micro-batches of `batchSize` sequences begins, and the last one ends, [batches + 1]. Places count on beyond the
 * end of the order: place p is the example at p modulo its length.
 */
export function cutBySequences(batchSize: number, batches: number): Float64Array {
  return Float64Array.from({ length: batches + 1 }, (_, i) => i * batchSize);
}

/**
 * The same by a budget: each micro-batch takes the next examples as long as their tokens fit into `tokensPerBatch`. The order starts over
 * where it runs out, but no micro-batch has an example twice.
 * @param lengths tokens of the examples in their order, [examples], none above the budget
 * @param batches how many to cut; undefined: as many as one pass fills
 */
export function cutByTokens(lengths: Int32Array, tokensPerBatch: number, batches?: number): Float64Array {
  const bounds = [0];
  const lastPlace = batches === undefined ? lengths.length : Number.POSITIVE_INFINITY;
  let place = 0;
  while (bounds.length - 1 < (batches ?? Number.POSITIVE_INFINITY)) {
    const start = place;
    let tokens = 0;
    while (place < lastPlace && place - start < lengths.length) {
      const next = lengths[place % lengths.length] as number;
      if (tokens + next > tokensPerBatch) break;
      tokens += next;
      place += 1;
    }
    // The one that the end of the pass leaves open is not counted: its examples are among those that an epoch leaves out.
    if (place >= lastPlace) break;
    bounds.push(place);
  }
  return Float64Array.from(bounds);
}

/**
 * One pass by a budget from which nothing is left out: the last micro-batch has what the others leave. It is a full one only by chance.
 * @param lengths as for `cutByTokens`
 */
export function cutAllByTokens(lengths: Int32Array, tokensPerBatch: number): Float64Array {
  return Float64Array.from([...cutByTokens(lengths, tokensPerBatch), lengths.length]);
}
