/** Values of --adapter. */
export const adapterNames = ['none', 'lora', 'bottleneck'] as const;
