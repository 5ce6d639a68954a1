"""The contract as somebody reads it who has only the JSON Schema files: jsonschema, and nothing of ours."""

import json
from datetime import date
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.validators import extend

SCHEMAS = Path(__file__).parents[2] / "schemas"
EXAMPLES = SCHEMAS / "examples"

FORMATS = FormatChecker(formats=())


@FORMATS.checks("date-time", raises=ValueError)
def is_date_time(value: object) -> bool:
    """Only the calendar is left to judge: the pattern in the schema says the rest."""
    if isinstance(value, str):
        date(int(value[:4]), int(value[5:7]), int(value[8:10]))
    return True


# In JSON Schema 1.0 is an integer. The README asks publishers to write integers without a fraction, so here it is none.
Strict = extend(
    Draft202012Validator,
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine("integer", lambda _, value: type(value) is int),
)


def validator(topic: str) -> Any:
    """Build the validator of a topic from its file."""
    schema = json.loads((SCHEMAS / "json" / f"{topic}.v1.schema.json").read_text(encoding="utf-8"))
    return Strict(schema, format_checker=FORMATS)


def read_json(raw: bytes) -> Any:
    """Read JSON with the standard library; 10^400 stands for all longer integers, which it cannot print."""
    return json.loads(raw, parse_int=lambda digits: int(digits) if len(digits) <= 400 else 10**400)
