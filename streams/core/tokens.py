"""
Tokens: the words of a condition, each with the column at which it begins.

Law: any text is cut into words or refused with a reason and a column; a word is no longer than the text.
"""

import re
from typing import Final, NamedTuple

KEYWORDS: Final = ("and", "or", "not", "in", "true", "false")

_TOKEN: Final = re.compile(
    r"""[ \t\r\n]*(?:
    (?P<number>\d+(?:\.\d+)?) | (?P<text>'[^'\n]*'|"[^"\n]*") | (?P<word>[A-Za-z_]\w*(?:\.\w+)*)
    | (?P<sign><=|>=|==|!=|[-<>+*()\[\],]) | (?P<end>\Z) | (?P<other>.))""",
    re.ASCII | re.VERBOSE | re.DOTALL,
)
_HINTS: Final = {
    "=": "Equal is written ==.",
    "!": "Not is written not, and unequal !=.",
    "&": "Write and.",
    "|": "Write or.",
    "/": "There is no division; multiply the other side instead.",
    "'": "The text that begins here has no closing quote.",
    '"': "The text that begins here has no closing quote.",
}


class ExpressionError(Exception):
    """A condition that cannot be used: the reason, one sentence, and the column, from 1, at which it shows."""

    def __init__(self, reason: str, column: int) -> None:
        """Say why, and where."""
        super().__init__(f"column {column}: {reason}")
        self.reason, self.column = reason, column


class Token(NamedTuple):
    """A word of the text, its kind (`end` after the last) and where it begins."""

    kind: str
    text: str
    at: int


def tokens_of(text: str) -> list[Token]:
    """Cut a text into words, the last of which is its end; raise ExpressionError where none fits."""
    tokens = []
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or "end"
        token = Token(kind, match.group(kind), match.start(kind))
        if kind == "other":
            hint = _HINTS.get(token.text, f"{shown(token.text)} has no meaning in a condition.")
            raise refusal(hint, token)
        tokens.append(token)
        if kind == "end":
            break
    return tokens


def refusal(reason: str, token: Token) -> ExpressionError:
    """Make the error that shows at a word."""
    return ExpressionError(reason, token.at + 1)


def shown(text: str) -> str:
    """Quote a piece of the text, shortened."""
    return f"'{text}'" if len(text) <= 40 else f"'{text[:39]}…'"
