"""`latido explain`: one decision, whole, for whoever asks why."""

import asyncio
import re
import sys

import click
import msgspec

from schemas import NextBestAction
from streams.cli import current_settings
from streams.cli.terminal import quiet_clients, ticker
from streams.core.signals import NEXT_BEST_ACTIONS
from streams.errors import MISUSED, LatidoError
from streams.explaining import explanation
from streams.listening import listening
from streams.settings import Settings


class NoDecisionIdError(LatidoError):
    """What was given cannot be the id of a decision."""

    exit_code = MISUSED


@click.command()
@click.argument("decision_id", metavar="DECISION_ID")
@click.option("--json", "as_json", is_flag=True, help="The record as it stands on the topic.")
def explain(decision_id: str, as_json: bool) -> None:
    """
    Tell why a decision was made: the moment, who was refused at which gate, what was weighed, and the other arm.

    Ids stand in `latido customer` under Decided, and on the topic next-best-actions as signal_id.
    """
    settings = current_settings()
    if re.fullmatch("[0-9a-f]{32}", decision_id) is None:
        raise NoDecisionIdError(
            "The id of a decision has 32 hexadecimal digits; `latido customer ID` shows the last ones."
        )
    quiet_clients()
    found = asyncio.run(_find(settings, decision_id))
    if as_json:
        sys.stdout.write(msgspec.json.format(found, indent=2).decode() + "\n")
        return
    try:
        decision = msgspec.json.decode(found, type=NextBestAction)
    except msgspec.MsgspecError:
        raise LatidoError("An earlier version made this decision; `latido explain --json` shows it as it is.") from None
    click.echo(explanation(decision, settings.base_currency))


async def _find(settings: Settings, decision_id: str) -> bytes:
    """Look through the topic from its beginning; raise LatidoError when the decision is not there."""
    async with listening(settings) as listener:
        with ticker("Looking for the decision", "decisions") as seen:
            async for batch in listener.follow([NEXT_BEST_ACTIONS], from_beginning=True, once=True):
                for heard in seen.over(batch):
                    if heard.headers.get("id") == decision_id and heard.value is not None:
                        return heard.value
    raise LatidoError(
        "There is no decision of this id; they are kept for 30 days, see `latido tail next-best-actions`."
    )
