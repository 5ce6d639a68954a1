"""A condition is understood or refused with a reason and a column, and asked of a customer it always answers."""

import ast
import operator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import BANDS
from streams.core import expressions, parts, tokens
from streams.core.expressions import (
    DEEPEST,
    MOST_CHARACTERS,
    MOST_PARTS,
    Expression,
    ExpressionError,
    compile_expression,
)
from streams.core.facts import FACTS, Facts, Value
from tests.core.stance_drawn import customers

HANDBOOK = Path(__file__).parents[2] / "deploy" / "catalogue.md"
SIGNS: dict[str, Any] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq, "!=": operator.ne,
    "+": operator.add, "-": operator.sub, "*": operator.mul,
}  # fmt: skip
NUMBERS = [name for name, fact in FACTS.items() if fact.kind in ("int", "float")]
TEXTS = [name for name, fact in FACTS.items() if fact.kind == "str"]
TRUTHS = [name for name, fact in FACTS.items() if fact.kind == "bool"]


class Known(Facts):
    """Facts that are simply given; what is not given is not known."""

    def __init__(self, known: dict[str, Value]) -> None:
        self.update(known)

    def __missing__(self, name: str) -> Value:
        return None


def holds(text: str, **known: Value) -> bool:
    """Ask a condition of a customer of whom this is known; a double underscore stands for a dot."""
    return compile_expression(text).holds(Known({name.replace("__", "."): value for name, value in known.items()}))


def refused(text: str) -> tuple[int, str]:
    """Say why, and at which column, a text is refused."""
    with pytest.raises(ExpressionError) as caught:
        compile_expression(text)
    return caught.value.column, caught.value.reason


def tried(text: str) -> Expression | ExpressionError:
    """Say what becomes of a text."""
    try:
        return compile_expression(text)
    except ExpressionError as error:
        return error


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("orders >= 1 and not band in ['critical']", {"orders": 1, "band": "high"}),
        ("1 <= orders < 5", {"orders": 4}),
        ("1 < orders in [2, 3]", {"orders": 2}),
        ("orders == 2 or orders == 3 and loyalty", {"orders": 2, "loyalty": False}),
        ("not loyalty and orders > 0", {"loyalty": False, "orders": 1}),
        ("not (loyalty and orders > 0)", {"loyalty": True, "orders": 0}),
        ("orders + 2 * cart == 7", {"orders": 1, "cart": 3}),
        ("orders - 1 - 1 == 1", {"orders": 3}),
        ("-orders < -1", {"orders": 2}),
        ("revenue_minor > 1.5 * average_order_minor", {"revenue_minor": 301, "average_order_minor": 200}),
        ("risk in [0, 0.5]", {"risk": 0.5}),
        ("orders in [-1, 2]", {"orders": -1}),
        ('stage == "buying"', {"stage": "buying"}),
        ("loyalty == is_anonymous", {"loyalty": False, "is_anonymous": False}),
        ("windows.d7.orders\n>= 1", {"windows__d7__orders": 1}),
    ],
)
def test_a_condition_means_what_it_says(text: str, known: dict[str, Value]) -> None:
    """And binds before or, comparisons before not, and times before plus."""
    assert holds(text, **known)
    assert not holds(f"not ({text})", **known)


@pytest.mark.parametrize(
    "text",
    [
        "last_survey.nps <= 10", "last_survey.nps >= 0", "last_survey.nps != 3", "language == language",
        "language != 'en'", "band in ['low', 'medium', 'high', 'critical']", "days_since_order + 1 > 0",
        "-days_since_order <= 0", "orders >= last_survey.nps", "last_survey.nps <= orders", "0 <= complaint_days",
    ],
)  # fmt: skip
def test_what_is_not_known_makes_a_comparison_false(text: str) -> None:
    """And `not` of it true, whichever way the comparison goes."""
    assert not holds(text, orders=1)
    assert holds(f"not {text}", orders=1)


@pytest.mark.parametrize(
    ("text", "column", "reason"),
    [
        ("oders > 1", 1, "There is no 'oders'; did you mean 'orders'?"),
        ("cart > 0 and windows.7d.orders > 1", 14,
         "There is no 'windows.7d.orders'; did you mean 'windows.d7.orders'?"),
        ("reviews > 2", 1, "There is no 'reviews'; did you mean 'participation.reviews'?"),
        ("participation > 1", 1, "'participation' is a group of names; write one of them, for example "
                                 "'participation.reviews'."),
        ("xyzzy > 1", 1, "There is no 'xyzzy' among the names of facts."),
        ("language == none", 13, "There is no 'none'; what is not known makes a comparison false, and not of it true."),
        ("orders = 1", 8, "Equal is written ==."),
        ("orders > 1 && cart > 0", 12, "Write and."),
        ("orders / 2 > 1", 8, "There is no division; multiply the other side instead."),
        ("orders > 1 AND cart > 0", 12, "Write and in small letters."),
        ("orders > 1 and NOT loyalty", 16, "Write not in small letters."),
        ("orders > 1; cart > 0", 11, "';' has no meaning in a condition."),
        ("stage == 'buying", 10, "The text that begins here has no closing quote."),
        ("orders", 1, "'orders' is a number; a condition compares it with something, as in: orders >= 1."),
        ("loyalty and orders", 13, "'orders' is a number; a condition compares it with something, as in: orders >= 1."),
        ("not cart", 5, "'cart' is a number; a condition compares it with something, as in: orders >= 1."),
        ("orders > '1'", 8, "'orders' is a number and ''1'' is a text; only like can be compared with like."),
        ("loyalty == 1", 9, "'loyalty' is a condition and '1' is a number; only like can be compared with like."),
        ("orders == true", 8, "'orders' is a number and 'true' is a condition; only like can be compared with like."),
        ("stage > 'buying'", 7, "'stage' is a text, and there is no order among these; use == or !=."),
        ("orders + stage > 1", 10, "'stage' is a text; only numbers can be reckoned with."),
        ("-loyalty", 2, "'loyalty' is a condition; only numbers can be reckoned with."),
        ("stage in ['buying', 3]", 21, "'stage' is a text, but '3' is a number."),
        ("loyalty in [true]", 12, "'loyalty' is a condition; in needs a number or a text before it."),
        ("band not in ['high']", 6, "Not stands before what it denies, as in: not band in ['critical']."),
        ("band in 'high'", 9, "After in comes a list, as in: band in ['high', 'critical']."),
        ("band in []", 10, "A name, a number or a text is missing before ']'."),
        ("orders in [cart]", 12, "A name, a number or a text is missing before 'cart'."),
        ("orders in [1 2]", 14, "The list goes on with a comma, or ends with ]."),
        ("band == 'hihg'", 9, "'band' is never 'hihg'; did you mean 'high'?"),
        ("stage in ['zzz']", 11, "'stage' is never 'zzz'; it is one of discovering, considering, buying, returning, "
                                  "advocating."),
        ("risk > 50", 8, "This is true of nobody, for 'risk' lies from 0 to 1."),
        ("last_survey.nps in [9, 11]", 24, "This is true of nobody, for 'last_survey.nps' lies from 0 to 10."),
        ("1 > 2", 1, "This is true of nobody."),
        ("len(cart) > 1", 1, "'len' is called here, but there are no functions."),
        ("orders > 1 cart", 12, "'cart' does not fit here; the condition ended before it."),
        ("(orders > 1", 12, "The parenthesis that was opened is not closed here."),
        ("orders >= 1 or", 15, "The condition ends too early; a name, a number or a text is missing."),
        ("orders >= )", 11, "A name, a number or a text is missing before ')'."),
        (" ", 2, "The condition is empty; leave the field out if everybody is meant."),
        ("orders > 1234567890123456", 10, "A number has at most 15 digits."),
        (f"language == '{'x' * 65}'", 13, "A text has at most 64 characters."),
        ("__import__('os')", 1, "'__import__' is called here, but there are no functions."),
        ("orders.__class__ == 1", 1, "There is no 'orders.__class__' among the names of facts."),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_at_its_column(text: str, column: int, reason: str) -> None:
    """One sentence, with the nearest name that is known."""
    assert (column, reason) == refused(text)


@pytest.mark.parametrize(
    ("beyond", "at_the_edge"),
    [
        ("risk < 0", "risk < 0.1"), ("risk <= -1", "risk <= 0"), ("risk > 1", "risk > 0.9"), ("risk >= 2", "risk >= 1"),
        ("risk == 2", "risk == 1"), ("2 == risk", "0 == risk"), ("1 != 1", "1 != cart"), ("-risk > 0", "-risk >= 0"),
        ("risk * -2 < -2", "risk * -2 <= -2"), ("risk + risk - cart > 2", "risk + risk - cart >= 2"),
    ],
)  # fmt: skip
def test_what_is_true_of_nobody_is_refused(beyond: str, at_the_edge: str) -> None:
    """By the bounds of what is compared; what may be true of somebody is not."""
    compile_expression(at_the_edge)

    assert refused(beyond)[1].startswith("This is true of nobody")


def test_a_segment_must_be_one_of_the_catalogue() -> None:
    """Where the segments are known a name that is none of them is refused."""
    assert compile_expression("segment == 'regulars'", ["regulars", "rest"]).names == {"segment"}
    with pytest.raises(ExpressionError, match="'segment' is never 'regular'; did you mean 'regulars'"):
        compile_expression("segment == 'regular'", ["regulars", "rest"])


@pytest.mark.parametrize(
    ("fits", "beyond", "reason"),
    [
        ("loyalty".ljust(MOST_CHARACTERS), "loyalty".ljust(MOST_CHARACTERS + 1),
         "The condition has 501 characters; at most 500 are allowed."),
        (f"{'cart+' * (MOST_PARTS // 2 - 2)}-1>1", f"{'cart+' * (MOST_PARTS // 2 - 1)}1>1",
         "The condition has more than 64 parts; make it simpler."),
        (f"{'(' * DEEPEST}loyalty{')' * DEEPEST}", f"{'(' * (DEEPEST + 1)}loyalty{')' * (DEEPEST + 1)}",
         "The condition is nested more than 12 deep; make it simpler."),
        (f"{'not ' * DEEPEST}loyalty", f"{'not ' * (DEEPEST + 1)}loyalty",
         "The condition is nested more than 12 deep; make it simpler."),
        (f"{'orders*' * 14}orders > 1", f"{'orders*' * 15}orders > 1",
         "This could grow beyond measure; multiply fewer numbers."),
    ],
)  # fmt: skip
def test_a_condition_is_bounded(fits: str, beyond: str, reason: str) -> None:
    """In length, in parts, in depth, and in what its numbers can become."""
    compile_expression(fits)

    assert reason == refused(beyond)[1]


def test_depth_counts_only_what_encloses() -> None:
    """What stands beside each other is as deep as one of it."""
    compile_expression(" or ".join(["(not loyalty)"] * 12))


@given(st.one_of(st.text(max_size=60), st.lists(st.sampled_from(
    [*SIGNS, "(", ")", "[", "]", ",", "and", "or", "not", "in", "true", "1", "0.5", "'high'", "orders", "band", "cart"]
), max_size=30).map(" ".join)))  # fmt: skip
@settings(max_examples=200)
def test_any_text_is_understood_or_refused(text: str) -> None:
    """Nothing but an ExpressionError is ever raised, with a column within the text or right behind it."""
    found = tried(text)
    if isinstance(found, ExpressionError):
        assert 1 <= found.column <= len(text) + 1
        assert found.reason.endswith((".", "?"))


@st.composite
def number_terms(draw: st.DrawFn, depth: int = 2) -> tuple[str, Any]:
    """Draw a number: its text, and a tree for the plain reading."""
    if depth == 0 or draw(st.booleans()):
        name = draw(st.sampled_from([*NUMBERS, "0", "1", "2", "0.25"]))
        return name, (name,)
    sign = draw(st.sampled_from("+-*"))
    (left, a), (right, b) = draw(number_terms(depth - 1)), draw(number_terms(depth - 1))
    return f"({left} {sign} {right})", (sign, a, b)


@st.composite
def conditions(draw: st.DrawFn, depth: int = 3) -> tuple[str, Any]:
    """Draw a condition: its text, and a tree for the plain reading."""
    kind = draw(st.sampled_from(("number", "text", "truth") + ("and", "or", "not") * (depth > 0)))
    if kind == "not":
        text, tree = draw(conditions(depth - 1))
        return f"not ({text})", ("not", tree)
    if kind in ("and", "or"):
        (left, a), (right, b) = draw(conditions(depth - 1)), draw(conditions(depth - 1))
        return f"({left}) {kind} ({right})", (kind, a, b)
    if kind == "truth":
        name = draw(st.sampled_from(TRUTHS))
        return name, (name,)
    if kind == "text":
        name = draw(st.sampled_from(TEXTS))
        values = draw(st.sets(st.sampled_from(FACTS[name].values or ("en", "loyal")), min_size=1, max_size=2))
        return f"{name} in {sorted(values)}", ("in", (name,), values)
    sign = draw(st.sampled_from(("<", "<=", ">", ">=", "==", "!=")))
    (left, a), (right, b) = draw(number_terms()), draw(number_terms())
    return f"{left} {sign} {right}", (sign, a, b)


def read_plainly(tree: Any, facts: Facts) -> Any:
    """Read a tree as the handbook says, part by part; None is not known."""
    match tree:
        case (name,):
            return facts[name] if name in FACTS else float(name) if "." in name else int(name)
        case ("not", one):
            return not read_plainly(one, facts)
        case ("and", one, other):
            return read_plainly(one, facts) and read_plainly(other, facts)
        case ("or", one, other):
            return read_plainly(one, facts) or read_plainly(other, facts)
        case ("in", one, values):
            return read_plainly(one, facts) in values
    sign, a, b = tree[0], read_plainly(tree[1], facts), read_plainly(tree[2], facts)
    if a is None or b is None:
        return None if sign in "+-*" else False
    return SIGNS[sign](a, b)


@given(conditions(), customers())
@settings(max_examples=150)
def test_every_condition_is_answered_for_every_customer(drawn: tuple[str, Any], facts: Facts) -> None:
    """It says yes or no, the same as reading it part by part, whatever is known or not known."""
    text, tree = drawn
    expression = tried(text)
    if isinstance(expression, ExpressionError):
        assert expression.reason.startswith(("This is true of nobody", "The condition has"))
        return

    assert expression.holds(facts) is read_plainly(tree, facts)
    assert expression.names == {name for name in FACTS if name in text.replace("(", " ").replace(")", " ").split()}


def test_only_what_is_asked_for_is_found() -> None:
    """And what the first part of an `and` settles is not asked further."""
    asked: list[str] = []

    class Watched(Known):
        def __missing__(self, name: str) -> Value:
            asked.append(name)
            return None

    compile_expression("orders > 1 and cart > 0").holds(Watched({}))

    assert ["orders"] == asked
    compile_expression("not orders > 1 or cart > 0").holds(Watched({}))
    assert ["orders", "orders"] == asked


def test_equal_texts_are_equal_conditions() -> None:
    """A catalogue that was read twice is the same catalogue."""
    assert compile_expression("loyalty") == compile_expression("loyalty") != compile_expression("not loyalty")
    assert 1 == len({compile_expression("loyalty"), compile_expression("loyalty")})


@pytest.mark.parametrize("module", [expressions, parts, tokens])
def test_no_text_is_run_as_python(module: Any) -> None:
    """The modules that read conditions call none of the doors to the interpreter."""
    tree = ast.parse(Path(module.__file__).read_text())
    called = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}

    assert set() == called & {"eval", "exec", "compile", "getattr", "__import__"}


def conditions_of_handbook() -> str:
    """Read the section on conditions."""
    return HANDBOOK.read_text().partition("## Conditions")[2].partition("\n## ")[0]


def row(name: str) -> str:
    """Say a fact as the handbook's table does."""
    fact = FACTS[name]
    kind = {"bool": "yes or no", "int": "whole number", "float": "number", "str": "text"}[fact.kind]
    values = " ".join(f"`{value}`" for value in fact.values)
    reach = f"{fact.least} to {fact.most}" if fact.most and fact.most < 1000 else ""
    return f"| `{name}` | {kind} | {values or reach} | {fact.meaning} |"


def test_the_handbook_names_every_fact() -> None:
    """The table for those who write conditions is the table that the conditions are read by."""
    told = [line for line in conditions_of_handbook().splitlines() if line.startswith("| `") and line.count(" | ") == 3]

    assert [row(name) for name in FACTS] == told


def test_the_examples_of_the_handbook_are_conditions() -> None:
    """Whoever copies one from there may use it."""
    examples = [
        line for block in conditions_of_handbook().split("```")[1::2] for line in block.splitlines()[1:] if line.strip()
    ]
    examples = [one.removeprefix("when = ").strip('"') for one in examples]

    assert 5 <= len(examples)
    assert [] == [one for one in examples if not compile_expression(one.partition("#")[0]).names]


def test_bands_are_the_contract_s() -> None:
    """What a band may be is said once."""
    assert BANDS == FACTS["band"].values
