"""The JSON Schema files are what the Structs say, and are sound."""

import json
import shutil
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from jsonschema import Draft202012Validator

from schemas import CODES, CONTACT_CHANNELS, DERIVED, EVENT_TYPES, PURPOSES, SOURCES, SURVEYS, Code, source_number
from schemas.generate import FOLDER, drifted, main, schema_files

FILES = sorted(FOLDER.glob("*.json"))


def file_name(path: Path) -> str:
    return path.name


def schemas_within(node: Any) -> list[dict[str, Any]]:
    """Collect every object of a schema, at any depth."""
    inner = list(node.values()) if isinstance(node, dict) else node if isinstance(node, list) else []
    return ([node] if isinstance(node, dict) else []) + [one for part in inner for one in schemas_within(part)]


def test_files_have_not_drifted() -> None:
    """The files that are checked in are those that the Structs would write today."""
    assert [] == drifted()


def test_a_drift_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A changed, a missing and a forgotten file are named, the exit code is 1, and writing mends all three."""
    folder = tmp_path / "json"
    shutil.copytree(FOLDER, folder)
    (folder / "orders.v1.schema.json").write_text("{}")
    (folder / "customers.v1.schema.json").unlink()
    (folder / "returns.v1.schema.json").write_text("{}")

    assert 1 == main(["--check"], folder)
    named = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert ["customers.v1.schema.json", "orders.v1.schema.json", "returns.v1.schema.json"] == named
    assert 0 == main([], folder)
    assert 0 == main(["--check"], folder)


@pytest.mark.parametrize("path", FILES, ids=file_name)
def test_file_is_a_sound_schema(path: Path) -> None:
    """Each file is a JSON Schema of draft 2020-12 with an id of its own."""
    schema = json.loads(path.read_text(encoding="utf-8"))

    Draft202012Validator.check_schema(schema)
    assert Draft202012Validator.META_SCHEMA["$id"] == schema["$schema"]
    assert f"urn:latido:schema:{path.name.split('.')[0]}:v1" == schema["$id"]


@pytest.mark.parametrize("path", FILES, ids=file_name)
def test_everything_is_bounded(path: Path) -> None:
    """Strings have a greatest length or a form, integers their bounds, lists and maps a greatest length."""
    unbounded = [
        part
        for part in schemas_within(json.loads(path.read_text(encoding="utf-8")))
        if (part.get("type") == "string" and len(part) > 1 and not {"maxLength", "format"} & part.keys())
        or (part.get("type") == "integer" and not ({"minimum", "maximum"} <= part.keys() or "const" in part))
        or (part.get("type") == "array" and "maxItems" not in part)
        or (part.get("additionalProperties", False) is not False and "maxProperties" not in part)
    ]

    assert [] == unbounded


def test_numbers_that_records_keep_stay() -> None:
    """Records keep these numbers: a new one goes to the end, none is taken away or moved."""
    types = [
        "page_viewed", "product_viewed", "search_performed", "cart_item_added", "cart_item_removed",
        "checkout_started", "signed_in", "review_written", "content_shared", "referral_sent",
        "store_entered", "associate_helped", "fitting_room_used", "store_left",
        "order_placed", "order_cancelled", "order_returned", "order_delivered",
        "action_delivered", "action_opened", "action_clicked", "action_converted", "action_dismissed",
        "unsubscribed", "complaint_made", "survey_answered",
        "consent_given", "consent_withdrawn", "preferences_set", "loyalty_joined", "social_followed",
        "referral_converted",
    ]  # fmt: skip

    assert types == [kind.__struct_config__.tag for kind in EVENT_TYPES][: len(types)]
    assert ["clickstream", "store-visits", "orders", "responses", "profiles"] == list(SOURCES)[:5]
    assert ["email", "push", "sms", "web", "app", "post", "phone", "staff"] == list(CONTACT_CHANNELS)[:8]
    assert (["service", "relation", "marketing"], ["nps", "csat", "ces"]) == (list(PURPOSES)[:3], list(SURVEYS)[:3])


def test_events_say_what_they_are_worth() -> None:
    """Each type belongs to a source; an act has a channel, and what is no act fills none."""
    for kind in EVENT_TYPES:
        assert 0 <= source_number(kind) <= DERIVED
        assert kind.weight >= 0
        assert kind.customer_act or (kind.act_channel, kind.weight) == (None, 0)


def test_codes_are_the_closed_list() -> None:
    """The table of codes explains exactly the codes that exist."""
    assert set(get_args(Code)) == set(CODES)


def test_readme_has_a_row_for_every_topic_and_code() -> None:
    """Who reads the README finds each topic, each event type and each code."""
    readme = (FOLDER.parent / "README.md").read_text(encoding="utf-8")
    words = [*SOURCES, *CODES, *(str(kind.__struct_config__.tag) for kind in EVENT_TYPES)]
    words += [name.split(".")[0] for name in schema_files()]

    assert [] == [word for word in words if f"`{word}`" not in readme]


def test_structs_do_not_keep_what_they_do_not_know() -> None:
    """An input tolerates unknown fields and forgets them; `__proto__` is one of them."""
    kind = EVENT_TYPES[0]
    raw = b'{"event_type":"page_viewed","event_id":"e","schema_version":1,"occurred_at":"2026-01-01T00:00:00Z",'

    event = msgspec.json.decode(raw + b'"customer_id":"c","__proto__":{"x":1},"__class__":"x"}', type=kind)

    assert kind is type(event)
    assert not hasattr(event, "__proto__")
