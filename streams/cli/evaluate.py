"""`latido evaluate`: how good the churn risk would have been on a history whose end is known."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Console

from streams.cli import current_settings
from streams.errors import LatidoError
from streams.evaluate import published, report, wording
from streams.evaluate.judging import Evaluation, Evidence, Question
from streams.evaluate.judging import evaluate as evaluated
from streams.evaluate.reading import read_history
from streams.feeds.writing import writer
from streams.rules import rules_of


class Midnights(click.ParamType):
    """Days, separated by commas; each stands for the midnight with which it begins."""

    name = "days"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[date, ...]:
        """Read the days."""
        if isinstance(value, tuple):
            return value
        try:
            return tuple(date.fromisoformat(day.strip()) for day in str(value).split(","))
        except ValueError:
            self.fail(f"{value!r} is no list of days; write 2026-01-31,2026-02-28.", param, ctx)


class Zone(click.ParamType):
    """A fixed offset from UTC."""

    name = "offset"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> timezone:
        """Read the offset."""
        if isinstance(value, timezone):
            return value
        try:
            zone = datetime.fromisoformat(f"2000-01-01T00:00:00{value}").tzinfo
        except ValueError:
            zone = None
        if not isinstance(zone, timezone):
            self.fail(f"{value!r} is no offset from UTC; write +00:00 or -05:30.", param, ctx)
        return zone


@click.group()
def evaluate() -> None:
    """Measure the churn risk on histories whose end is known."""


@evaluate.command()
@click.argument("events", metavar="EVENTS")
@click.option("--horizon-days", type=click.IntRange(1, 366), required=True, help="Silent for how many days?")
@click.option("--cuts", type=Midnights(), required=True, help="Days D1,D2,… at whose first midnight risks are told.")
@click.option("--step-days", type=click.IntRange(1, 91), default=7, show_default=True, help="Days between labels.")
@click.option(
    "--activity", type=click.Choice(["any", "orders"]), default="any", show_default=True, help="What is no silence."
)
@click.option("--min-orders", type=click.IntRange(0), default=0, show_default=True, help="Of whom so many are known.")
@click.option("--zone", type=Zone(), help="The offset of times that name none, such as +00:00.")
@click.option("--report", "page", type=click.Path(dir_okay=False), help="Write a page with tables and diagrams.")
@click.option("--json", "as_json", is_flag=True, help="All figures as one JSON object.")
def churn(
    events: str,
    horizon_days: int,
    cuts: tuple[date, ...],
    step_days: int,
    activity: str,
    min_orders: int,
    zone: timezone | None,
    page: str | None,
    as_json: bool,
) -> None:
    """
    Run the core through EVENTS from zero weights and judge its risks at each cut.

    EVENTS is a file of our own events (JSONL, parquet), or a table (JSONL, CSV, parquet) with the columns customer_id,
    occurred_at, value_minor, and if you like items and kind (view, cart, order, visit …). At a cut nothing later is
    known.
    """
    question = Question(
        horizon_days=horizon_days,
        cuts=cuts,
        step_days=step_days,
        orders_only=activity == "orders",
        min_orders=min_orders,
    )
    evaluation, evidence = _evaluated(events, question, zone)
    if page is not None:
        report.write(page, Path(events).name, evaluation, evidence)
    for note in evaluation.notes:
        click.echo(f"latido: {note}", err=True)
    click.echo(msgspec.json.encode(evaluation) if as_json else "\n".join(wording.lines(evaluation)))


@evaluate.command()
@click.argument("folder", type=click.Path(file_okay=False))
@click.option("--only", multiple=True, help="Only the set of this name; may be given more than once.")
@click.option("--out", type=click.Path(dir_okay=False), help="Write all figures as one JSON object.")
@click.option("--json", "as_json", is_flag=True, help="The same object on stdout instead of the table.")
def sets(folder: str, only: tuple[str, ...], out: str | None, as_json: bool) -> None:
    """
    Measure all published sets that are in FOLDER, each beside its target.

    The exit code is 1 where a target is missed.
    """
    wanted = _wanted(only)
    found = {known: where for known in wanted if (where := published.place(known, Path(folder))) is not None}
    for known in wanted:
        if known not in found:
            click.echo(f"latido: {known.name} ({known.file}) is not here and is skipped.", err=True)
    if not found:
        raise LatidoError(f"None of the sets is in {folder}; name the folder that holds them.")
    if not as_json:
        click.echo(wording.summary_head())
    told: dict[str, Any] = {}
    failed = []
    for known, where in found.items():
        question = Question(
            horizon_days=known.horizon_days,
            cuts=tuple(map(date.fromisoformat, known.cuts)),
            min_orders=known.min_orders,
        )
        evaluation, _ = _evaluated(str(where), question, None, known.name)
        missed = wording.missed(evaluation, known.target)
        failed += [f"{known.name}: {', '.join(missed)}"] if missed else []
        target = known.target._asdict() if known.target else None
        told[known.name] = {"target": target, "missed": missed, "evaluation": evaluation}
        if not as_json:
            click.echo(wording.summary(known.name, evaluation, known.target))
    written = msgspec.json.encode({"sets": told, "absent": [known.name for known in wanted if known not in found]})
    if out is not None:
        with writer(out) as sink:
            sink.write(written)
    if as_json:
        click.echo(written)
    if failed:
        raise LatidoError(f"Not all is reached, see the table: {'; '.join(failed)}.")


def _wanted(only: tuple[str, ...]) -> list[published.PublishedSet]:
    """The sets of which something is asked, or those named."""
    asked = {known.name: known for known in published.SETS if known.cuts}
    if unknown := set(only) - set(asked):
        raise click.BadParameter(f"{', '.join(sorted(unknown))}: there are {', '.join(asked)}.", param_hint="--only")
    return [known for name, known in asked.items() if not only or name in only]


def _evaluated(
    path: str, question: Question, zone: timezone | None, title: str = "Evaluating"
) -> tuple[Evaluation, list[Evidence]]:
    """Read a file and judge, with a moving line on stderr."""
    settings = current_settings()
    rules = rules_of(settings, speak_from_s=0)
    with _moving(title) as status:
        status.update(f"{title}: reading")
        history = read_history(path, zone=zone, accept_from_s=settings.accept_from_s, currency=settings.base_currency)
        return evaluated(history, question, rules, lambda part: status.update(f"{title}: {part:.0%} of the time lived"))


@contextmanager
def _moving(title: str) -> Iterator[Any]:
    with Console(stderr=True).status(title) as status:
        yield status
