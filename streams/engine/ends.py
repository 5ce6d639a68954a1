"""How a worker ends itself: at once, with one line, and an exit code that says whose turn it is."""

import logging
import os
from typing import NoReturn

logger = logging.getLogger(__name__)

LEASE_LOST = 75
"""The process stood still for longer than its lease: another worker may own its partitions by now. Start it again."""

WRITE_FAILED = 76
"""A write was not acknowledged: nothing of that partition may follow it. Start it again."""

BROKEN = 70
"""An assumption of the engine does not hold, or too many events fail inside: somebody has to look."""

REFUSED = 78
"""What stands in Kafka does not fit this worker; the line names the way out. Do not start it again unchanged."""


def end(code: int, sentence: str) -> NoReturn:
    """
    Log one line and end the process without any further write.

    A worker that may not write any more must not run its shutdown either: that would flush and commit.
    """
    logger.critical(sentence)
    for handler in logging.getLogger().handlers:
        handler.flush()
    os._exit(code)
