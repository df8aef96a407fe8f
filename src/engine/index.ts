/** Engine choice. */
export { engineInfo, resolveMatmulPrecision, setEngine, setMatmulPrecision } from './engine.js';
export { chooseThreads, maxThreads, type ThreadChoice } from './threads.js';
export { type EngineChoice, type EngineInfo, type EngineName, type EngineOptions, engineNames, isEngineChoice, type MatmulPrecision } from './types.js';
