"""The page: its figures are those of the JSON, and it stands by itself."""

import json
import re
from datetime import date
from functools import reduce
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import msgspec
import pytest

from streams.core.rules import Rules
from streams.errors import LatidoError
from streams.evaluate.judging import BASELINES, Evaluation, Evidence, Question, evaluate
from streams.evaluate.report import MEASURES, page, write
from tests.evaluate.shops import jsonl_file, past, shop

CUTS = (date(2026, 4, 20), date(2026, 5, 18))
Told = tuple[Evaluation, list[Evidence]]


class Figures(HTMLParser):
    """Gathers what a page shows: each named figure with its whole value and its text, and the JSON within."""

    def __init__(self) -> None:
        super().__init__()
        self.values: dict[str, str] = {}
        self.shown: dict[str, str] = {}
        self.tags: list[str] = []
        self.json = ""
        self._figure: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.tags.append(f"{tag}#{named['id']}" if tag == "script" else tag)
        self._figure = named.get("data-figure")
        if self._figure is not None:
            self.values[self._figure] = named["data-value"] or ""

    def handle_endtag(self, tag: str) -> None:
        self._figure = None

    def handle_data(self, data: str) -> None:
        if self._figure is not None:
            self.shown[self._figure] = data
        elif self.tags and self.tags[-1] == "script#evaluation" and data.strip().startswith("{"):
            self.json += data


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    history = past(jsonl_file(tmp_path_factory.mktemp("shop"), shop()))
    return evaluate(history, Question(horizon_days=28, cuts=CUTS), Rules(), lambda part: None)


@pytest.fixture(scope="module")
def text(told: Told) -> str:
    return page("shop", *told)


def parsed(text: str) -> Figures:
    figures = Figures()
    figures.feed(text)
    return figures


def at(document: Any, path: str) -> Any:
    return reduce(lambda part, step: part[int(step) if step.isdigit() else step], path.split("."), document)


def test_every_figure_of_the_page_is_that_of_the_json(told: Told, text: str) -> None:
    """In full in the cell, and rounded before the eye."""
    document = json.loads(msgspec.json.encode(told[0]))
    found = parsed(text)

    assert {path: at(document, path) for path in found.values} == {
        path: float(value) for path, value in found.values.items()
    }
    rounded = {path: shown for path, shown in found.shown.items() if path.rpartition(".")[2] in MEASURES}
    assert {path: f"{at(document, path):.4f}" for path in rounded} == rounded


def test_every_measure_has_its_cell(text: str) -> None:
    """For the risk and each baseline, at each cut and in the mean."""
    whose = ["", *(f"baselines.{name}." for name in BASELINES)]
    wanted = {
        f"{part}.{one}{measure}" for part in ("mean", "cuts.0", "cuts.1") for one in whose for measure in MEASURES
    }

    assert set() == wanted - set(parsed(text).values)


def test_the_page_carries_the_json_whole(told: Told, text: str) -> None:
    """For whoever wants to compute on."""
    assert json.loads(msgspec.json.encode(told[0])) == json.loads(parsed(text).json)


def test_the_page_stands_by_itself(text: str) -> None:
    """Four diagrams are in it, and nothing is fetched from anywhere."""
    assert 4 == parsed(text).tags.count("svg")
    assert [] == re.findall(r"""(?:src|href)=["'](?!#)|@import|url\((?!#)""", text)


def test_curves_are_named_by_their_cut(text: str) -> None:
    """Text in a diagram is text; each of the three has a line for each cut."""
    assert [3, 3] == [len(re.findall(rf"<text[^>]*>{cut.isoformat()}</text>", text)) for cut in CUTS]


def test_equal_evaluations_give_equal_pages(told: Told, text: str) -> None:
    """No date and no chance stands in a page."""
    assert page("shop", *told) == text


def test_names_and_notes_cannot_break_the_page(told: Told) -> None:
    """A file may be called anything."""
    evaluation = msgspec.structs.replace(told[0], notes=["</script><b>"])

    text = page("<i>$mean</i>", evaluation, told[1])

    assert (0, 0) == (text.count("<b>"), text.count("<i>"))
    assert ["</script><b>"] == json.loads(parsed(text).json)["notes"]


def test_an_evaluation_without_logit_or_ranking_has_its_page(told: Told) -> None:
    """What is not there is a dash."""
    evaluation, _ = told
    cut = msgspec.structs.replace(evaluation.cuts[0], auc=None, baselines=dict.fromkeys(BASELINES))

    text = page("shop", msgspec.structs.replace(evaluation, cuts=[cut], weeks=[], worst_week=None), [])

    assert "cuts.0.brier" in parsed(text).values
    assert "cuts.0.auc" not in parsed(text).values


def test_the_page_is_written_where_asked(told: Told, text: str, tmp_path: Path) -> None:
    """Or one sentence says why not."""
    write(str(tmp_path / "out.html"), "shop", *told)

    assert text == (tmp_path / "out.html").read_text()
    with pytest.raises(LatidoError, match="cannot be written: No such file or directory; name another by --report"):
        write(str(tmp_path / "nowhere" / "out.html"), "shop", *told)
