"""The demo on the screen: a live table where stderr is a terminal, a line now and then where it is not."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from streams.core.signals import CHURN_RISK, NEXT_BEST_ACTIONS
from streams.demo.scene import Scene
from streams.wording import line

WIDTH = 110
BAR = 40
PLAIN_EVERY_S = 5.0
COLOURS = {"low": "green", "medium": "yellow", "high": "dark_orange", "critical": "red"}

INTRODUCTION = (
    "Real purchases of a British online shop, 2010 to 2011 (UCI Online Retail, Daqing Chen, CC BY 4.0), with simulated "
    "clicks and shop visits of the same customers. Time is compressed: a year in {seconds:.0f} seconds, so the worker "
    "runs with LATIDO_CLOCK=stream and LATIDO_SPEAK_FROM=beginning."
)


class Show:
    """Draws what was seen; made by `showing`."""

    def __init__(self, console: Console, live: Live | None, seconds: float, total: int) -> None:
        """Draw on a live display, or print lines without one."""
        self._console, self._live, self._seconds, self._total = console, live, seconds, total
        self._last_plain_s = time.monotonic()
        self._before = (time.monotonic(), 0)
        self._rate = 0.0

    def draw(self, scene: Scene, metrics: Mapping[tuple[str, str], float]) -> None:
        """Bring the screen up to date."""
        now, (then, published) = time.monotonic(), self._before
        if now - then >= 1:
            self._rate = (scene.published - published) / (now - then)
            self._before = now, scene.published
        if self._live is not None:
            self._live.update(self._table(scene, metrics), refresh=True)
        elif now - self._last_plain_s >= PLAIN_EVERY_S:
            self._last_plain_s = now
            self._console.print(_plain(scene, self._rate, lag(metrics)), highlight=False, soft_wrap=True)

    def _table(self, scene: Scene, metrics: Mapping[tuple[str, str], float]) -> Panel:
        figures = Table.grid(padding=(0, 3))
        figures.add_row(
            "events", f"{scene.published:,} of {self._total:,}", f"{self._rate:,.0f}/s", f"lag {_count(lag(metrics))}"
        )
        figures.add_row(
            "the events' time", _day(scene.event_ms), "", ProgressBar(self._total, scene.published, width=BAR)
        )
        figures.add_row(
            "customers", f"{scene.customers:,}", f"+ {len(scene.known) - scene.customers:,} visitors", _bands(scene)
        )
        figures.add_row(
            "signals",
            f"{scene.signals[CHURN_RISK]:,} churn-risk",
            f"{scene.signals[NEXT_BEST_ACTIONS]:,} next-best-actions",
            _latency(scene),
        )
        figures.add_row(
            "dead letters",
            f"{scene.codes.total():,}",
            "",
            ", ".join(f"{code} {n}" for code, n in sorted(scene.codes.items())),
        )
        lines = Text("\n".join(line(heard)[: WIDTH - 4] for heard in scene.lines), no_wrap=True, overflow="ellipsis")
        title = Text(INTRODUCTION.format(seconds=self._seconds), style="dim")
        return Panel(Group(title, "", figures, "", lines), title="latido demo", width=WIDTH)


@contextmanager
def showing(seconds: float, total: int) -> Iterator[Show]:
    """A show for the block's time; the last picture stays on the screen."""
    console = Console(stderr=True)
    if console.is_terminal:
        with Live(console=console, auto_refresh=False, transient=False) as live:
            yield Show(console, live, seconds, total)
    else:
        console.print(INTRODUCTION.format(seconds=seconds), highlight=False, soft_wrap=True)
        yield Show(console, None, seconds, total)


def lag(metrics: Mapping[tuple[str, str], float]) -> int | None:
    """Source records that are not yet durable, all partitions together; None when the worker did not say."""
    found = [value for (name, _), value in metrics.items() if name == "latido_lag_records"]
    return int(sum(found)) if found else None


def closing(summary: Mapping[str, Any]) -> str:
    """The summary as a few sentences."""
    codes = ", ".join(f"{code} {count}" for code, count in summary["dead_letters_by_code"].items())
    bands = ", ".join(f"{count} {band}" for band, count in summary["bands"].items())
    actions = ", ".join(f"{action} {count:,}" for action, count in list(summary["actions"].items())[:5])
    return "\n".join(
        [
            f"{summary['events']:,} events in {summary['publishing_s']:.0f} s ({summary['events_per_s']:,.0f}/s), "
            f"{summary['duplicates']:,} of them repeated and counted once; lag at the end: {summary['lag']}.",
            f"{summary['customers']:,} customers and {summary['visitors']:,} visitors; churn risk last said: {bands}.",
            f"{summary['churn_risk']:,} churn risks, {summary['next_best_actions']:,} next best actions: {actions}.",
            f"{summary['dead_letters']} dead letters, as intended ({codes}).",
            f"From an event to its signal: p50 {summary['p50_ms']} ms, p99 {summary['p99_ms']} ms.",
        ]
    )


def _plain(scene: Scene, rate: float, behind: int | None) -> str:
    bands = " ".join(f"{band} {count}" for band, count in scene.by_band.items())
    return (
        f"{_day(scene.event_ms)}: {scene.published:,} events ({rate:,.0f}/s), lag {_count(behind)}, {bands}, "
        f"{scene.signals[CHURN_RISK]:,} churn risks, {scene.signals[NEXT_BEST_ACTIONS]:,} next best actions, "
        f"{scene.codes.total()} dead letters"
    )


def _bands(scene: Scene) -> Text:
    """Customers and visitors by band, as one bar and in figures."""
    counts, text = scene.by_band, Text()
    for band, number in counts.items():
        text.append("█" * round(BAR * number / max(1, sum(counts.values()))), COLOURS[band])
    for band, number in counts.items():
        text.append(f"\n{band} {number:,} " if band == "low" else f"{band} {number:,} ", COLOURS[band])
    return text


def _latency(scene: Scene) -> str:
    half, most = scene.latency_ms(0.50), scene.latency_ms(0.99)
    return "" if half is None else f"event → signal: p50 {half} ms, p99 {most} ms"


def _day(epoch_ms: int) -> str:
    day = datetime.fromtimestamp(epoch_ms / 1000, UTC)
    return f"{day.day} {day:%b %Y}"


def _count(number: int | None) -> str:
    return "?" if number is None else f"{number:,}"
