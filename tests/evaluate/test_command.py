"""`latido evaluate`: a history in, figures out, and one sentence for what cannot be answered."""

import json
import sys
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from streams.cli import main
from streams.core.rules import Rules
from streams.evaluate.baselines import RFM_LOGIT
from streams.evaluate.judging import BASELINES, Question, evaluate
from streams.evaluate.report import MEASURES
from tests.evaluate.shops import PUBLISHED, Row, csv_file, jsonl_file, past, published, row, shop

CUTS = "2026-04-20,2026-05-18"
ASKED = ("--horizon-days", "28", "--cuts", CUTS)


def churn(*words: str, **env: str) -> Result:
    return CliRunner().invoke(main, ["evaluate", "churn", *words], env=env)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> str:
    return jsonl_file(tmp_path_factory.mktemp("shop"), shop())


@pytest.fixture(scope="module")
def document(path: str) -> Any:
    done = churn(path, *ASKED, "--json")
    assert (0, "") == (done.exit_code, done.stderr)
    return json.loads(done.stdout)


def test_the_json_has_each_cut_and_their_mean(document: Any) -> None:
    """Each measure of the mean is that of the cuts, for the risk as for the baselines."""
    assert ["2026-04-20", "2026-05-18"] == [cut["cut"] for cut in document["cuts"]]
    for name in MEASURES:
        assert np.mean([cut[name] for cut in document["cuts"]]) == pytest.approx(document["mean"][name])
        for baseline in BASELINES:
            values = [cut["baselines"][baseline][name] for cut in document["cuts"]]
            assert np.mean(values) == pytest.approx(document["mean"]["baselines"][baseline][name])
    assert all(0 < cut["churn_rate"] < 1 and cut["n"] > 50 and cut["calibrated"] for cut in document["cuts"])


def test_risks_meet_the_truth_of_the_same_customers(document: Any) -> None:
    """Those told a high risk are those who fall silent, by the model as by MBG/NBD, which are not the same."""
    told = document["mean"]["auc"], document["mean"]["baselines"]["mbg_nbd"]["auc"]

    assert [True, True] == [auc > 0.75 for auc in told]
    assert told[0] != told[1]


def test_the_weeks_stand_beside_their_base_rate(document: Any) -> None:
    """From the first week on; the worst after the fourth is told."""
    weeks = document["weeks"]

    assert len(weeks) > 15
    assert document["worst_week"] == max(week["log_loss"] - week["base_log_loss"] for week in weeks[4:])
    assert sorted(weeks, key=lambda week: week["week_end"]) == weeks


def test_people_read_the_same_figures(path: str, document: Any) -> None:
    """The last lines are the mean, rounded."""
    *_, title, _, risk, _, logit, _ = churn(path, *ASKED).stdout.splitlines()

    assert "Mean over the cuts" == title
    assert ["Latido", *(f"{document['mean'][name]:.4f}" for name in MEASURES)] == risk.split()
    assert [f"{document['mean']['baselines']['rfm_logit'][name]:.4f}" for name in MEASURES] == logit.split()[2:]


def test_the_page_has_the_figures_of_the_json(path: str, document: Any, tmp_path: Path) -> None:
    """One call writes both."""
    out = tmp_path / "out.html"

    done = churn(path, *ASKED, "--json", "--report", str(out))

    assert document == json.loads(done.stdout)
    assert f'data-figure="mean.auc" data-value="{document["mean"]["auc"]!r}"' in out.read_text()


def test_risks_know_nothing_that_comes_later(tmp_path: Path) -> None:
    """With another future behind the cut the risks are the same, and only the truth is another."""
    cut = "2026-04-20"
    past_rows = [each for each in shop() if each["occurred_at"] < cut]
    question = Question(horizon_days=28, cuts=[date.fromisoformat(cut)])
    futures: list[list[Row]] = [[row("c1", 106), row("end", 140)], [row("c2", 107), row("c3", 108), row("end", 150)]]

    told = [
        evaluate(past(jsonl_file(tmp_path, past_rows + future)), question, Rules(), lambda part: None)
        for future in futures
    ]

    (_, [one]), (_, [other]) = told
    assert one.risk.tolist() == other.risk.tolist()
    assert one.silent.tolist() != other.silent.tolist()


def test_the_same_events_in_our_own_form_give_the_same(path: str, document: Any, tmp_path: Path) -> None:
    """A table is only another way to write them."""
    kinds = {"order": "order_placed", "view": "page_viewed", "visit": "store_entered", None: "order_placed"}
    events = []
    for number, each in enumerate(shop(), 1):
        event = {
            "event_id": f"row-{number}", "event_type": kinds[each.get("kind")], "schema_version": 1,
            "occurred_at": each["occurred_at"], "customer_id": each["customer_id"],
        }  # fmt: skip
        if event["event_type"] == "order_placed":
            line = {"product_id": "unknown", "quantity": 1, "unit_price_minor": each["value_minor"]}
            event |= {"order_id": "o", "channel": "web", "currency": "GBP", "lines": [line]}
        if event["event_type"] == "store_entered":
            event["store_id"] = "s"
        events.append(event)

    assert document == json.loads(churn(jsonl_file(tmp_path, events), *ASKED, "--json").stdout)


def test_what_was_left_out_is_said_on_stderr(path: str, tmp_path: Path) -> None:
    """And stands in the JSON; stdout stays for programs."""
    rows = [row(None), *reversed(shop())]
    done = churn(csv_file(tmp_path, [{"kind": None, **each} for each in rows]), *ASKED, "--json")

    notes = json.loads(done.stdout)["notes"]

    assert 2 == len(notes)
    assert [f"latido: {note}" for note in notes] == done.stderr.strip().splitlines()


def test_the_latest_cut_is_the_one_whose_horizon_the_events_just_fill(path: str) -> None:
    """The refusal of the next day names it."""
    assert [0, 1] == [
        churn(path, "--horizon-days", "28", "--cuts", day).exit_code for day in ("2026-06-09", "2026-06-10")
    ]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--horizon-days", "28", "--cuts", "2026-06-30"), 1, "the latest cut that can be judged is 2026-06-09."),
        (("--horizon-days", "28", "--cuts", "2026-01-05"), 1, "Nobody is known before the cut 2026-01-05"),
        ((*ASKED, "--min-orders", "999"), 1, "or fewer --min-orders."),
        ((*ASKED, "--report", "/nowhere/out.html"), 1, "/nowhere/out.html cannot be written"),
        (("--horizon-days", "28", "--cuts", "soon"), 2, "write 2026-01-31,2026-02-28"),
        (("--horizon-days", "0", "--cuts", CUTS), 2, "--horizon-days"),
        ((*ASKED, "--zone", "London"), 2, "write +00:00 or -05:30"),
        ((*ASKED, "--activity", "sleep"), 2, "--activity"),
    ],
)
def test_what_cannot_be_answered_is_one_sentence(path: str, words: tuple[str, ...], code: int, said: str) -> None:
    """With its exit code, and without a traceback."""
    done = churn(path, *words)

    assert (code, "") == (done.exit_code, done.stdout)
    assert said in " ".join(done.stderr.split())
    assert code == 2 or 1 == len(done.stderr.strip().splitlines())


def test_a_bad_file_is_one_sentence(tmp_path: Path) -> None:
    """On stderr, with exit code 1."""
    done = churn(csv_file(tmp_path, [{"who": "c1"}]), *ASKED)

    assert 1 == done.exit_code
    assert done.stderr.endswith("the columns found are `who`, so rename or add them.\n")
    assert 1 == len(done.stderr.splitlines())


def test_without_the_extra_it_says_what_to_install(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 3: a program is missing."""
    monkeypatch.setitem(sys.modules, "sklearn.metrics", None)
    monkeypatch.setitem(sys.modules, "sklearn.linear_model", None)

    done = churn(path, *ASKED)

    assert (3, 1) == (done.exit_code, len(done.stderr.splitlines()))
    assert "pip install 'latido[evaluate]'" in done.stderr


def test_the_retail_set_is_reached_and_the_absent_are_named(tmp_path: Path) -> None:
    """The whole road on published data: its targets, the logit that others measured, and a JSON file."""
    published("online_retail.parquet")
    out = tmp_path / "evaluate.json"

    done = CliRunner().invoke(main, ["evaluate", "sets", str(PUBLISHED), "--only", "retail", "--out", str(out)])

    assert (0, "") == (done.exit_code, done.stderr)
    told = json.loads(out.read_text())["sets"]["retail"]
    assert ([], {"auc": 0.746, "log_loss": 0.512, "ece": 0.045}) == (told["missed"], told["target"])
    mean = told["evaluation"]["mean"]
    assert 0.740 == pytest.approx(mean["baselines"][RFM_LOGIT]["auc"], abs=0.001)
    assert f"{mean['auc']:.4f} ≥ 0.746" in " ".join(done.stdout.split())


def test_sets_that_are_not_there_are_named(tmp_path: Path) -> None:
    """And where none is, there is nothing to measure."""
    done = CliRunner().invoke(main, ["evaluate", "sets", str(tmp_path), "--only", "cdnow"])

    assert 1 == done.exit_code
    assert [
        "latido: cdnow (cdnow_master.parquet) is not here and is skipped.",
        f"latido: None of the sets is in {tmp_path}; name the folder that holds them.",
    ] == done.stderr.splitlines()
    assert 2 == CliRunner().invoke(main, ["evaluate", "sets", str(tmp_path), "--only", "mars"]).exit_code
