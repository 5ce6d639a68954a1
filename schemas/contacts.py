"""How customers are reached, and what for: the words of consents, of the catalogue and of what comes back."""

from typing import Annotated, Final, Literal

from msgspec import Meta

ContactChannel = Literal["email", "push", "sms", "web", "app", "post", "phone", "staff"]
CONTACT_CHANNELS: Final[tuple[ContactChannel, ...]] = ("email", "push", "sms", "web", "app", "post", "phone", "staff")
"""The index is the number that records keep. Append only, at most 28."""

Purpose = Literal["service", "relation", "marketing"]
PURPOSES: Final[tuple[Purpose, ...]] = ("service", "relation", "marketing")
"""The index is the number that records keep. Append only, at most 8."""

ActionName = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=48,
        description="An action's name in the catalogue: 1 to 48 printable ASCII characters without blanks.",
        extra_json_schema={"pattern": "^[!-~]+$", "not": {"pattern": "[^!-~]"}},
        extra={"characters": "id"},
    ),
]
