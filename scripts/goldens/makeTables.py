"""Writes glue/fixtures/tables: the same invented rows in Parquet of every usual compression and in Arrow, as the Hub and the datasets library keep them.

Run:   python scripts/goldens/makeTables.py glue/fixtures/tables
Needs: pip install pyarrow   (seconds)
"""
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

folder = Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)

columns = {
    "sentence1": ["A river runs past the mill .", 'He said : " stone " .', "tab\there, line\nthere", "Füße in 東京 🚲", "last , one"],
    "sentence2": ["The mill stands by a river .", "unbalanced \" quote", "", "__proto__", "constructor"],
    "label": [1, 0, 0, 1, 0],
    "idx": [0, 1, 2, 3, 4],
}
schema = pa.schema([("sentence1", pa.string()), ("sentence2", pa.string()), ("label", pa.int64()), ("idx", pa.int32())])
table = pa.table(columns, schema=schema)

for compression in ["none", "snappy", "gzip", "zstd", "brotli", "lz4"]:
    # Two row groups, so that a reader that takes only the first is found out.
    pq.write_table(table, folder / f"{compression}.parquet", compression=compression, row_group_size=3)
with pa.ipc.new_stream(folder / "stream.arrow", schema) as writer:
    for batch in table.to_batches(max_chunksize=2):
        writer.write_batch(batch)
with pa.ipc.new_file(folder / "file.arrow", schema) as writer:
    writer.write_table(table)
pq.write_table(pa.table({"sentence1": ["a", "b"], "sentence2": ["c", None], "label": pa.array([0, 1], pa.int64())}), folder / "null.parquet")
pq.write_table(pa.table({"tokens": [["a", "b"], ["c"]], "label": pa.array([0, 1], pa.int64())}), folder / "list.parquet")
