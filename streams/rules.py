"""What the core goes by, made from the settings: the one place where a catalogue file is read."""

from importlib import resources
from pathlib import Path
from typing import Final

from streams.core.book import Book
from streams.core.catalogue import Catalogue, CatalogueError, parse
from streams.core.rules import Rules
from streams.errors import SettingsError
from streams.settings import Settings

SHIPPED: Final = "catalogue.toml"


def rules_of(settings: Settings, speak_from_s: int | None = None) -> Rules:
    """
    Make the core's rules; raise `SettingsError` when the catalogue or the ring sizes cannot be used.

    `speak_from_s` replaces the settings' own where that is "the moment of the first start".
    """
    since = settings.speak_from_s
    try:
        return Rules(
            catalogue=read_catalogue(settings.catalogue),
            day_offset_s=settings.day_offset_s,
            base_currency=settings.base_currency,
            horizon_days=settings.horizon_days,
            band_edges=settings.band_edges,
            hysteresis=settings.hysteresis,
            spoken_step=settings.spoken_step,
            ring_sizes=settings.ring_sizes,
            churn_risk_expires_s=settings.churn_risk_expires_s,
            speak_from_s=since if since is not None else speak_from_s or 0,
            book=Book(settings.day_offset_s, settings.label_grace_s),
        )
    except ValueError as error:
        raise SettingsError(f"LATIDO_RING_SIZES does not fit: {error}.") from None


def read_catalogue(path: str) -> Catalogue:
    """Read a catalogue file, or the shipped one when the path is empty."""
    try:
        return parse(text_of(path), Path(path).name or SHIPPED)
    except CatalogueError as error:
        raise SettingsError(f"The catalogue cannot be used, LATIDO_CATALOGUE names it: {error}") from None


def text_of(path: str) -> str:
    """Read the text of a catalogue file, or of the shipped one when the path is empty."""
    try:
        shipped = resources.files("streams.core").joinpath(SHIPPED)
        return Path(path).read_text(encoding="utf-8") if path else shipped.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise SettingsError(f"The catalogue {path} cannot be read; LATIDO_CATALOGUE or the command names it.") from None
