"""What the engine lets others see: one class of `on_…` verbs, so that no metric stains the logic."""


class Observer:
    """Does nothing; whoever wants to see overrides a verb."""

    def on_reseek(self, topic: str, partition: int) -> None:
        """Call when a delivered batch began above the next offset and was fetched once more."""

    def on_gap(self, topic: str, partition: int, records: int) -> None:
        """Call when offsets are confirmed to be gone from the log."""

    def on_claimed(self, partition: int, term: int) -> None:
        """Call when a partition was claimed with a new writer term."""

    def on_assigned(self) -> None:
        """Call when Kafka has assigned partitions, changed or not."""

    def on_kept(self, partition: int) -> None:
        """Call when memory and term were kept over a rebalance."""

    def on_recovered(self, records: int, seconds: float) -> None:
        """Call when the state of all newly claimed partitions was read from the changelog."""

    def on_stale(self, records: int) -> None:
        """Call for changelog records of an older writer that were passed over in recovery."""

    def on_resent(self, words: int) -> None:
        """Call for words said again after a recovery, because nobody knows whether they had been said."""

    def on_remembered(self, records: int, size: int) -> None:
        """Call when changelog records were acknowledged; size in bytes of keys and values."""

    def on_said(self, topic: str, records: int, size: int) -> None:
        """Call when output records were acknowledged; size in bytes of keys and values."""

    def on_spoken(self, arrived_ms: list[int]) -> None:
        """Call when words were acknowledged, with the Kafka timestamps (ms) of the records that caused them."""

    def on_unowned(self, records: int) -> None:
        """Call for delivered records of a partition that is not held any more."""

    def on_committable(self, records: int) -> None:
        """Call when source records became durable."""
