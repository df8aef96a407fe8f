/** The library's runners work without a call of setEngine before them. */
import { engineInfo, setEngine } from '../src/engine/index.js';

/** Starts the best engine where none was set. */
export async function ensureEngine(): Promise<void> {
  try {
    engineInfo();
  } catch {
    await setEngine('auto');
  }
}
