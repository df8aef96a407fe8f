/** Which file of a model directory holds its configuration. */
import { existsSync } from 'node:fs';
import path from 'node:path';

export const configFileName = 'config.json';
/** As Google's checkpoints have it; its keys are those of config.json. */
const googleConfigFileName = 'bert_config.json';

/** Path of a model directory's config.json, or of its bert_config.json where that alone is there. */
export function configFileOf(directory: string): string {
  const usual = path.join(directory, configFileName);
  const google = path.join(directory, googleConfigFileName);
  return !existsSync(usual) && existsSync(google) ? google : usual;
}
