"""
Parts: the pieces of a condition, each with its type and the function that finds it for a customer.

Law: what is not known (None) makes a comparison false, and what is reckoned from it is not known either. A number
carries the bounds within which it lies, so none can grow beyond measure, and what is true of nobody shows at once.
"""

import operator
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from streams.core.facts import Facts, Kind, Value

LARGEST: Final = 1e300
"""No number may be able to exceed it, so none is ever infinite."""

COMPARE: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq, "!=": operator.ne
}  # fmt: skip
RECKON: Final[dict[str, Callable[[Any, Any], float]]] = {"+": operator.add, "-": operator.sub, "*": operator.mul}


class Part(NamedTuple):
    """
    A piece that was understood: its type, how it is found, where it stands.

    A number lies from `least` to `most`; a text is one of `values`, any if there are none. `literal` is
    what stands there in so many words.
    """

    kind: Kind
    find: Callable[[Facts], Value]
    at: int
    end: int
    least: float = 0
    most: float = 0
    values: tuple[str, ...] = ()
    literal: Value = None

    @property
    def is_number(self) -> bool:
        """Say whether it can be reckoned with."""
        return self.kind in ("int", "float")


def may_hold(left: Part, sign: str, right: Part) -> bool:
    """Say whether two numbers that lie within these bounds can compare so."""
    match sign:
        case "<" | "<=":
            return COMPARE[sign](left.least, right.most)
        case ">" | ">=":
            return COMPARE[sign](left.most, right.least)
        case "==":
            return left.least <= right.most and right.least <= left.most
    return not left.least == left.most == right.least == right.most


def number(value: float, at: int, end: int) -> Part:
    """Make a part of a number that stands in the text."""
    return Part("float" if isinstance(value, float) else "int", always(value), at, end, value, value, literal=value)


def always(value: Value) -> Callable[[Facts], Value]:
    """Find the same for everybody."""
    return lambda _facts: value


def both(first: Callable[[Facts], Any], second: Callable[[Facts], Any]) -> Callable[[Facts], Any]:
    """Ask the second only if the first holds."""
    return lambda facts: first(facts) and second(facts)


def either(first: Callable[[Facts], Any], second: Callable[[Facts], Any]) -> Callable[[Facts], Any]:
    """Ask the second only if the first does not hold."""
    return lambda facts: first(facts) or second(facts)


def compared(compare: Callable[[Any, Any], bool], left: Part, right: Part) -> Callable[[Facts], bool]:
    """Compare; false where one of the two is not known."""
    find, other, literal = left.find, right.find, right.literal
    if literal is not None:
        return lambda facts: (value := find(facts)) is not None and compare(value, literal)
    return lambda facts: (
        (value := find(facts)) is not None and (second := other(facts)) is not None and compare(value, second)
    )


def reckons(
    reckon: Callable[[Any, Any], float], first: Callable[[Facts], Any], second: Callable[[Facts], Any]
) -> Callable[[Facts], float | None]:
    """Reckon; not known where one of the two is not known."""
    return lambda facts: (
        None if (value := first(facts)) is None or (other := second(facts)) is None else reckon(value, other)
    )
