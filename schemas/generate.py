"""
Write the JSON Schema files from the Structs, one per topic and one for the catalogue; --check only says which drifted.

Law: whatever the decoder accepts is valid by these files, and what it refuses as `schema`,
`unroutable` or `unknown_version` is not. What msgspec cannot say of a Struct is added here.
"""

import argparse
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import msgspec

from schemas import (
    CONTACT_CHANNELS,
    EVENT_TYPES,
    catalogue,
    churn_risk,
    clickstream,
    common,
    contacts,
    customers,
    next_best_actions,
    orders,
    profiles,
    responses,
    signals,
    store_visits,
)
from schemas.catalogue import CatalogueFile
from schemas.churn_risk import ChurnRisk
from schemas.common import Event
from schemas.customers import CustomerDocument
from schemas.next_best_actions import NextBestAction
from schemas.orders import OrderEvent
from schemas.profiles import PreferencesSet
from schemas.responses import SCORES, SurveyAnswered

Json = dict[str, Any]

FOLDER: Final = Path(__file__).parent / "json"

INPUTS: Final[dict[str, ModuleType]] = {
    "clickstream": clickstream,
    "store-visits": store_visits,
    "orders": orders,
    "responses": responses,
    "profiles": profiles,
}
OUTPUTS: Final[dict[str, tuple[ModuleType, type[msgspec.Struct]]]] = {
    "churn-risk": (churn_risk, ChurnRisk),
    "next-best-actions": (next_best_actions, NextBestAction),
    "customers": (customers, CustomerDocument),
}

_SHARED: Final = {
    name: getattr(module, name)
    for module, names in (
        (contacts, "ContactChannel Purpose ActionName"),
        (common, "Id CustomerId Currency OccurredAt Time Label Text Url Quantity Money Amount Seconds Rating"),
        (signals, "Band SignalId Risk Sentence"),
        (customers, "Count Net"),
    )
    for name in names.split()
}
_TITLE: Final = ("title", "description")
_REF: Final = "#/$defs/{name}"


def schema_files() -> dict[str, str]:
    """Render every file: its name, and its text."""
    schemas = {topic: _input_schema(topic, module) for topic, module in INPUTS.items()}
    schemas |= {topic: _output_schema(topic, *parts) for topic, parts in OUTPUTS.items()}
    files = {f"{topic}.v1.schema.json": schema for topic, schema in schemas.items()}
    files["catalogue.schema.json"] = _catalogue_schema()
    return {name: json.dumps(schema, indent=2) + "\n" for name, schema in files.items()}


def drifted(folder: Path = FOLDER) -> list[str]:
    """Name the files that are missing, differ, or should not be there."""
    wanted = schema_files()
    found = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.json")}
    return sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))


def main(arguments: list[str], folder: Path = FOLDER) -> int:
    """Write the files, or with --check compare them: 1 and their names when some have drifted."""
    parser = argparse.ArgumentParser(prog="python -m schemas.generate", description=(__doc__ or "").strip())
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a file has drifted")
    if parser.parse_args(arguments).check:
        names = drifted(folder)
        for name in names:
            print(f"{name} has drifted from the Structs; run `python -m schemas.generate`.")
        return 1 if names else 0
    folder.mkdir(exist_ok=True)
    for name in drifted(folder):
        (folder / name).unlink(missing_ok=True)
    for name, text in schema_files().items():
        (folder / name).write_text(text, encoding="utf-8")
        print(f"wrote {name}")
    return 0


def _input_schema(topic: str, module: ModuleType) -> Json:
    """Describe an input topic: one of its event types; unknown fields are let through."""
    kinds = [kind for kind in EVENT_TYPES if kind.source_topic == topic]
    _, parts = msgspec.json.schema_components(kinds, ref_template=_REF)
    for kind in kinds:
        part = parts[kind.__name__]
        part["properties"]["event_type"] = {"const": kind.__struct_config__.tag}
        part["properties"]["schema_version"] = {"type": "integer", "const": 1}
        part["anyOf"] = _identities(kind)
        part |= _BETWEEN_FIELDS.get(kind, {})
    return _schema(topic, module, {"oneOf": [{"$ref": _REF.format(name=kind.__name__)} for kind in kinds]}, parts)


def _output_schema(topic: str, module: ModuleType, kind: type[msgspec.Struct]) -> Json:
    """Describe an output topic: closed, and with exactly one identity."""
    _, parts = msgspec.json.schema_components([kind], ref_template=_REF)
    parts[kind.__name__]["oneOf"] = [_present("customer_id"), _present("anonymous_id")]
    return _schema(topic, module, {"$ref": _REF.format(name=kind.__name__)}, parts)


def _catalogue_schema() -> Json:
    """Describe the catalogue as editors of TOML read it; what its tables say of each other it leaves to the check."""
    _, parts = msgspec.json.schema_components([CatalogueFile], ref_template=_REF)
    root = {part: said for part, said in parts.pop(CatalogueFile.__name__).items() if part not in _TITLE}
    root["properties"]["channels"]["propertyNames"] = {"enum": list(CONTACT_CHANNELS)}
    root["properties"]["moments"]["propertyNames"] = {"enum": list(catalogue.MOMENTS)}
    return _schema("catalogue", catalogue, root, parts)


def _schema(topic: str, module: ModuleType, root: Json, parts: Json) -> Json:
    shared = msgspec.json.schema_components(list(_SHARED.values()), ref_template=_REF)[0]
    names = {json.dumps(schema): name for schema, name in zip(shared, _SHARED, strict=True)}
    parts = {name: _with_references(part, names) for name, part in parts.items()}
    used = json.dumps(parts)
    parts |= {name: json.loads(text) for text, name in names.items() if f'"{_REF.format(name=name)}"' in used}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:latido:schema:{topic}:v1",
        "title": topic,
        "description": (module.__doc__ or "").strip().splitlines()[0],
        **root,
        "$defs": dict(sorted(parts.items())),
    }


def _with_references(node: Any, names: dict[str, str]) -> Any:
    """Put a reference where a shared type was written out, so that people can read the file."""
    if isinstance(node, list):
        return [_with_references(item, names) for item in node]
    if not isinstance(node, dict):
        return node
    if (name := names.get(json.dumps(node))) is not None:
        return {"$ref": _REF.format(name=name)}
    return {key: _with_references(value, names) for key, value in node.items()}


def _identities(kind: type[Event]) -> list[Json]:
    ways = [_present("customer_id"), _present("anonymous_id")]
    if issubclass(kind, OrderEvent):
        ways.append({"required": ["guest"], "properties": {"guest": {"const": True}}})
    return ways


def _present(*fields: str) -> Json:
    return {"required": list(fields), "properties": {field: {"type": "string"} for field in fields}}


def _if_survey(survey: str, lowest: int, highest: int) -> Json:
    """Say which scores a survey has."""
    return {
        "if": {"properties": {"survey": {"const": survey}}},
        "then": {"properties": {"score": {"minimum": lowest, "maximum": highest}}},
    }


_ENDS: Final = ("quiet_from", "quiet_until")
_BETWEEN_FIELDS: Final[dict[type[Event], Json]] = {
    SurveyAnswered: {"allOf": [_if_survey(survey, *ends) for survey, ends in SCORES.items()]},
    PreferencesSet: {"oneOf": [_present(*_ENDS), {"properties": {end: {"type": "null"} for end in _ENDS}}]},
}
"""What holds between fields: the checks in the Structs' `__post_init__`, said once more for files."""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
