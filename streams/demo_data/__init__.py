"""The real purchase histories that `latido demo` tells: an extract of UCI Online Retail (see ATTRIBUTION.md)."""

from pathlib import Path

HISTORIES = Path(__file__).with_name("online_retail_extract.jsonl.gz")
