"""`latido customer`: everything we know of one customer, for whoever stands before them."""

import asyncio
import sys

import click
import msgspec

from schemas import CustomerDocument
from streams.cli import current_settings
from streams.cli.terminal import quiet_clients
from streams.core.signals import CHURN_RISK, NEXT_BEST_ACTIONS
from streams.errors import LatidoError
from streams.listening import Heard, listening
from streams.settings import Settings
from streams.topics import DOCUMENTS, OUTPUTS
from streams.wording import explained, page


@click.command()
@click.argument("customer_id", metavar="ID")
@click.option(
    "--why", is_flag=True, help="Also the reasons, what an act would change, the value at risk, and the last action."
)
@click.option("--json", "as_json", is_flag=True, help="The document as it stands on the topic; with --why all three.")
def customer(customer_id: str, why: bool, as_json: bool) -> None:
    """
    Show one customer, whole, in plain words; a visitor who is not signed in is `~` and the anonymous id.

    Read from the topic `customers`, which holds the current truth.
    """
    settings = current_settings()
    quiet_clients()
    document, signals = asyncio.run(_find(settings, customer_id, why=why))
    if as_json:
        found = {"customer": msgspec.Raw(document)} | {
            heard.topic: msgspec.Raw(heard.value or b"null") for heard in signals
        }
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(found) if why else document, indent=2).decode() + "\n")
        return
    click.echo(page(msgspec.json.decode(document, type=CustomerDocument), settings.horizon_days))
    if why:
        click.echo("\nLast said")
        for heard in signals:
            click.echo("\n".join(f"  {said}" for said in explained(heard)))


async def _find(settings: Settings, key: str, *, why: bool) -> tuple[bytes, list[Heard]]:
    async with listening(settings) as listener:
        found = await listener.latest(OUTPUTS[DOCUMENTS], key)
        if found is None or not found.value:
            raise LatidoError("Nobody of this id is known here; a visitor who is not signed in begins with ~.")
        signals = [await listener.latest(topic, key) for topic in (CHURN_RISK, NEXT_BEST_ACTIONS)] if why else []
        return found.value, [heard for heard in signals if heard is not None]
