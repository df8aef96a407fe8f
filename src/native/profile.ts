/**
 * Where the time of a run goes: while a profile runs, every kernel of the active tfjs backend, every function of the addon and the
 * spans that the training marks are timed; totals by name, and the calls one by one as a Chrome trace (chrome://tracing, Perfetto).
 * Off, nothing is wrapped and a span costs one comparison.
 */
import * as tf from '@tensorflow/tfjs';
import type { NativeAddon } from './addon.js';
import { nativeActive, nativeBackend } from './tensors.js';

/** A function of the addon, a kernel of tfjs (which may call the former), or a stretch of a step (which holds both). */
export type ProfileCategory = 'native' | 'kernel' | 'span';

export interface ProfileRow {
  readonly category: ProfileCategory;
  /** Matrix functions carry the sizes of their weights, `gemm` those of its product: one row for each. */
  readonly name: string;
  readonly count: number;
  readonly totalMs: number;
  /** Without what was called and timed inside: over all rows these add up to the whole time that was timed. */
  readonly selfMs: number;
}

/** An event of the Chrome trace; microseconds. */
interface TraceEvent {
  readonly name: string;
  readonly cat: ProfileCategory;
  readonly ph: 'X';
  readonly ts: number;
  readonly dur: number;
  readonly pid: number;
  readonly tid: number;
  readonly args: Readonly<Record<string, unknown>>;
}

export interface ChromeTrace {
  readonly displayTimeUnit: 'ms';
  readonly otherData: Readonly<Record<string, unknown>>;
  readonly traceEvents: readonly object[];
}

/** Calls kept for the trace, about 200 bytes each; later ones count in the totals only. */
const keptEvents = 200_000;
/** Functions of the addon that only answer or set something. */
const untimed = new Set(['info', 'setThreads', 'setIsa', 'setMatmulPrecision', 'measurePeakGflops', 'allocateBuffer']);

let running: Profile | undefined;

/** When a call began, and the time spent in calls inside it. */
interface Frame {
  readonly begun: number;
  inner: number;
}

interface Totals {
  readonly category: ProfileCategory;
  readonly name: string;
  count: number;
  totalMs: number;
  selfMs: number;
}

/** Times what is called from its start to `stop()`. */
export class Profile {
  readonly #events: TraceEvent[] = [];
  readonly #totals = new Map<string, Totals>();
  readonly #stack: Frame[] = [];
  readonly #restore: (() => void)[] = [];
  readonly #origin = performance.now();
  readonly #backend: string;
  #untraced = 0;

  private constructor() {
    this.#backend = tf.getBackend();
    this.#wrapKernels();
    if (nativeActive()) this.#wrapAddon();
  }

  /** Starts timing the active backend; throws where a profile runs already. */
  static start(): Profile {
    if (running !== undefined) throw new Error('a profile runs already');
    running = new Profile();
    return running;
  }

  /** Ends the timing; kernels and functions are again what they were. */
  stop(): void {
    if (running !== this) return;
    running = undefined;
    for (const restore of this.#restore.splice(0)) restore();
  }

  /** Totals by name, the longest first. */
  rows(category: ProfileCategory): ProfileRow[] {
    return [...this.#totals.values()].filter((row) => row.category === category).sort((a, b) => b.totalMs - a.totalMs);
  }

  /** The calls as a Chrome trace: complete events that lie in each other as the calls did. */
  trace(): ChromeTrace {
    const named = { pid: process.pid, tid: 1 };
    return {
      displayTimeUnit: 'ms',
      otherData: { backend: this.#backend, eventsLeftOut: this.#untraced },
      traceEvents: [
        { ...named, name: 'process_name', ph: 'M', args: { name: 'bertwright' } },
        { ...named, name: 'thread_name', ph: 'M', args: { name: 'main' } },
        ...this.#events,
      ],
    };
  }

  /** Begins a stretch; the function returned ends it. `describe` gives what the trace shows beside it; it runs after the stretch. */
  begin(category: ProfileCategory, name: string, describe: () => Readonly<Record<string, unknown>> = () => ({})): () => void {
    const frame: Frame = { begun: performance.now(), inner: 0 };
    this.#stack.push(frame);
    return () => {
      const duration = performance.now() - frame.begun;
      const depth = this.#stack.indexOf(frame);
      // Frames above it belong to calls that an error left.
      if (depth >= 0) this.#stack.length = depth;
      const outer = this.#stack.at(-1);
      if (outer !== undefined) outer.inner += duration;
      this.#count(category, name, duration, duration - frame.inner);
      if (this.#events.length >= keptEvents) {
        this.#untraced += 1;
        return;
      }
      this.#events.push({ name, cat: category, ph: 'X', ts: (frame.begun - this.#origin) * 1000, dur: duration * 1000, pid: process.pid, tid: 1, args: describe() });
    };
  }

  #count(category: ProfileCategory, name: string, totalMs: number, selfMs: number): void {
    const key = `${category} ${name}`;
    const row = this.#totals.get(key) ?? { category, name, count: 0, totalMs: 0, selfMs: 0 };
    row.count += 1;
    row.totalMs += totalMs;
    row.selfMs += selfMs;
    this.#totals.set(key, row);
  }

  #wrapKernels(): void {
    for (const config of tf.getKernelsForBackend(this.#backend)) {
      const timed: tf.KernelConfig = {
        ...config,
        kernelFunc: (params) => {
          let result: tf.TensorInfo | tf.TensorInfo[] | undefined;
          const end = this.begin('kernel', config.kernelName, () => ({ inputs: shapesOf(params.inputs), outputs: [result ?? []].flat().map(({ shape }) => shape) }));
          try {
            result = config.kernelFunc(params);
            return result;
          } finally {
            end();
          }
        },
      };
      replaceKernel(timed);
      this.#restore.push(() => replaceKernel(config));
    }
  }

  #wrapAddon(): void {
    const backend = nativeBackend();
    const { addon } = backend;
    const timed: Record<string, unknown> = { ...addon };
    for (const [name, member] of Object.entries(addon)) {
      if (untimed.has(name) || typeof member !== 'function') continue;
      const call = member as (...args: readonly unknown[]) => unknown;
      timed[name] = (...args: readonly unknown[]): unknown => {
        const end = this.begin('native', nameWithSizes(name, args), () => ({ arguments: args.map(describeArgument) }));
        try {
          return call(...args);
        } finally {
          end();
        }
      };
    }
    backend.addon = timed as unknown as NativeAddon;
    this.#restore.push(() => {
      backend.addon = addon;
    });
  }
}

/** Runs `work` as a span of the profile that runs, if one does. */
export function profiled<Result>(name: string, work: () => Result): Result {
  if (running === undefined) return work();
  const end = running.begin('span', name);
  try {
    return work();
  } finally {
    end();
  }
}

/** The registry warns of a kernel that is registered twice, so the old one goes first. */
function replaceKernel(config: tf.KernelConfig): void {
  tf.unregisterKernel(config.kernelName, config.backendName);
  tf.registerKernel(config);
}

/** Shapes of a kernel's inputs by name; some kernels have a list of them, some leave one out. */
function shapesOf(inputs: tf.NamedTensorInfoMap): Record<string, readonly number[]> {
  const shapes: Record<string, readonly number[]> = {};
  for (const [name, info] of Object.entries(inputs)) {
    if (info !== undefined && info !== null) shapes[name] = info.shape;
  }
  return shapes;
}

/**
 * Matrix functions with their sizes: of a layer those of its weights, which stay while the number of tokens changes from batch to batch.
 */
function nameWithSizes(name: string, args: readonly unknown[]): string {
  if (!/gemm|linear|qkv|feedForward/i.test(name)) return name;
  const sizes = args.filter((arg) => typeof arg === 'number').slice(name === 'gemm' ? 0 : 1, 3);
  return `${name} ${sizes.join(' x ')}`;
}

function describeArgument(arg: unknown): unknown {
  if (ArrayBuffer.isView(arg)) return `${arg.constructor.name}(${(arg as tf.TypedArray).length})`;
  if (Array.isArray(arg)) return `${arg.length} arrays`;
  return arg ?? null;
}
