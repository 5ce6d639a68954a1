"""Rules and alerts: real promtool runs them, and they name only metrics that a worker has."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry, generate_latest

from streams.metrics import CHANNELS, OUTCOMES, WINDOWS, Family, Metrics

DEPLOY = Path(__file__).parents[2] / "deploy"
PROMETHEUS = DEPLOY / "prometheus"
RULES = sorted((PROMETHEUS / "rules").glob("*.yml"))
UNIT_TESTS = sorted((PROMETHEUS / "tests").glob("*.yml"))

MISSING = "promtool is not installed (Debian: apt-get install prometheus)"
needs_promtool = [pytest.mark.promtool, pytest.mark.skipif(shutil.which("promtool") is None, reason=MISSING)]


def rules() -> list[dict[str, Any]]:
    groups = [group for path in RULES for group in yaml.safe_load(path.read_text())["groups"]]
    return [rule for group in groups for rule in group["rules"]]


def alerts() -> list[dict[str, Any]]:
    return [rule for rule in rules() if "alert" in rule]


def cases() -> list[dict[str, Any]]:
    tests = [test for path in UNIT_TESTS for test in yaml.safe_load(path.read_text())["tests"]]
    return [case for test in tests for case in test.get("alert_rule_test", [])]


def fully_used() -> CollectorRegistry:
    """Metrics of which each has a child."""
    registry = CollectorRegistry()
    metrics = Metrics(registry)
    for family in (value for value in vars(metrics).values() if isinstance(value, Family)):
        family.labels(*[0] * len(family.names))
    return registry


def exported_names() -> set[str]:
    """Every sample name of a worker."""
    return {sample.name for family in fully_used().collect() for sample in family.samples}


def promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["promtool", *map(str, arguments)], capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(("check", "config", PROMETHEUS / "prometheus.yml"), id="config", marks=needs_promtool),
        pytest.param(("check", "rules", *RULES), id="rules", marks=needs_promtool),
        pytest.param(("test", "rules", *UNIT_TESTS), id="unit tests", marks=needs_promtool),
    ],
)
def test_promtool_is_content(arguments: tuple[str | Path, ...]) -> None:
    """The real tool reads the configuration and runs every rule against written-down series."""
    done = promtool(*arguments)

    assert (0, "") == (done.returncode, "" if done.returncode == 0 else done.stdout + done.stderr)


@pytest.mark.promtool
@pytest.mark.skipif(shutil.which("promtool") is None, reason=MISSING)
def test_promtool_reads_what_a_worker_shows() -> None:
    """The real tool has nothing to say about names, units and help texts."""
    text = generate_latest(fully_used()).decode()

    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False)

    assert (0, "") == (done.returncode, done.stdout + done.stderr)


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: alert["alert"])
def test_every_alert_is_seen_firing_and_silent(alert: dict[str, Any]) -> None:
    """An alert that never fires, or always does, is none."""
    fires = {bool(case["exp_alerts"]) for case in cases() if case["alertname"] == alert["alert"]}

    assert {True, False} == fires


def test_every_recorded_figure_is_tested() -> None:
    """Each recording rule has an expected value."""
    expressions = " ".join(
        query["expr"]
        for path in UNIT_TESTS
        for test in yaml.safe_load(path.read_text())["tests"]
        for query in test.get("promql_expr_test", [])
    )

    assert [] == [rule["record"] for rule in rules() if "record" in rule and rule["record"] not in expressions]


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.get("alert") or rule["record"])
def test_every_named_metric_exists(rule: dict[str, Any]) -> None:
    """A renamed metric makes its rules fail here, not fall silent in production."""
    named = set(re.findall(r"\blatido[_:][a-z0-9_:]+", rule["expr"]))
    recorded = {rule["record"] for rule in rules() if "record" in rule}

    assert set() == named - exported_names() - recorded


def test_every_matched_label_value_exists() -> None:
    """What the rules and the unit tests match or feed is a value that a worker would show."""
    written = "".join(path.read_text() for path in [*RULES, *UNIT_TESTS])
    known = {"outcome": set(OUTCOMES), "window": set(WINDOWS), "channel": set(CHANNELS)}

    matched = {(name, value) for name in known for value in re.findall(rf'\b{name}="([^"]*)"', written)}

    assert set() == {(name, value) for name, value in matched if value not in known[name]}
    assert {"outcome", "window", "channel"} == {name for name, _ in matched}


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: alert["alert"])
def test_every_alert_has_its_paragraph(alert: dict[str, Any]) -> None:
    """The annotation points at a heading of the runbook, and below it stands a paragraph."""
    path, _, anchor = alert["annotations"]["runbook"].partition("#")
    paragraphs = dict(re.findall(r"^## (\w+)\n\n(.+?)(?=\n\n|\Z)", (DEPLOY.parent / path).read_text(), re.M | re.S))

    assert anchor == alert["alert"].lower()
    assert len(paragraphs[alert["alert"]]) > 200


def test_the_runbook_has_no_paragraph_too_many() -> None:
    """An alert that is gone takes its paragraph with it."""
    headings = re.findall(r"^## (\w+)$", (DEPLOY / "runbook.md").read_text(), re.M)

    assert [alert["alert"] for alert in alerts()] == headings


def test_the_runbook_names_what_exists() -> None:
    """Metrics and settings that the paragraphs send people to are there."""
    text = (DEPLOY / "runbook.md").read_text()

    assert set() == set(re.findall(r"\blatido_[a-z0-9_]+", text)) - exported_names()
