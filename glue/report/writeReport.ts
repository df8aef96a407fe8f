/** Writes the report of a set of runs as Markdown, HTML, LaTeX, CSV and JSON into one folder. */
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { writeFileAtomic } from '../../src/checkpoint/atomicFile.js';
import { publishedRows } from '../published.js';
import { constantPredictions } from './collapsed.js';
import { collectRuns } from './collect.js';
import { compareSystems } from './comparisons.js';
import { csvReport } from './csvReport.js';
import { hardestRows } from './hardest.js';
import { htmlReport } from './html.js';
import { latexReport } from './latex.js';
import { markdownReport } from './markdown.js';
import { collectOutcomes } from './outcomes.js';
import { predictionReader } from './runPredictions.js';
import { buildReportData, type ReportData } from './reportData.js';

export interface ReportOptions {
  /** Ids of published rows to show beside ours. */
  readonly published?: readonly string[];
  /** Folder to write to, made where absent. */
  readonly output: string;
  readonly title?: string;
  /** Folder of the GLUE release: the rows that systems are most wrong about are shown with their texts. */
  readonly data?: string | undefined;
}

export interface ReportFiles {
  readonly markdown: string;
  readonly html: string;
  readonly latex: string;
  readonly csv: string;
  readonly json: string;
  readonly data: ReportData;
}

/**
 * Collects the runs in and below `directories` and writes report.md, report.html, report.tex, report.csv and report.json into `options.output`.
 * Throws a UsageError where a folder is absent, holds no finished run, or a published id is unknown.
 */
export async function writeReport(directories: readonly string[], options: ReportOptions): Promise<ReportFiles> {
  const published = publishedRows(options.published ?? []);
  const collected = await collectRuns(directories);
  // A run that stands for two systems says nothing new about the second.
  const taskRuns = collected.taskRuns.filter(({ inheritedFrom }) => inheritedFrom === undefined);
  const read = predictionReader();
  const analysis = {
    constant: await constantPredictions(taskRuns, read),
    comparisons: await compareSystems(taskRuns, read),
    outcomes: await collectOutcomes(taskRuns, read),
    hardest: await hardestRows(taskRuns, read, options.data),
  };
  const data = buildReportData(collected, published, analysis, options.title);
  await mkdir(options.output, { recursive: true });
  const files = {
    markdown: path.join(options.output, 'report.md'),
    html: path.join(options.output, 'report.html'),
    latex: path.join(options.output, 'report.tex'),
    csv: path.join(options.output, 'report.csv'),
    json: path.join(options.output, 'report.json'),
  };
  await writeFileAtomic(files.markdown, markdownReport(data));
  await writeFileAtomic(files.html, htmlReport(data));
  await writeFileAtomic(files.latex, latexReport(data));
  await writeFileAtomic(files.csv, csvReport(data));
  await writeFileAtomic(files.json, `${JSON.stringify(data, undefined, 2)}\n`);
  return { ...files, data };
}
