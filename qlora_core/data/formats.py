"""The kinds of files that pairs are read from, by their endings."""

#: Ending, and what the kind is called.
FORMATS = {".csv": "CSV", ".tsv": "TSV", ".jsonl": "JSONL", ".parquet": "parquet"}
