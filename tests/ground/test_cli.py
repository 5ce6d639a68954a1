"""The command line: it knows its words, starts quickly, and its errors are one sentence and an exit code."""

import importlib.metadata
import subprocess
import sys
from types import ModuleType

import click
import pytest
from click.testing import CliRunner

from streams.cli import COMMANDS, main
from streams.errors import LatidoError


def test_help_lists_every_word() -> None:
    """Each with its line."""
    result = CliRunner().invoke(main, ["--help"])

    assert 0 == result.exit_code
    assert [] == [name for name in COMMANDS if f"\n  {name} " not in result.stdout]


def test_the_version_is_the_distributions() -> None:
    """`latido --version` and the package's metadata agree."""
    assert f"latido {importlib.metadata.version('latido')}\n" == CliRunner().invoke(main, ["--version"]).stdout


def test_an_unknown_word_is_a_misuse() -> None:
    """Exit code 2."""
    assert 2 == CliRunner().invoke(main, ["divine"]).exit_code


def test_help_imports_nothing_heavy() -> None:
    """Faust takes a second to import; nobody waits for it who only wants to know the words."""
    program = (
        "import sys\nfrom streams.cli import main\n"
        "main(['settings', '--json'], standalone_mode=False)\n"
        "print(sorted({'faust', 'numpy', 'aiokafka', 'rich'} & set(sys.modules)), file=sys.stderr)"
    )

    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert "[]\n" == told.stderr


def test_an_error_is_one_sentence_and_its_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """No traceback for what a person can put right."""

    class GoneError(LatidoError):
        exit_code = 4

    @click.command()
    def tail() -> None:
        raise GoneError("It is gone; bring it back.")

    module = ModuleType("streams.cli.tail")
    module.tail = tail  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "streams.cli.tail", module)

    result = CliRunner().invoke(main, ["tail"])

    assert (4, "latido: It is gone; bring it back.\n") == (result.exit_code, result.stderr)
