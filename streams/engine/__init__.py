"""Faust in batches: delivery, state, sending and ownership of partitions; knows Faust and Kafka, and no customers.

An agent receives what Kafka fetched, whole: a list of records of one partition. State is remembered before anything is
said aloud, and a source offset is committed only when both are acknowledged. See README.md beside this file.
"""
