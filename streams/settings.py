"""Every setting stands here once: its type, unit, bounds, default and what it is for.

A value comes from the environment (`LATIDO_` and the field's name in capitals), else from a TOML file (the field's
name as a key at the top level), else from the default. Nothing else in the house reads the environment. A wrong value
or an unknown name is refused by name: a misspelt setting that is silently ignored is worse than none.
"""

import difflib
import math
import re
import tomllib
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_type_hints

import msgspec
from msgspec import Meta

from streams.core.ring import MAX_RING_ENTRIES, RING_SIZES
from streams.errors import SettingsError

PREFIX = "LATIDO_"
CONFIG = "LATIDO_CONFIG"

DAWN = date(1990, 1, 1)

Source = Literal["default", "file", "environment"]


def about(text: str, unit: str = "", **bounds: Any) -> Meta:
    """Describe a setting: what it is for, its unit, and the bounds that its value must keep."""
    return Meta(description=text, extra={"unit": unit}, **bounds)


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What can be set, all of it; made by `load`."""

    # Kafka
    brokers: Annotated[str, about("Kafka addresses to start from, host:port, separated by commas.")] = "127.0.0.1:9092"
    topic_prefix: Annotated[
        str, about("Put before every topic's name.", pattern=r"^[a-zA-Z0-9._-]*$", max_length=100)
    ] = ""
    app_id: Annotated[
        str, about("Consumer group, and part of the internal topics' names.", pattern=r"^[a-zA-Z0-9._-]{1,100}$")
    ] = "latido"
    instance_id: Annotated[
        str, about("Name of this worker that stays over restarts (static membership); empty: none.", max_length=100)
    ] = ""
    partitions: Annotated[
        int, about("Partitions of every source topic and of the changelog.", "partitions", ge=1, le=1024)
    ] = 4
    replication: Annotated[int, about("Replicas of each topic that Latido creates.", "replicas", ge=1, le=15)] = 1
    partitioner: Annotated[
        Literal["murmur2", "crc32"],
        about("Which partition is a customer's home: murmur2 as Java clients, crc32 as librdkafka clients."),
    ] = "murmur2"
    session_timeout_s: Annotated[
        float, about("A worker silent for longer loses its partitions.", "s", ge=1, le=1800)
    ] = 10.0

    # Time
    clock: Annotated[
        Literal["wall", "stream"],
        about("What drives silence: the wall clock, or the events' own time (demo, compressed time)."),
    ] = "wall"
    speak_from: Annotated[
        str,
        about("Signals as of an earlier time are muted: RFC 3339 with zone, 'beginning', or empty: the first start."),
    ] = ""
    accept_from: Annotated[date, about("An event from before this day (UTC) is a dead letter 'past'.")] = DAWN
    day_offset_s: Annotated[
        int, about("Where a day begins: offset from UTC; fixed at the first start.", "s", ge=-50400, le=50400)
    ] = 0

    # Engagement and churn
    base_currency: Annotated[
        str, about("Orders in another currency count without their money.", "ISO 4217", pattern=r"^[A-Z]{3}$")
    ] = "GBP"
    horizon_days: Annotated[
        int, about("Churn risk is the probability of no act within this many days.", "days", ge=1, le=365)
    ] = 28
    band_edges: Annotated[
        tuple[float, float, float], about("Where the bands medium, high and critical begin.", "probability")
    ] = (0.25, 0.50, 0.75)
    hysteresis: Annotated[
        float, about("A band is left downwards only this far below its edge.", "probability", ge=0, le=0.2)
    ] = 0.05
    spoken_step: Annotated[
        float, about("A risk is spoken again when it moved this far within a band.", "probability", gt=0, le=1)
    ] = 0.10
    churn_risk_expires_s: Annotated[
        int, about("How long a spoken churn risk is worth reading.", "s", ge=60, le=366 * 86400)
    ] = 86400
    label_grace_s: Annotated[
        int,
        about(
            "How long after its end a week is closed and learned; the same for all workers.", "s", ge=0, le=14 * 86400
        ),
    ] = 2 * 86400
    catalogue: Annotated[str, about("Path of the catalogue of actions; empty: the shipped one.", "path")] = ""
    ring_sizes: Annotated[
        tuple[int, int, int, int, int],
        about(
            "Newest events remembered per customer against duplicates: "
            "clickstream, store-visits, orders, responses, profiles.",
            "events",
        ),
    ] = RING_SIZES

    # Engine
    cpu: Annotated[
        int,
        about(
            "The CPU on which all of the worker's threads stay: only one of them runs Python at a time, and what they "
            "hand over stays in its cache; -1: the system chooses anew all the time.",
            "number",
            ge=-1,
            le=4095,
        ),
    ] = -1
    tick_s: Annotated[
        float, about("What says nothing is written to the changelog at this interval.", "s", ge=0.05, le=5)
    ] = 0.5
    commit_interval_s: Annotated[float, about("Time between commits of offsets.", "s", ge=0.05, le=60)] = 0.5
    batch_credit: Annotated[
        int, about("Batches handed over and not yet processed before reading waits.", "batches", ge=1, le=64)
    ] = 6
    slice_records: Annotated[
        int, about("Records processed in one go, before others get their turn.", "records", ge=1, le=10_000)
    ] = 1000
    max_uncommitted_mb: Annotated[
        int, about("Reading waits when more than this is processed and not yet acknowledged.", "MB", ge=1, le=4096)
    ] = 64
    max_uncommitted_batches: Annotated[
        int, about("The same limit, counted in batches.", "batches", ge=1, le=100_000)
    ] = 1000
    document_interval_s: Annotated[
        float, about("A customer's document is written at most this often when nothing is said.", "s", ge=1, le=3600)
    ] = 60.0
    retail_interval_s: Annotated[float, about("Time between two scans for the retail figures.", "s", ge=1, le=300)] = (
        240.0
    )
    internal_share_limit: Annotated[
        float, about("The worker ends when this share of events fails by a fault of ours.", "share", gt=0, le=1)
    ] = 0.01

    # Seeing it
    http_host: Annotated[str, about("Where /metrics, /livez, /readyz and /version listen.", min_length=1)] = "127.0.0.1"
    http_port: Annotated[int, about("Their port; 0: any free one.", "port", ge=0, le=65535)] = 6066
    log_level: Annotated[Literal["debug", "info", "warning", "error"], about("The least that is logged.")] = "info"
    log_format: Annotated[Literal["text", "json"], about("One line per record, for people or for programs.")] = "text"
    data_dir: Annotated[
        str, about("Folder of the local broker and of what commands leave behind.", "path", min_length=1)
    ] = ".latido"

    @property
    def accept_from_s(self) -> int:
        """First second (epoch, UTC) from which events are accepted."""
        return (self.accept_from - date(1970, 1, 1)).days * 86400

    @property
    def speak_from_s(self) -> int | None:
        """Epoch second from which signals are spoken: 0 for 'beginning', None for the moment of the first start."""
        if not self.speak_from:
            return None
        if self.speak_from == "beginning":
            return 0
        return math.floor(datetime.fromisoformat(self.speak_from).timestamp())


class Described(msgspec.Struct, frozen=True):
    """One setting as `latido settings` prints it."""

    name: str
    value: object
    unit: str
    default: object
    source: Source
    help: str


FIELDS = {field.name: field for field in msgspec.structs.fields(Settings)}
TYPES = get_type_hints(Settings, include_extras=True)


def load(env: Mapping[str, str], config_path: str | Path | None = None) -> Settings:
    """Read the settings from an environment and an optional TOML file; raise `SettingsError` naming what is wrong.

    Without `config_path` the file named by `LATIDO_CONFIG` is read, if any.
    """
    return _checked({name: value for name, (value, _) in _given(env, config_path).items()})


def describe(env: Mapping[str, str], config_path: str | Path | None = None) -> list[Described]:
    """List every setting with its value, unit, default and source, in the order of the class."""
    given = _given(env, config_path)
    settings = _checked({name: value for name, (value, _) in given.items()})
    return [
        Described(
            name=name,
            value=getattr(settings, name),
            unit=_unit(name),
            default=field.default,
            source=given[name][1] if name in given else "default",
            help=_meta(name).description or "",
        )
        for name, field in FIELDS.items()
    ]


def variable(name: str) -> str:
    """Name the environment variable of a setting.

    >>> variable("tick_s")
    'LATIDO_TICK_S'
    """
    return PREFIX + name.upper()


def _given(env: Mapping[str, str], config_path: str | Path | None) -> dict[str, tuple[Any, Source]]:
    given: dict[str, tuple[Any, Source]] = {}
    path = config_path or env.get(CONFIG) or None
    for key, value in _read_toml(Path(path)).items() if path else ():
        if key not in FIELDS:
            raise SettingsError(f"{path} sets {key!r}, which is no setting{_nearest(key, list(FIELDS))}.")
        given[key] = _convert(f"{key} in {path}", key, value, strict=True), "file"
    names = {variable(name): name for name in FIELDS}
    for key in sorted(key for key in env if key.startswith(PREFIX) and key != CONFIG):
        if key not in names:
            raise SettingsError(f"{key} is no setting{_nearest(key, list(names))}; `latido settings` lists them all.")
        name, text = names[key], env[key]
        given[name] = _convert(key, name, _parts(text, FIELDS[name].default), strict=False), "environment"
    return given


def _parts(text: str, default: object) -> str | list[str]:
    """Cut a text where a tuple is wanted, and let a number begin with its point, as people write it."""
    if isinstance(default, tuple):
        return [re.sub(r"^([+-]?)\.", r"\g<1>0.", part.strip()) for part in text.split(",")]
    return re.sub(r"^([+-]?)\.", r"\g<1>0.", text.strip()) if isinstance(default, float) else text


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"The settings file {path} cannot be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"The settings file {path} is not TOML: {error}.") from None


def _nearest(word: str, known: list[str]) -> str:
    close = difflib.get_close_matches(word, known, n=1)
    return f" (did you mean {close[0]}?)" if close else ""


def _convert(origin: str, name: str, value: Any, *, strict: bool) -> Any:
    try:
        converted = msgspec.convert(value, TYPES[name], strict=strict)
    except msgspec.ValidationError:
        raise SettingsError(f"{origin} is {_shown(value)}, expected {_expected(name)}.") from None
    if any(isinstance(part, float) and not math.isfinite(part) for part in _as_tuple(converted)):
        raise SettingsError(f"{origin} is {_shown(value)}, expected {_expected(name)}.")
    return converted


def _as_tuple(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


def _expected(name: str) -> str:
    """Say in words what a setting may be."""
    default, meta = FIELDS[name].default, _meta(name)
    options = get_args(get_args(TYPES[name])[0])
    if isinstance(default, tuple):
        kind = "whole numbers" if isinstance(default[0], int) else "numbers"
        return f"{len(default)} {kind} separated by commas"
    if options:
        return f"one of {', '.join(options)}"
    if isinstance(default, int | float):
        least = f"from {meta.ge}" if meta.ge is not None else f"above {meta.gt}"
        return f"a {'whole ' if isinstance(default, int) else ''}number {least} to {meta.le} ({_unit(name)})"
    if isinstance(default, date):
        return "a date such as 1990-01-01"
    return f"text matching {meta.pattern}" if meta.pattern else "a text that fits"


def _shown(value: Any) -> str:
    return repr(",".join(value)) if isinstance(value, list) and all(isinstance(v, str) for v in value) else repr(value)


def _checked(values: dict[str, Any]) -> Settings:
    settings = Settings(**values)
    settings = msgspec.structs.replace(settings, brokers=re.sub(r"\s", "", settings.brokers))
    for name, holds, sentence in _laws(settings):
        if not holds:
            raise SettingsError(f"{variable(name)} is {getattr(settings, name)!r}, {sentence}.")
    return settings


def _laws(settings: Settings) -> list[tuple[str, bool, str]]:
    """What a type alone cannot say: setting, whether it holds, and how it should be."""
    edges = settings.band_edges
    return [
        ("brokers", all(map(_is_address, settings.brokers.split(","))), "expected host:port, separated by commas"),
        ("band_edges", 0 < edges[0] < edges[1] < edges[2] < 1, "expected three rising numbers between 0 and 1"),
        (
            "hysteresis",
            settings.hysteresis < min(edges[0], edges[1] - edges[0], edges[2] - edges[1]),
            "expected less than the width of every band",
        ),
        (
            "ring_sizes",
            min(settings.ring_sizes) >= 1 and sum(settings.ring_sizes) <= MAX_RING_ENTRIES,
            f"expected sizes of at least 1 and at most {MAX_RING_ENTRIES} together",
        ),
        ("speak_from", _is_instant(settings.speak_from), "expected RFC 3339 with a zone, 'beginning' or nothing"),
    ]


def _is_address(text: str) -> bool:
    matched = re.fullmatch(r"(\[[0-9a-fA-F:]+\]|[^\s:,/@]+):(\d{1,5})", text)
    return matched is not None and 0 < int(matched[2]) < 65536


def _is_instant(text: str) -> bool:
    if text in ("", "beginning"):
        return True
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def _meta(name: str) -> Meta:
    meta: Meta = TYPES[name].__metadata__[0]
    return meta


def _unit(name: str) -> str:
    return str((_meta(name).extra or {})["unit"])
