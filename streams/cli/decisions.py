"""What was decided, as tables that a marketer reads: moments, actions, refusals by gate, contacts by week."""

from typing import Any

from rich.console import Console
from rich.table import Table

from streams.core.catalogue import NOTHING
from streams.trying import Spread, Tally


def table(*titles: str, numbers: int = 0) -> Table:
    """Begin a table with plain borders, whose last columns may hold `numbers`."""
    made = Table(box=None, pad_edge=False, header_style="bold")
    for place, title in enumerate(titles):
        made.add_column(title, overflow="fold", justify="left" if place < len(titles) - numbers else "right")
    return made


def spread_in_words(found: Spread) -> str:
    """Say how often who is contacted at all is, in a week."""
    return f"{found.mean:.2f} on average, {found.p95} in 95 of 100, {found.most} at most ({found.weeks:,} weeks)."


def summary(tally: Tally) -> dict[str, Any]:
    """Say it for programs."""
    return {
        "moments": dict(sorted(tally.moments.items())),
        "actions": {
            name: {"decisions": count, "customers": len(tally.customers[name])}
            for name, count in sorted(tally.decisions.items())
        },
        "held_out": tally.held_out,
        "refusals": [
            {"action": action, "gate": gate, "times": count} for (action, gate), count in sorted(tally.refusals.items())
        ],
        "contacts": tally.contacted,
        "contacts_per_customer_and_week": tally.contacts_per_week()._asdict(),
    }


def tell(tally: Tally, console: Console) -> None:
    """Print the tables."""
    moments = table("moment", "decisions")
    for name, count in tally.moments.most_common():
        moments.add_row(name, f"{count:,}")
    actions = table("action", "decisions", "customers")
    for name, count in tally.decisions.most_common():
        actions.add_row(name, f"{count:,}", f"{len(tally.customers[name]):,}")
    refusals = table("refused", "at which gate, how often")
    for name in sorted({action for action, _ in tally.refusals}):
        refusals.add_row(name, _gates(tally, name))
    for made in (moments, actions, refusals):
        if made.row_count:
            console.print(made)
            console.print()
    console.print(
        f"{tally.contacted:,} contacts, {tally.decisions[NOTHING]:,} times nothing, of these "
        f"{tally.held_out:,} held out."
    )
    console.print(f"Contacts of a customer in a week with any: {spread_in_words(tally.contacts_per_week())}")


def _gates(tally: Tally, action: str) -> str:
    """Say at which gates an action was refused, the one that stops it most often first."""
    counts = {gate: count for (name, gate), count in tally.refusals.items() if name == action}
    return ", ".join(
        f"{gate.replace('_', ' ')} {counts[gate]:,}" for gate in sorted(counts, key=lambda at: -counts[at])
    )
