"""Builders: a small shop's past as a table in any form, and the published sets where they are."""

import json
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from streams.evaluate.history import History
from streams.evaluate.reading import read_history

PUBLISHED = Path(__file__).parents[3] / "shared" / "data"
START = datetime(2026, 1, 5, 9, tzinfo=UTC)
WEEKS = 26

Row = dict[str, Any]


def row(customer: Any = "c1", day: int = 0, value: Any = 1000, **fields: Any) -> Row:
    """One row of a table; what is not said is usual."""
    at = (START + timedelta(days=day)).isoformat()
    return {"customer_id": customer, "occurred_at": at, "value_minor": value} | fields


def shop(customers: int = 120, seed: int = 1) -> list[Row]:
    """Half a year of customers who come at their own pace, of whom some leave, in order of time."""
    chance = random.Random(seed)
    rows = []
    for number in range(customers):
        day, pace = chance.uniform(0, 40), chance.choice([4, 9, 25])
        while day < WEEKS * 7 and chance.random() > 0.06:
            kind = chance.choice(["order", "view", "visit"])
            rows.append(row(f"c{number}", int(day), chance.randint(500, 9000) if kind == "order" else 0, kind=kind))
            day += chance.expovariate(1 / pace)
    rows.append(row("last", WEEKS * 7))
    return sorted(rows, key=lambda one: one["occurred_at"])


def csv_file(folder: Path, rows: list[Row], name: str = "shop.csv") -> str:
    """Write rows as CSV, with the columns of the first."""
    names = list(rows[0])
    lines = [
        ",".join(names),
        *(",".join("" if one[name] is None else str(one[name]) for name in names) for one in rows),
    ]
    return text_file(folder, "\n".join(lines), name)


def jsonl_file(folder: Path, rows: list[Row], name: str = "shop.jsonl") -> str:
    """Write one JSON object a line."""
    return text_file(folder, "\n".join(map(json.dumps, rows)), name)


def text_file(folder: Path, text: str, name: str) -> str:
    """Write a text."""
    path = folder / name
    path.write_text(text)
    return str(path)


def past(path: str, **how: Any) -> History:
    """Read a history as the command does with usual settings."""
    return read_history(path, **{"zone": None, "accept_from_s": 0, "currency": "GBP"} | how)


def published(name: str) -> str:
    """Say where a published set is, or skip the test."""
    path = PUBLISHED / name
    if not path.is_file():
        pytest.skip(f"the published set {name} is not beside the project")
    return str(path)
