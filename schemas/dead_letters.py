"""What is refused: its own key and value untouched, and headers that say why and where from."""

from typing import Final, Literal

Code = Literal[
    "too_large",
    "malformed",
    "schema",
    "unknown_version",
    "future",
    "past",
    "late",
    "erased",
    "internal",
    "unroutable",
]
"""Why an input was refused: a closed list."""

CODES: Final[dict[Code, str]] = {
    "too_large": "The value is larger than 256 KiB.",
    "malformed": "The value is empty, or is not JSON in UTF-8, or is nested deeper than 256 levels.",
    "schema": "The value is JSON, but not an event of this topic.",
    "unknown_version": "The event is of a schema_version that is not known here.",
    "future": "The event says it happened more than 5 minutes after it reached Kafka.",
    "past": "The event says it happened before the first date that is accepted.",
    "late": "So many newer events of this customer are known that a duplicate could not be told any more.",
    "erased": "The customer has been erased.",
    "internal": "A fault of ours stopped the event; it is kept to be repaired.",
    "unroutable": "The event names no customer, no visitor and is no guest order.",
}
"""What each code means, one sentence each."""

CODE_HEADER: Final = "dlq.error.code"
MESSAGE_HEADER: Final = "dlq.error.message"
TOPIC_HEADER: Final = "dlq.error.topic"
PARTITION_HEADER: Final = "dlq.error.partition"
OFFSET_HEADER: Final = "dlq.error.offset"
TIMESTAMP_HEADER: Final = "dlq.error.timestamp"
APP_VERSION_HEADER: Final = "dlq.error.app.version"
CUT_FROM_HEADER: Final = "dlq.value.cut.from"
"""Only where a value was too large for a record: its full size in bytes; the letter holds the beginning."""
