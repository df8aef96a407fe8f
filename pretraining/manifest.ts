/** manifest.json of a prepared corpus: what was prepared, from which text, and which files hold it; and how such a folder is opened. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { DataError, UsageError } from '../src/data/errors.js';
import { didYouMeanPath } from '../src/data/nearPath.js';
import { type JsonObject, parseJsonObject } from '../src/data/strictJson.js';
import { type StoreFile, TokenStore, decodeDocumentIndex, decodeTokenShard, readStoreFile } from '../src/data/tokenStore.js';
import { type NextSentenceTask, nextSentenceTasks } from './examples.js';

export const manifestName = 'manifest.json';
export const documentsName = 'documents.arrow';
export const shardPattern = /^tokens-\d{5,}\.arrow$/;
const formatName = 'bertwright token store';

/** What a prepared corpus was made with; a change of any of them makes another corpus. */
export interface PrepareSettings {
  /** Hash of the tokenizer's files. */
  readonly tokenizerSha256: string;
  readonly maxSeqLength: number;
  readonly nextSentence: NextSentenceTask;
  readonly shortSeqProb: number;
  /** Share of the documents that is held out, in percent. */
  readonly validationSplitPercentage: number;
  /** dynamic: new pairs and masks each epoch; static: those of `dupeFactor` epochs, over and over. */
  readonly masking: 'dynamic' | 'static';
  /** Has a meaning for static masks only, else 0. */
  readonly dupeFactor: number;
  /** What ends a document in plain text. */
  readonly documents: 'blank-line' | 'line';
  /** The key of the text in JSON records; '' where the corpus has none. */
  readonly textKey: string;
  readonly splitSentences: boolean;
  readonly unicodeNormalization: 'none' | 'nfc' | 'nfkc';
  /** Version of the library whose rules of Unicode were used; '' where sentences were not split and nothing was normalized. */
  readonly icuVersion: string;
  /** Of which only the first of equal ones was kept. */
  readonly dropRepeated: 'none' | 'lines' | 'documents' | 'both';
}

/** A text file as it was read. */
export interface CorpusFile {
  readonly file: string;
  readonly bytes: number;
  readonly sha256: string;
}

export interface CorpusCounts {
  readonly documents: number;
  readonly sentences: number;
  readonly tokens: number;
  readonly heldOutDocuments: number;
  readonly heldOutTokens: number;
  /** Sentences that the tokenizer makes nothing of. */
  readonly emptySentences: number;
  /** Lines with text; undefined in manifests of version 1. */
  readonly lines: number | undefined;
  /** Of these, lines so long that they were cut into sentences of their own. */
  readonly longLines: number | undefined;
}

/** What was found of text that came before in the same corpus: lines by their fingerprints, documents by their hashes. */
export interface RepeatCounts {
  /** Lines that were compared with those before them: all but long ones, and those that the table had no room for. */
  readonly linesCompared: number;
  /** False where there were more distinct lines than the table holds; `repeatedLines` is the least number then. */
  readonly allLinesCompared: boolean;
  /** Lines that came before. */
  readonly repeatedLines: number;
  readonly droppedLines: number;
  /** Documents whose text came before. */
  readonly repeatedDocuments: number;
  readonly droppedDocuments: number;
}

export interface PreparedManifest {
  readonly settings: PrepareSettings;
  readonly corpus: readonly CorpusFile[];
  readonly counts: CorpusCounts;
  /** undefined in manifests of version 1. */
  readonly repeats: RepeatCounts | undefined;
  readonly vocabSize: number;
  /** Document hashes, hexadecimal; all documents with such a hash are held out. */
  readonly heldOut: readonly string[];
  readonly documents: StoreFile;
  readonly shards: readonly StoreFile[];
}

/** A prepared corpus in memory. */
export interface PreparedCorpus {
  readonly folder: string;
  readonly manifest: PreparedManifest;
  readonly store: TokenStore;
  /** Numbers of the documents to train on; none of them is among the held-out ones. */
  readonly trainDocuments: Int32Array;
  readonly heldOutDocuments: Int32Array;
}

/** A document's hash as the manifest writes it: 16 hexadecimal digits. */
export function hashText(hash: bigint): string {
  return hash.toString(16).padStart(16, '0');
}

/** manifest.json as it is written and hashed. */
export function manifestText(manifest: PreparedManifest): string {
  return `${JSON.stringify({ format: formatName, version: 2, ...manifest }, null, 1)}\n`;
}

/** The manifest of a folder; undefined where it has none. One that is not ours is a UsageError, a malformed one a DataError. */
export async function readManifest(folder: string): Promise<PreparedManifest | undefined> {
  const file = path.join(folder, manifestName);
  const text = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT' || cause.code === 'ENOTDIR') return undefined;
    throw new DataError(`cannot be read (${cause.message})`, { location: { file }, cause });
  });
  if (text === undefined) return undefined;
  const json = parseJsonObject(text, { file, hint: 'Prepare the corpus again with --overwrite.' });
  if (json['format'] !== formatName) {
    throw new UsageError(`${folder} holds something else than a prepared corpus (its ${manifestName} has no format "${formatName}")`, {
      hint: 'Name the folder that `bertwright prepare` wrote, or another --output.',
    });
  }
  return new ManifestReader(file).manifest(json);
}

type TextSettings = Pick<PrepareSettings, 'documents' | 'textKey' | 'splitSentences' | 'unicodeNormalization' | 'icuVersion' | 'dropRepeated'>;

/** The first version had no choice. */
const settingsOfVersion1: TextSettings = { documents: 'blank-line', textKey: '', splitSentences: false, unicodeNormalization: 'none', icuVersion: '', dropRepeated: 'none' };

/** Checks what the rest of the code relies on. */
class ManifestReader {
  constructor(readonly file: string) {}

  manifest(json: JsonObject): PreparedManifest {
    const settings = this.object(json, 'settings');
    const counts = this.object(json, 'counts');
    const nextSentence = nextSentenceTasks.find((task) => task === settings['nextSentence']);
    if (nextSentence === undefined) throw this.wrong('settings.nextSentence', `one of ${nextSentenceTasks.join(', ')}`);
    if (json['version'] !== 1 && json['version'] !== 2) throw this.wrong('version', '1 or 2');
    const first = json['version'] === 1;
    return {
      settings: {
        tokenizerSha256: this.text(settings, 'tokenizerSha256'),
        maxSeqLength: this.number(settings, 'maxSeqLength'),
        nextSentence,
        shortSeqProb: this.number(settings, 'shortSeqProb'),
        validationSplitPercentage: this.number(settings, 'validationSplitPercentage'),
        masking: settings['masking'] === 'static' ? 'static' : 'dynamic',
        dupeFactor: this.number(settings, 'dupeFactor'),
        ...(first ? settingsOfVersion1 : this.textSettings(settings)),
      },
      corpus: this.list(json, 'corpus').map((entry) => ({ file: this.text(entry, 'file'), bytes: this.number(entry, 'bytes'), sha256: this.text(entry, 'sha256') })),
      counts: {
        documents: this.number(counts, 'documents'),
        sentences: this.number(counts, 'sentences'),
        tokens: this.number(counts, 'tokens'),
        heldOutDocuments: this.number(counts, 'heldOutDocuments'),
        heldOutTokens: this.number(counts, 'heldOutTokens'),
        emptySentences: this.number(counts, 'emptySentences'),
        lines: first ? undefined : this.number(counts, 'lines'),
        longLines: first ? undefined : this.number(counts, 'longLines'),
      },
      repeats: first ? undefined : this.repeats(this.object(json, 'repeats')),
      vocabSize: this.number(json, 'vocabSize'),
      heldOut: this.hashes(json),
      documents: this.storeFile(this.object(json, 'documents')),
      shards: this.list(json, 'shards').map((entry) => this.storeFile(entry)),
    };
  }

  private textSettings(json: JsonObject): TextSettings {
    return {
      documents: this.choice(json, 'documents', ['blank-line', 'line']),
      textKey: this.text(json, 'textKey'),
      splitSentences: this.flag(json, 'splitSentences'),
      unicodeNormalization: this.choice(json, 'unicodeNormalization', ['none', 'nfc', 'nfkc']),
      icuVersion: this.text(json, 'icuVersion'),
      dropRepeated: this.choice(json, 'dropRepeated', ['none', 'lines', 'documents', 'both']),
    };
  }

  private repeats(json: JsonObject): RepeatCounts {
    return {
      linesCompared: this.number(json, 'linesCompared'),
      allLinesCompared: this.flag(json, 'allLinesCompared'),
      repeatedLines: this.number(json, 'repeatedLines'),
      droppedLines: this.number(json, 'droppedLines'),
      repeatedDocuments: this.number(json, 'repeatedDocuments'),
      droppedDocuments: this.number(json, 'droppedDocuments'),
    };
  }

  private storeFile(json: JsonObject): StoreFile {
    return { name: this.text(json, 'name'), bytes: this.number(json, 'bytes'), sha256: this.text(json, 'sha256') };
  }

  private hashes(json: JsonObject): string[] {
    const value = json['heldOut'];
    if (!Array.isArray(value) || !value.every((hash): hash is string => typeof hash === 'string' && /^[0-9a-f]{16}$/.test(hash))) {
      throw this.wrong('heldOut', 'a list of hashes of 16 hexadecimal digits');
    }
    return value;
  }

  private object(json: JsonObject, key: string): JsonObject {
    const value = json[key];
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw this.wrong(key, 'an object');
    return value;
  }

  private list(json: JsonObject, key: string): JsonObject[] {
    const value = json[key];
    if (!Array.isArray(value)) throw this.wrong(key, 'a list');
    return value.map((entry) => {
      if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) throw this.wrong(key, 'a list of objects');
      return entry;
    });
  }

  private number(json: JsonObject, key: string): number {
    const value = json[key];
    if (typeof value !== 'number' || value < 0) throw this.wrong(key, 'a number of at least 0');
    return value;
  }

  private flag(json: JsonObject, key: string): boolean {
    const value = json[key];
    if (typeof value !== 'boolean') throw this.wrong(key, 'true or false');
    return value;
  }

  private choice<T extends string>(json: JsonObject, key: string, choices: readonly T[]): T {
    const found = choices.find((choice) => choice === json[key]);
    if (found === undefined) throw this.wrong(key, `one of ${choices.join(', ')}`);
    return found;
  }

  private text(json: JsonObject, key: string): string {
    const value = json[key];
    if (typeof value !== 'string') throw this.wrong(key, 'a text');
    return value;
  }

  private wrong(key: string, expected: string): DataError {
    return new DataError(`"${key}" is missing or wrong; expected ${expected}`, { location: { file: this.file }, hint: 'Prepare the corpus again with --overwrite.' });
  }
}

/** Reads a prepared corpus whole and checks every file by its hash. Errors: UsageError where the folder is none, DataError where it is damaged. */
export async function openPrepared(folder: string): Promise<PreparedCorpus> {
  const manifest = await readManifest(folder);
  if (manifest === undefined) {
    throw new UsageError(`${folder}: no prepared corpus (it has no ${manifestName}).${await didYouMeanPath(folder)}`, { hint: 'Make it with `bertwright prepare`, or give --corpus and --tokenizer.' });
  }
  const documents = decodeDocumentIndex(await readStoreFile(folder, manifest.documents), path.join(folder, manifest.documents.name));
  const shards = [];
  for (const file of manifest.shards) shards.push(decodeTokenShard(await readStoreFile(folder, file), path.join(folder, file.name), manifest.vocabSize));
  const store = new TokenStore(shards, documents);
  const heldOut = new Set(manifest.heldOut);
  const all = Int32Array.from({ length: store.documentCount }, (_, i) => i);
  const isHeldOut = (document: number): boolean => heldOut.has(hashText(documents.hashes[document] as bigint));
  return { folder, manifest, store, trainDocuments: all.filter((document) => !isHeldOut(document)), heldOutDocuments: all.filter(isHeldOut) };
}
