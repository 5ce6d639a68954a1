"""
An evaluation as one page that stands by itself: figures as tables, curves as SVG, nothing fetched from anywhere.

Law: every figure on the page is one of the evaluation's JSON. A cell shows it rounded and carries it whole in
`data-value`, and the whole JSON stands in the page, too.
"""

from html import escape
from pathlib import Path
from string import Template
from typing import Final

import msgspec

from streams.errors import LatidoError
from streams.evaluate import curves
from streams.evaluate.judging import BASELINES, Evaluation, Evidence
from streams.evaluate.measures import Measures

NAMES: Final = {"risk": "Latido", "base_rate": "base rate", "rfm_logit": "RFM logit", "mbg_nbd": "MBG/NBD"}
MEASURES: Final = {
    "auc": "AUC",
    "average_precision": "average precision",
    "brier": "Brier",
    "log_loss": "log loss",
    "ece": "ECE",
}

_PAGE: Final = Template("""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Churn risk: $title</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; color: #222; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin-bottom: 0; } h2 { font-size: 1.1rem; margin: 2rem 0 .3rem; }
p { max-width: 46rem; margin: .3rem 0; } .small { color: #555; font-size: .9rem; }
table { border-collapse: collapse; display: block; overflow-x: auto; margin: .6rem 0; }
td { font-variant-numeric: tabular-nums; }
th, td { padding: .15rem .8rem .15rem 0; text-align: right; border-bottom: 1px solid #ddd; }
th:first-child, td:first-child { text-align: left; } th { font-weight: 600; } tr.risk td { font-weight: 600; }
figure { display: inline-block; margin: .5rem .4rem 0 0; vertical-align: top; } svg { max-width: 100%; height: auto; }
figcaption { color: #555; font-size: .9rem; max-width: 21rem; } figure.wide figcaption { max-width: 62rem; }
</style>
</head>
<body>
<h1>Churn risk: $title</h1>
<p class="small">$question</p>
$notes
<h2>Mean over the cuts</h2>
$mean
<h2>Curves</h2>
<figure>$reliability<figcaption>Reliability: on the dashed line as many fell silent as foretold.</figcaption></figure>
<figure>$roc<figcaption>ROC: the silent found among the active; the area is the AUC.</figcaption></figure>
<figure>$gains<figcaption>Gains: the silent reached by going from the highest risk down.</figcaption></figure>
<figure class="wide">$weeks
<figcaption>Each week foretold at its beginning, and the base rate known then. $worst</figcaption></figure>
<h2>Each cut</h2>
$cuts
<script type="application/json" id="evaluation">$json</script>
</body>
</html>
""")


def write(path: str, title: str, evaluation: Evaluation, evidence: list[Evidence]) -> None:
    """Write the page; raises `LatidoError` where it cannot be written."""
    try:
        Path(path).write_text(page(title, evaluation, evidence), encoding="utf-8")
    except OSError as error:
        raise LatidoError(f"{path} cannot be written: {error.strerror or error}; name another by --report.") from None


def page(title: str, evaluation: Evaluation, evidence: list[Evidence]) -> str:
    """Make the page; equal evaluations give equal pages. Raises `ToolMissingError` without matplotlib."""
    return _PAGE.substitute(
        title=escape(title),
        question=escape(question(evaluation)),
        notes="".join(f'<p class="small">{escape(note)}</p>' for note in evaluation.notes),
        mean=_table("mean", evaluation.mean, evaluation.mean.baselines),
        reliability=curves.reliability_diagram(evidence),
        roc=curves.roc(evidence),
        gains=curves.gains(evidence),
        weeks=curves.weeks(evaluation),
        worst=_worst(evaluation),
        cuts="".join(_cut(place, evaluation) for place in range(len(evaluation.cuts))),
        json=msgspec.json.encode(evaluation).decode().replace("<", "\\u003c"),
    )


def question(evaluation: Evaluation) -> str:
    """Say in a sentence what was asked of whom."""
    known = f"with at least {evaluation.min_orders} orders" if evaluation.min_orders else "known"
    activity = "order" if evaluation.activity == "orders" else "act on any channel"
    return (
        f"Of all customers {known} at a cut: who will do nothing (no {activity}) for {evaluation.horizon_days} days? "
        f"Learned from zero in steps of {evaluation.step_days} days; {evaluation.rows:,} rows of "
        f"{evaluation.customers:,} customers."
    )


def _worst(evaluation: Evaluation) -> str:
    if evaluation.worst_week is None:
        return ""
    shown = f'<span data-figure="worst_week" data-value="{evaluation.worst_week!r}">{evaluation.worst_week:+.4f}</span>'
    return f"After the fourth, the worst week stands at {shown} against it."


def _cut(place: int, evaluation: Evaluation) -> str:
    cut = evaluation.cuts[place]
    name = f"cuts.{place}"
    facts = (
        f"{_figure(f'{name}.n', cut.n, f'{cut.n:,}')} customers, of whom "
        f"{_figure(f'{name}.churn_rate', cut.churn_rate, f'{cut.churn_rate:.1%}')} fell silent; model version "
        f"{cut.model_version}, {'calibrated' if cut.calibrated else 'not yet calibrated'}."
    )
    return f'<h3>{escape(cut.cut)}</h3><p class="small">{facts}</p>{_table(name, cut, cut.baselines)}'


def _figure(name: str, value: float, shown: str) -> str:
    return f'<span data-figure="{name}" data-value="{value!r}">{shown}</span>'


def _table(name: str, measures: Measures, baselines: dict[str, Measures | None]) -> str:
    """The measures of the risk and of each baseline, a row each."""
    head = "".join(f"<th>{shown}</th>" for shown in ("", *MEASURES.values()))
    lines = [_row(name, "risk", measures)]
    lines += [_row(f"{name}.baselines.{baseline}", baseline, baselines[baseline]) for baseline in BASELINES]
    return f"<table><tr>{head}</tr>{''.join(lines)}</table>"


def _row(path: str, name: str, measures: Measures | None) -> str:
    cells = "".join(
        _cell(f"{path}.{measure}", None if measures is None else getattr(measures, measure)) for measure in MEASURES
    )
    return f'<tr class="{name}"><td>{NAMES[name]}</td>{cells}</tr>'


def _cell(path: str, value: float | None) -> str:
    if value is None:
        return "<td>-</td>"
    return f'<td data-figure="{path}" data-value="{value!r}">{value:.4f}</td>'
