"""`latido catalogue check`: whether a catalogue holds, said to people and to programs."""

import json
from pathlib import Path

from click.testing import CliRunner, Result

from streams.cli import main

SHIPPED = Path(__file__).parents[2] / "streams" / "core" / "catalogue.toml"


def check(*words: str) -> Result:
    return CliRunner().invoke(main, ["catalogue", "check", *words])


def test_the_shipped_catalogue_holds() -> None:
    """One line says what is in it."""
    result = check(str(SHIPPED))

    assert (0, "") == (result.exit_code, result.stderr)
    assert f"{SHIPPED} holds: " in result.stdout
    assert "20 moments" in result.stdout


def test_every_fault_is_a_line_that_names_file_and_line(tmp_path: Path) -> None:
    """All that is wrong is said at once, and the exit code is 1."""
    path = tmp_path / "mine.toml"
    path.write_text("[moments.win_back]\nwindow_s = 60\nminimum = 4\n[segments]\na.orders = 3\n", encoding="utf-8")

    result = check(str(path))

    assert 1 == result.exit_code
    assert [
        f"{path}:3: moments.win_back minimum: it belongs to browsed_and_left or refill_due only.",
        f"{path}:5: segments.a: the last must state no rule, so that nobody is left over.",
    ] == result.stderr.splitlines()


def test_a_program_reads_the_same_as_json(tmp_path: Path) -> None:
    """Faults by file, line, table, field and reason; a catalogue that holds by its version."""
    path = tmp_path / "mine.toml"
    path.write_text("[policy]\nat_once = 0\n", encoding="utf-8")

    bad, good = check(str(path), "--json"), check(str(SHIPPED), "--json")

    fault = {
        "source": str(path),
        "line": 2,
        "table": "policy",
        "field": "at_once",
        "reason": "expected a whole number >= 1",
    }
    assert (1, {"ok": False, "faults": [fault]}) == (bad.exit_code, json.loads(bad.stdout))
    assert (0, True, 4) == (good.exit_code, json.loads(good.stdout)["ok"], json.loads(good.stdout)["segments"])


def test_a_file_that_is_not_there_is_a_wrong_use(tmp_path: Path) -> None:
    """One sentence and the exit code 2."""
    result = check(str(tmp_path / "none.toml"))

    assert 2 == result.exit_code
    assert "none.toml cannot be read as UTF-8 text; name another." in result.stderr
