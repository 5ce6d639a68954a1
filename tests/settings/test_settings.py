"""Every setting has a default, can be set in two places, and is refused by name when it is wrong."""

from datetime import date
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from streams.cli import main
from streams.errors import SettingsError
from streams.settings import FIELDS, Settings, describe, load, variable


def a_file(folder: Path, text: str) -> Path:
    path = folder / "latido.toml"
    path.write_text(text)
    return path


def test_an_empty_environment_gives_the_defaults() -> None:
    """Nothing has to be set."""
    assert Settings() == load({})


def test_the_environment_wins_over_the_file_and_the_file_over_the_default(tmp_path: Path) -> None:
    """One value from each source."""
    path = a_file(tmp_path, "partitions = 8\ntick_s = 1\n")

    settings = load({"LATIDO_TICK_S": "0.1"}, path)

    assert (8, 0.1, 1000) == (settings.partitions, settings.tick_s, settings.slice_records)


def test_the_file_can_be_named_by_the_environment(tmp_path: Path) -> None:
    """LATIDO_CONFIG names the file; a path that is given wins over it."""
    named = a_file(tmp_path, "partitions = 8")
    (tmp_path / "other").mkdir()
    given = a_file(tmp_path / "other", "partitions = 12")

    assert 8 == load({"LATIDO_CONFIG": str(named)}).partitions
    assert 12 == load({"LATIDO_CONFIG": str(named)}, given).partitions


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("brokers", "a:1, [::1]:2", "a:1,[::1]:2"),
        ("partitions", "12", 12),
        ("tick_s", ".5", 0.5),
        ("band_edges", ".2, 0.4,.8", (0.2, 0.4, 0.8)),
        ("ring_sizes", "8,8,8,4,4", (8, 8, 8, 4, 4)),
        ("accept_from", "2001-02-03", date(2001, 2, 3)),
        ("partitioner", "crc32", "crc32"),
        ("speak_from", "2024-01-01T00:00:00+02:00", "2024-01-01T00:00:00+02:00"),
        ("http_port", "0", 0),
        ("topic_prefix", "", ""),
    ],
)
def test_a_text_becomes_a_value(name: str, text: str, value: object) -> None:
    """The environment knows only text; each type is read from it."""
    assert value == getattr(load({variable(name): text}), name)


def test_a_file_has_values_of_its_own_types(tmp_path: Path) -> None:
    """TOML has lists and dates."""
    settings = load({}, a_file(tmp_path, "band_edges = [0.1, 0.2, 0.3]\naccept_from = 2001-02-03"))

    assert ((0.1, 0.2, 0.3), date(2001, 2, 3)) == (settings.band_edges, settings.accept_from)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("brokers", "kafka"),
        ("brokers", "a:1,"),
        ("brokers", "a:70000"),
        ("partitions", "4.5"),
        ("partitions", "0"),
        ("partitions", ""),
        ("tick_s", "nan"),
        ("tick_s", "inf"),
        ("tick_s", "fast"),
        ("band_edges", "0.1,0.2"),
        ("band_edges", "0.3,0.2,0.5"),
        ("band_edges", "0.1,0.2,nan"),
        ("hysteresis", "0.2"),
        ("ring_sizes", "0,1,1,1,1"),
        ("clock", "moon"),
        ("accept_from", "1990-02-30"),
        ("speak_from", "2024-01-01T00:00:00"),
        ("speak_from", "yesterday"),
        ("base_currency", "gbp"),
        ("app_id", "two words"),
        ("app_id", ""),
        ("http_port", "65536"),
        ("log_level", "loud"),
        ("data_dir", ""),
    ],
)
def test_a_wrong_value_is_refused_by_name(name: str, text: str) -> None:
    """The sentence names the variable, and ends there."""
    band_gap = {"LATIDO_BAND_EDGES": "0.1,0.5,0.9"} if name == "hysteresis" else {}

    with pytest.raises(SettingsError, match=rf"^{variable(name)} is .*, expected .*\.$"):
        load(band_gap | {variable(name): text})


@pytest.mark.parametrize(
    "line", ["partitions = '8'", "partitions = true", "tick_s = nan", "band_edges = '0.1,0.2,0.3'"]
)
def test_a_wrong_value_in_a_file_is_refused_with_its_place(tmp_path: Path, line: str) -> None:
    """In a file a text is no number; the sentence names the key and the file."""
    path = a_file(tmp_path, line)

    with pytest.raises(SettingsError, match=rf"^{line.partition(' ')[0]} in {path} is "):
        load({}, path)


def test_a_misspelt_variable_is_refused_and_the_nearest_named() -> None:
    """A setting that is silently ignored is worse than none."""
    with pytest.raises(SettingsError, match=r"LATIDO_PARTITONS is no setting \(did you mean LATIDO_PARTITIONS\?\)"):
        load({"LATIDO_PARTITONS": "8"})


def test_a_misspelt_key_is_refused_and_the_nearest_named(tmp_path: Path) -> None:
    """The same in a file."""
    with pytest.raises(SettingsError, match=r"'tick', which is no setting \(did you mean tick_s\?\)"):
        load({}, a_file(tmp_path, "tick = 1"))


@pytest.mark.parametrize("text", ["partitions =", "\x00", "[a]\n[a]"])
def test_a_file_that_is_not_toml_is_refused(tmp_path: Path, text: str) -> None:
    """One sentence with the path."""
    path = a_file(tmp_path, text)

    with pytest.raises(SettingsError, match=rf"The settings file {path} is not TOML"):
        load({}, path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    """A file that was asked for and is not there is an error, not a default."""
    with pytest.raises(SettingsError, match="cannot be read"):
        load({}, tmp_path / "none.toml")


def test_other_variables_are_left_alone() -> None:
    """Only names that begin with LATIDO_ are ours."""
    assert Settings() == load({"PATH": "/bin", "KAFKA_HEAP_OPTS": "x"})


def test_every_setting_explains_itself() -> None:
    """Each has a sentence of help, and each number a unit."""
    rows = describe({})

    assert list(FIELDS) == [row.name for row in rows]
    assert [] == [row.name for row in rows if not row.help.endswith(".")]
    assert [] == [row.name for row in rows if isinstance(row.default, int | float | tuple) and not row.unit]


def test_every_default_is_a_value_that_may_be_set() -> None:
    """What the class says by itself would also be accepted from outside."""
    texts = {
        variable(row.name): ",".join(map(str, row.default)) if isinstance(row.default, tuple) else str(row.default)
        for row in describe({})
    }

    assert Settings() == load(texts)


def test_every_bounded_number_names_its_bounds() -> None:
    """No number is without a lower and an upper bound, or the refusal could not say what is expected."""
    numbers = [row.name for row in describe({}) if isinstance(row.default, int | float)]
    for name in numbers:
        with pytest.raises(SettingsError, match=r"expected a (whole )?number (from|above) [\d.-]+ to [\d.]+ "):
            load({variable(name): "nothing"})


def test_the_source_of_each_value_is_told(tmp_path: Path) -> None:
    """Default, file or environment."""
    rows = describe({"LATIDO_TICK_S": "1"}, a_file(tmp_path, "tick_s = 2\npartitions = 8"))

    sources = {row.name: row.source for row in rows}

    assert ("environment", "file", "default") == (sources["tick_s"], sources["partitions"], sources["clock"])


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("", None), ("beginning", 0), ("2024-01-01T01:00:00+01:00", 1704067200), ("1970-01-01T00:00:07.9Z", 7)],
)
def test_speak_from_is_a_second(text: str, seconds: int | None) -> None:
    """None means the moment of the first start, which only the first worker knows."""
    assert seconds == load({"LATIDO_SPEAK_FROM": text}).speak_from_s


def test_accept_from_is_a_midnight() -> None:
    """Seconds since the epoch, UTC."""
    assert 86400 == load({"LATIDO_ACCEPT_FROM": "1970-01-02"}).accept_from_s


def test_settings_cannot_be_changed() -> None:
    """They are loaded once and handed on."""
    with pytest.raises(AttributeError):
        load({}).partitions = 5  # type: ignore[misc]


def test_the_command_prints_every_setting() -> None:
    """Each variable stands in the text with its source."""
    result = CliRunner(env={"LATIDO_TICK_S": "1"}).invoke(main, ["settings"])

    assert 0 == result.exit_code
    assert [] == [name for name in FIELDS if f"{variable(name)} = " not in result.stdout]
    assert "LATIDO_TICK_S = 1.0 s  (environment; default 0.5)" in result.stdout


def test_the_command_prints_json_for_programs(tmp_path: Path) -> None:
    """One object, by name."""
    result = CliRunner().invoke(main, ["--config", str(a_file(tmp_path, "partitions = 8")), "settings", "--json"])

    told = msgspec.json.decode(result.stdout)
    assert list(FIELDS) == list(told)
    assert (8, "file", "partitions", 4) == tuple(
        told["partitions"][key] for key in ("value", "source", "unit", "default")
    )


def test_a_wrong_setting_ends_a_command_with_exit_code_two() -> None:
    """One sentence on stderr, nothing on stdout."""
    result = CliRunner(env={"LATIDO_CLOCK": "moon"}).invoke(main, ["settings"])

    assert (2, "") == (result.exit_code, result.stdout)
    assert "latido: LATIDO_CLOCK is 'moon', expected one of wall, stream.\n" == result.stderr
