/** A table with named columns, whatever file it came from. */

export interface TableRow {
  /** Line of the file, from 1, where the row starts (.json, .parquet, .arrow: number of the row). */
  readonly line: number;
  /** Cell texts by column; a null and a missing key are absent. */
  readonly cells: ReadonlyMap<string, string>;
}

export interface Table {
  readonly file: string;
  /** In the file's order. */
  readonly columns: readonly string[];
  readonly rows: readonly TableRow[];
}
