/** The library's trainers and runners work without a call of setEngine before them. */
import { engineInfo, setEngine } from '../engine/index.js';

/** Starts the best engine where none was set. */
export async function ensureEngine(): Promise<void> {
  try {
    engineInfo();
  } catch {
    await setEngine('auto');
  }
}
