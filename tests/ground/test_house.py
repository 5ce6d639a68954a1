"""The house is kept: what is declared is used, and what is used is explained."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from streams.broker_jars import pom
from streams.metrics import Metrics
from streams.settings import FIELDS

CHECKOUT = Path(__file__).parents[2]
PROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())


def code_outside(module: str) -> str:
    paths = [path for path in (CHECKOUT / "streams").rglob("*.py") if path.name != module]
    return "".join(path.read_text() for path in paths)


def test_every_setting_is_used() -> None:
    """A setting that nobody reads is a promise not kept."""
    code = code_outside("settings.py")

    assert [] == [name for name in FIELDS if not re.search(rf"\.{name}(_s)?\b", code)]


def test_every_metric_is_fed() -> None:
    """A metric that nobody feeds is a zero that somebody believes."""
    code = code_outside("metrics.py")
    names = [name for name in vars(Metrics(CollectorRegistry())) if not name.startswith("_") and name != "build"]

    assert [] == [name for name in names if not re.search(rf"metrics\.{name}\b", code)]


def test_every_dependency_has_its_reason() -> None:
    """Each name in the project file has a line in CONTRIBUTING."""
    project = PROJECT["project"]
    wanted = [
        *project["dependencies"],
        *(name for extra in project["optional-dependencies"].values() for name in extra),
        *PROJECT["dependency-groups"]["dev"],
    ]
    rows = re.findall(r"^\| ([^|]+) \|", (CHECKOUT / "CONTRIBUTING.md").read_text(), re.M)
    explained = {name.partition(" ")[0] for row in rows for name in row.split(", ")}

    names = {re.split(r"[=<>~!\[ ]", dependency)[0] for dependency in wanted}

    assert set() == names - explained


def test_every_locked_package_has_a_hash() -> None:
    """What is installed is what was locked, byte for byte."""
    packages = tomllib.loads((CHECKOUT / "uv.lock").read_text())["package"]
    from_outside = [package for package in packages if "registry" in package["source"]]
    files = [file for package in from_outside for file in [*package.get("wheels", []), package.get("sdist")] if file]

    assert {"latido"} == {package["name"] for package in packages} - {package["name"] for package in from_outside}
    assert [] == [file["url"] for file in files if not file.get("hash", "").startswith("sha256:")]


def test_make_prints_its_verbs() -> None:
    """`make` alone is the list, with a line for each, and does nothing."""
    told = subprocess.run(["make", "-s", "-C", str(CHECKOUT)], capture_output=True, text=True, check=True).stdout

    verbs = ["setup", "demo", "test", "check", "bench", "evaluate", "chaos", "schemas", "broker", "clean"]
    assert [] == [verb for verb in verbs if not re.search(rf"^ +{verb} +\S.*\.$", told, re.M)]


def test_the_pom_is_found_in_the_checkout() -> None:
    """And the wheel takes it from there."""
    included = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]

    assert CHECKOUT / "deploy/broker/pom.xml" == pom()
    assert {"deploy/broker/pom.xml": "streams/deploy/broker/pom.xml"} == included


@pytest.mark.parametrize("name", ["LICENSE", "CHANGELOG.md", "CONTRIBUTING.md"])
def test_the_front_door_is_furnished(name: str) -> None:
    """What people look for first is there."""
    assert (CHECKOUT / name).stat().st_size > 500


def test_the_floor_plan_names_every_room() -> None:
    """Who looks for a module finds what it is there for: folders and modules of streams, and those of the core."""
    plan, streams = (CHECKOUT / "streams" / "README.md").read_text(), CHECKOUT / "streams"
    folders = {f"{path.parent.name}/" for path in streams.glob("*/__init__.py")}
    modules = {path.name for path in streams.glob("*.py")} - {"__init__.py"}
    core = {f"`{path.stem}`" for path in (streams / "core").glob("*.py")} - {"`__init__`"}

    assert set() == {name for name in folders | modules | core if name not in plan}
