"""The roster of topics: every topic's name, what it is for, and how it is made.

All topics but two have the same number of partitions, and one customer's events, record and signals have the same
number. What the model is learned from, and the model, are one log each.
"""

from typing import Final, Literal

import msgspec

from schemas import SOURCES
from streams.settings import Settings

OUTPUTS: Final = ("churn-risk", "next-best-actions", "customers")
"""Topics that records speak to; the index is the *output number* that records keep. Append only."""

DOCUMENTS: Final = OUTPUTS.index("customers")
DEAD_LETTERS: Final = "dead-letters"
REROUTED: Final = "rerouted"
TABLE: Final = "engagement"
LABELS: Final = "labels"
MODELS: Final = "models"
CATALOGUES: Final = "catalogues"
LOGS: Final = (LABELS, MODELS, CATALOGUES)
"""Topics with one partition, whatever is set."""

DAY_MS: Final = 86_400_000
SEGMENT_BYTES: Final = 32 << 20
"""Only what lies before a log's last segment is compacted, and a worker that starts reads all that is not."""

BIG_RECORD: Final = 2 << 20
"""A dead letter holds the largest record that a default broker accepts uncompressed, and its headers."""

LETTER_BYTES: Final = BIG_RECORD - (64 << 10)
"""A refused value that is larger (it came compressed) is cut: a letter that cannot be sent would stop every worker."""


class Topic(msgspec.Struct, frozen=True):
    """One topic: its role, its number of partitions, and the settings it is created with."""

    name: str
    role: Literal["in", "out", "internal"]
    partitions: int
    config: dict[str, str]


def roster(settings: Settings) -> list[Topic]:
    """List every topic of an installation, sources first."""
    many = settings.partitions
    deleted = {"cleanup.policy": "delete"}
    compacted = {"cleanup.policy": "compact", "segment.bytes": str(SEGMENT_BYTES), "min.cleanable.dirty.ratio": "0.2"}
    week, month = {"retention.ms": str(7 * DAY_MS)}, {"retention.ms": str(30 * DAY_MS)}
    return [
        *[Topic(full_name(settings, name), "in", many, deleted | month) for name in SOURCES],
        *[
            Topic(full_name(settings, name), "out", many, compacted if name == "customers" else deleted | month)
            for name in OUTPUTS
        ],
        Topic(
            full_name(settings, DEAD_LETTERS),
            "out",
            many,
            deleted | {"retention.ms": str(14 * DAY_MS), "max.message.bytes": str(BIG_RECORD)},
        ),
        Topic(full_name(settings, REROUTED), "internal", many, deleted | week),
        *[
            Topic(full_name(settings, name), "internal", 1, deleted | month if name == LABELS else compacted)
            for name in LOGS
        ],
        Topic(changelog(settings), "internal", many, compacted),
    ]


def full_name(settings: Settings, name: str) -> str:
    """A topic's name with the configured prefix."""
    return settings.topic_prefix + name


def group(settings: Settings) -> str:
    """The consumer group; two installations on one cluster differ by prefix or by app id."""
    return settings.topic_prefix + settings.app_id


def changelog(settings: Settings) -> str:
    """The topic that holds all state."""
    return f"{group(settings)}-{TABLE}-changelog"
