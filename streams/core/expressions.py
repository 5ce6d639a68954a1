"""
Expressions: the conditions of the catalogue, such as `orders >= 1 and not band in ['critical']`.

Law: a text is either refused with a reason and a column, or it ends: it is bounded and typed, its numbers cannot
grow beyond measure, and it raises nothing for any customer. What is not known makes a comparison false, and `not`
of it true. Nothing of a text is ever run as Python; it becomes functions of ours that call one another.

    or    := and {"or" and}        sum     := product {("+" | "-") product}
    and   := not {"and" not}       product := sign {"*" sign}
    not   := "not" not | chain     sign    := "-" sign | atom
    chain := sum {("<" | "<=" | ">" | ">=" | "==" | "!=") sum} ["in" "[" literal {"," literal} "]"]
    atom  := "(" or ")" | name | literal          literal := ["-"] number | 'text' | "true" | "false"
"""

import operator
from collections.abc import Callable, Collection, Mapping
from difflib import get_close_matches
from typing import Any, Final

from streams.core.facts import FACTS, Facts, Kind, Value, unknown
from streams.core.parts import (
    COMPARE,
    LARGEST,
    RECKON,
    Part,
    always,
    both,
    compared,
    either,
    may_hold,
    number,
    reckons,
)
from streams.core.tokens import KEYWORDS, ExpressionError, Token, refusal, shown, tokens_of

MOST_CHARACTERS: Final = 500
MOST_PARTS: Final = 64
"""Names, literals and signs together."""

DEEPEST: Final = 12
"""How many parentheses, `not` and minus may enclose each other."""

LONGEST_TEXT: Final = 64
MOST_DIGITS: Final = 15
"""Of a number, before and after the point together: whatever has no more is the same number in any program."""

_CALLED: Final[dict[Kind, str]] = {"bool": "a condition", "int": "a number", "float": "a number", "str": "a text"}


class Expression:
    """A condition that was understood; equal texts are equal expressions. `names` are the facts that it asks for."""

    __slots__ = ("holds", "names", "text")

    def __init__(self, text: str, names: frozenset[str], holds: Callable[[Facts], bool]) -> None:
        """Put together what was compiled; `holds` says whether a customer meets the condition."""
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
    if len(text) > MOST_CHARACTERS:
        reason = f"The condition has {len(text)} characters; at most {MOST_CHARACTERS} are allowed."
        raise ExpressionError(reason, MOST_CHARACTERS + 1)
    parser = _Parser(text, {} if segments is None else {"segment": tuple(segments)})
    return Expression(text, *parser.condition())


class _Parser:
    """Reads one text from left to right, checks types as it goes, and builds the functions that find the parts."""

    def __init__(self, text: str, values: Mapping[str, tuple[str, ...]]) -> None:
        """Cut the text into words; `values` are what texts may be beyond what FACTS says of them."""
        self._text, self._values = text, values
        self._tokens = tokens_of(text)
        self._next = self._parts = self._depth = 0
        self._names: set[str] = set()

    def condition(self) -> tuple[frozenset[str], Callable[[Facts], bool]]:
        """Read the whole text as a condition."""
        if self._peek.kind == "end":
            raise refusal("The condition is empty; leave the field out if everybody is meant.", self._peek)
        part = self._or()
        token = self._peek
        if token.kind != "end":
            self._refuse_capitals(token)
            if token.text == "not":
                raise refusal("Not stands before what it denies, as in: not band in ['critical'].", token)
            raise refusal(f"{shown(token.text)} does not fit here; the condition ended before it.", token)
        self._expect(part, "bool")
        return frozenset(self._names), part.find  # type: ignore[return-value]  # a condition finds a bool

    @property
    def _peek(self) -> Token:
        return self._tokens[self._next]

    @property
    def _end(self) -> int:
        """Say where the word ends that was taken last."""
        token = self._tokens[self._next - 1]
        return token.at + len(token.text)

    def _take(self, *texts: str) -> Token | None:
        """Take the next word if it is one of these, a sign or a keyword."""
        token = self._peek
        if token.text not in texts or token.kind == "text":
            return None
        self._next += 1
        return token

    def _count(self, token: Token) -> None:
        self._parts += 1
        if self._parts > MOST_PARTS:
            raise refusal(f"The condition has more than {MOST_PARTS} parts; make it simpler.", token)

    def _inside(self, token: Token, read: Callable[[], Part]) -> Part:
        """Read what stands within a parenthesis, a `not` or a minus."""
        self._count(token)
        self._depth += 1
        if self._depth > DEEPEST:
            raise refusal(f"The condition is nested more than {DEEPEST} deep; make it simpler.", token)
        part = read()
        self._depth -= 1
        return part

    def _or(self) -> Part:
        return self._joined("or", lambda: self._joined("and", self._not, both), either)

    def _joined(self, word: str, read: Callable[[], Part], join: Callable[[Any, Any], Any]) -> Part:
        parts = [read()]
        while (token := self._take(word)) is not None:
            self._count(token)
            parts.append(read())
        if len(parts) == 1:
            return parts[0]
        for part in parts:
            self._expect(part, "bool")
        find = parts[-1].find
        for part in reversed(parts[:-1]):
            find = join(part.find, find)
        return Part("bool", find, parts[0].at, parts[-1].end)

    def _not(self) -> Part:
        token = self._take("not")
        if token is None:
            return self._chain()
        part = self._inside(token, self._not)
        self._expect(part, "bool")
        find = part.find
        return Part("bool", lambda facts: not find(facts), token.at, part.end)

    def _chain(self) -> Part:
        left = first = self._sum()
        links: list[Callable[[Facts], Value]] = []
        while (sign := self._take(*COMPARE)) is not None:
            self._count(sign)
            right = self._sum()
            links.append(self._comparison(left, sign, right))
            left = right
        if (token := self._take("in")) is not None:
            self._count(token)
            links.append(self._membership(left))
        if not links:
            return first
        find = links[-1]
        for link in reversed(links[:-1]):
            find = both(link, find)
        return Part("bool", find, first.at, self._end)

    def _comparison(self, left: Part, sign: Token, right: Part) -> Callable[[Facts], bool]:
        if not (left.kind == right.kind or (left.is_number and right.is_number)):
            reason = f"{self._says(left)} and {self._says(right)}; only like can be compared with like."
            raise refusal(reason, sign)
        if sign.text not in ("==", "!=") and not left.is_number:
            raise refusal(f"{self._says(left)}, and there is no order among these; use == or !=.", sign)
        self._check(left, sign.text, right)
        return compared(COMPARE[sign.text], left, right)

    def _membership(self, left: Part) -> Callable[[Facts], bool]:
        opening = self._take("[")
        if opening is None:
            raise refusal("After in comes a list, as in: band in ['high', 'critical'].", self._peek)
        if left.kind == "bool":
            raise refusal(f"{self._says(left)}; in needs a number or a text before it.", opening)
        chosen: set[Value] = set()
        while True:
            item = self._literal()
            if not (left.kind == item.kind or (left.is_number and item.is_number)):
                raise refusal(f"{self._says(left)}, but {self._says(item)}.", self._at(item))
            self._check(left, "==", item)
            chosen.add(item.literal)
            if self._take("]") is not None:
                break
            if self._take(",") is None:
                raise refusal("The list goes on with a comma, or ends with ].", self._peek)
        find, members = left.find, frozenset(chosen)
        return lambda facts: find(facts) in members

    def _sum(self) -> Part:
        return self._reckoned(("+", "-"), lambda: self._reckoned(("*",), self._sign))

    def _reckoned(self, signs: tuple[str, ...], read: Callable[[], Part]) -> Part:
        left = read()
        while (sign := self._take(*signs)) is not None:
            self._count(sign)
            right = read()
            self._expect(left, "float")
            self._expect(right, "float")
            reckon = RECKON[sign.text]
            ends = [reckon(a, b) for a in (left.least, left.most) for b in (right.least, right.most)]
            if max(map(abs, ends)) > LARGEST:
                raise refusal("This could grow beyond measure; multiply fewer numbers.", sign)
            kind: Kind = "int" if left.kind == right.kind == "int" else "float"
            left = Part(kind, reckons(reckon, left.find, right.find), left.at, right.end, min(ends), max(ends))
        return left

    def _sign(self) -> Part:
        token = self._take("-")
        if token is None:
            return self._atom()
        part = self._inside(token, self._sign)
        self._expect(part, "float")
        if part.literal is not None:
            return number(-part.literal, token.at, part.end)  # type: ignore[operator]  # a number, as expected
        find = reckons(operator.sub, always(0), part.find)
        return Part(part.kind, find, token.at, part.end, -part.most, -part.least)

    def _atom(self) -> Part:
        opening = self._take("(")
        if opening is not None:
            part = self._inside(opening, self._or)
            if self._take(")") is None:
                raise refusal("The parenthesis that was opened is not closed here.", self._peek)
            return part._replace(at=opening.at, end=self._end)
        token = self._peek
        if token.kind == "word" and token.text not in KEYWORDS:
            return self._name(token)
        return self._literal(minus=False)

    def _refuse_capitals(self, token: Token) -> None:
        if token.text.lower() in KEYWORDS and token.text not in KEYWORDS:
            raise refusal(f"Write {token.text.lower()} in small letters.", token)

    def _name(self, token: Token) -> Part:
        self._refuse_capitals(token)
        self._next += 1
        self._count(token)
        name = token.text
        if self._peek.text == "(":
            raise refusal(f"{shown(name)} is called here, but there are no functions.", token)
        fact = FACTS.get(name)
        if fact is None:
            raise refusal(unknown(name), token)
        self._names.add(name)
        values = self._values.get(name, fact.values)
        find = operator.itemgetter(name)
        return Part(fact.kind, find, token.at, token.at + len(name), fact.least, fact.most, values)

    def _literal(self, *, minus: bool = True) -> Part:
        token = self._peek
        if minus and self._take("-") is not None:
            part = self._inside(token, lambda: self._literal(minus=False))
            self._expect(part, "float")
            return number(-part.literal, token.at, part.end)  # type: ignore[operator]  # a number, as expected
        if token.kind == "end":
            raise refusal("The condition ends too early; a name, a number or a text is missing.", token)
        if token.kind not in ("number", "text") and token.text not in ("true", "false"):
            raise refusal(f"A name, a number or a text is missing before {shown(token.text)}.", token)
        self._next += 1
        self._count(token)
        end = token.at + len(token.text)
        if token.kind == "word":
            truth = token.text == "true"
            return Part("bool", always(truth), token.at, end, literal=truth)
        if token.kind == "text":
            if len(token.text) - 2 > LONGEST_TEXT:
                raise refusal(f"A text has at most {LONGEST_TEXT} characters.", token)
            return Part("str", always(token.text[1:-1]), token.at, end, literal=token.text[1:-1])
        if len(token.text.replace(".", "")) > MOST_DIGITS:
            raise refusal(f"A number has at most {MOST_DIGITS} digits.", token)
        return number(float(token.text) if "." in token.text else int(token.text), token.at, end)

    def _expect(self, part: Part, kind: Kind) -> None:
        if kind == "bool" and part.kind != "bool":
            reason = f"{self._says(part)}; a condition compares it with something, as in: orders >= 1."
            raise refusal(reason, self._at(part))
        if kind == "float" and not part.is_number:
            raise refusal(f"{self._says(part)}; only numbers can be reckoned with.", self._at(part))

    def _check(self, left: Part, sign: str, right: Part) -> None:
        """Refuse a comparison that is true of nobody: a text that does not occur, a number out of reach."""
        if left.is_number:
            if not may_hold(left, sign, right):
                named, other = (right, left) if left.literal is not None else (left, right)
                reach = f", for {self._source(named)} lies from {named.least:g} to {named.most:g}"
                reach = "" if named.literal is not None else reach
                raise refusal(f"This is true of nobody{reach}.", self._at(other))
            return
        for known, said in ((left, right), (right, left)):
            if known.values and said.literal is not None and said.literal not in known.values:
                near = get_close_matches(str(said.literal), known.values, n=1)
                ask = f"did you mean {shown(near[0])}?" if near else f"it is one of {', '.join(known.values)}."
                raise refusal(f"{self._source(known)} is never {shown(str(said.literal))}; {ask}", self._at(said))

    def _source(self, part: Part) -> str:
        return shown(self._text[part.at : part.end])

    def _says(self, part: Part) -> str:
        return f"{self._source(part)} is {_CALLED[part.kind]}"

    def _at(self, part: Part) -> Token:
        return Token("", "", part.at)
