/** What heads, trainers and checkpoints may know of any encoder's configuration. Frozen plain data. */

/** Activation functions: `gelu` is the erf form, `gelu_new` the tanh form. */
export type HiddenAct = 'gelu' | 'gelu_new' | 'relu';

export const hiddenActs: readonly HiddenAct[] = ['gelu', 'gelu_new', 'relu'];

export type ProblemType = 'regression' | 'single_label_classification' | 'multi_label_classification';

export const problemTypes: readonly ProblemType[] = ['regression', 'single_label_classification', 'multi_label_classification'];

export interface EncoderConfig {
  /** Picks the encoder from the table of model types. */
  readonly modelType: string;
  readonly vocabSize: number;
  /** Width of the token representations, H. */
  readonly hiddenSize: number;
  readonly hiddenAct: HiddenAct;
  /** Probability of dropping a hidden activation while training. */
  readonly hiddenDropoutProb: number;
  /** Dropout before the classifier; hiddenDropoutProb where undefined. */
  readonly classifierDropout?: number | undefined;
  /** The longest sequence, special tokens included. */
  readonly maxPositionEmbeddings: number;
  readonly typeVocabSize: number;
  /** Standard deviation of the normal distribution that initial weights are drawn from. */
  readonly initializerRange: number;
  /** Added to the variance inside the square root. */
  readonly layerNormEps: number;
  readonly padTokenId: number;
  /** Outputs of the classification head; 1 means regression. Undefined where the checkpoint has no such head. */
  readonly numLabels?: number | undefined;
  /** Label of each output by its index. */
  readonly id2label?: Readonly<Record<number, string>> | undefined;
  readonly problemType?: ProblemType | undefined;
  /** Keys of a foreign config.json that mean nothing here; kept as they were read and written back. */
  readonly extra: Readonly<Record<string, unknown>>;
}
