"""The published schema of the catalogue says of single tables what the check says."""

import json
import tomllib
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from schemas.generate import FOLDER
from streams.core.catalogue import CatalogueError, parse

SHIPPED = Path(__file__).parents[2] / "streams" / "core" / "catalogue.toml"
VALIDATOR = Draft202012Validator(json.loads((FOLDER / "catalogue.schema.json").read_text(encoding="utf-8")))


def as_json(text: str) -> Any:
    """Read TOML as editors hand it to a validator: instants are texts."""
    return json.loads(json.dumps(tomllib.loads(text), default=datetime.isoformat))


def test_the_shipped_catalogue_is_valid() -> None:
    """An editor that knows the schema underlines nothing."""
    assert [] == [error.message for error in VALIDATOR.iter_errors(as_json(SHIPPED.read_text(encoding="utf-8")))]


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("cooldown_s = 259200", "cooldown_s = -1"),
        ("cooldown_s = 259200", ""),
        ("cooldown_s = 259200", "cooldown_s = 259200\ncolour = 'red'"),
        ('name = "cart_reminder"', 'name = "Cart Reminder"'),
        ('channel = "email"', 'channel = "fax"'),
        ("[channels.post]", "[channels.fax]"),
        ("[moments.win_back]", "[moments.full_moon]"),
        ("prior = [5, 95]", "prior = [5, 0]"),
        ("prior = [5, 95]", "prior = [5]"),
        ("push = 120", "push = 3"),
        ("bonus = 0.5", "bonus = 0"),
        ("loyal = { orders = 3 }", "loyal = { orders = 0 }"),
        ("loyal = { orders = 3 }", "loyal = { orders = 3 }\nfifth = { orders = 2 }"),
        ('from = "21:00"', 'from = "9 pm"'),
    ],
)
def test_schema_and_check_refuse_the_same(right: str, wrong: str) -> None:
    """A slip within one table is seen by the editor already."""
    text = SHIPPED.read_text(encoding="utf-8").replace(right, wrong, 1)

    assert not VALIDATOR.is_valid(as_json(text))
    with pytest.raises(CatalogueError):
        parse(text)
