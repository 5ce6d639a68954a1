"""
Event files: one event per line as JSON (plain or gzip), or parquet.

A file that cannot be read raises `FeedError`, one sentence. A line that is no event is data, not an error: it is handed
on as it stands, and the Door of the core says what is wrong with it, in a file as on a topic.
"""
