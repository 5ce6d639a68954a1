"""How customers are reached, and what for: the words of consents, of the catalogue and of what comes back."""

from typing import Final, Literal

ContactChannel = Literal["email", "push", "sms", "web", "app", "post", "phone", "staff"]
CONTACT_CHANNELS: Final[tuple[ContactChannel, ...]] = ("email", "push", "sms", "web", "app", "post", "phone", "staff")
"""The index is the number that records keep. Append only, at most 28."""

Purpose = Literal["service", "relation", "marketing"]
PURPOSES: Final[tuple[Purpose, ...]] = ("service", "relation", "marketing")
"""The index is the number that records keep. Append only, at most 8."""
