"""
Expressions: the conditions of the catalogue, such as `orders >= 1 and not band in ['critical']`.

Law: a text is either refused with a reason and a column, or it ends: it is bounded, typed, and evaluating it
raises nothing for any customer. What is not known makes a comparison false, and `not` of it true.
"""

from collections.abc import Callable, Collection
from typing import Final

from streams.core.facts import Facts

MOST_CHARACTERS: Final = 500
MOST_PARTS: Final = 64
DEEPEST: Final = 12


class ExpressionError(Exception):
    """A condition that cannot be used: the reason, one sentence, and the column, from 1, at which it shows."""

    def __init__(self, reason: str, column: int) -> None:
        """Say why, and where."""
        super().__init__(f"column {column}: {reason}")
        self.reason, self.column = reason, column


class Expression:
    """A condition that was understood; equal texts are equal expressions. `names` are the facts that it asks for."""

    __slots__ = ("holds", "names", "text")

    def __init__(self, text: str, names: frozenset[str], holds: Callable[[Facts], bool]) -> None:
        """Put together what was compiled; `holds` says whether the condition is met by the facts of a customer."""
        self.text, self.names, self.holds = text, names, holds

    def __eq__(self, other: object) -> bool:
        """Compare by text."""
        return isinstance(other, Expression) and self.text == other.text

    def __hash__(self) -> int:
        """Hash by text."""
        return hash(self.text)

    def __repr__(self) -> str:
        """Show the text."""
        return f"Expression({self.text!r})"


def compile_expression(text: str, segments: Collection[str] | None = None) -> Expression:
    """Understand a condition; raise ExpressionError. With `segments` a segment's name must be one of these."""
    raise NotImplementedError
