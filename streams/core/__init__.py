"""The pure core: events in, signals out; no Kafka, no clock, no randomness, no I/O."""
