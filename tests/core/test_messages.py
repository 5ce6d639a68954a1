"""A message is a template of the catalogue, filled, in the customer's language, with the footer of its channel."""

import pytest

from streams.core.catalogue import Catalogue, parse
from streams.core.messages import Message, message
from streams.core.templates import COMMON_WORDS, LONGEST, WORDS, longest
from tests.core.stories import CATALOGUE

TEXT = """\
[policy]
languages = ["en", "de", "fr"]
[channels.email]
[channels.web]
[moments.browsed_and_left]
window_s = 3600
[brand.footer.email]
en = "Stop: here."
de = "Genug: hier."
[[action]]
name = "advice"
moments = ["browsed_and_left"]
channel = "email"
purpose = "service"
value_minor = 1
prior = [1, 1]
cooldown_s = 0
expires_after_s = 60
variables = ["product_id"]
[action.template]
en = "Still thinking of {product_id}?"
de = "Noch unsicher wegen {product_id}?"
"""
WORDS_TOLD = {"product_id": "p1", "views": "3", "orders": "0"}


def written(channel: str = "email") -> Catalogue:
    """One action on a channel."""
    return parse(TEXT.replace('channel = "email"', f'channel = "{channel}"'))


def said(language: str | None, channel: str = "email", **words: str) -> Message:
    """Say the one action."""
    catalogue = written(channel)
    return message(catalogue, catalogue.actions[0], language, WORDS_TOLD | words)


@pytest.mark.parametrize(
    ("language", "template", "text"),
    [
        ("de", "advice/de", "Noch unsicher wegen p1?\n\nGenug: hier."),
        ("en", "advice/en", "Still thinking of p1?\n\nStop: here."),
        ("fr", "advice/en", "Still thinking of p1?\n\nStop: here."),
        ("", "advice/en", "Still thinking of p1?\n\nStop: here."),
        (None, "advice/en", "Still thinking of p1?\n\nStop: here."),
    ],
)
def test_a_customer_is_spoken_to_in_a_language_they_read(language: str | None, template: str, text: str) -> None:
    """Who reads none that there is, or has not said, gets the policy's first; the footer keeps to the language."""
    assert (template, text) == (said(language).template, said(language).text)


def test_only_the_declared_variables_are_told() -> None:
    """What a message does not use is not handed on with it."""
    assert {"product_id": "p1"} == said("en").variables


def test_a_channel_without_a_footer_has_none() -> None:
    """A line on the page needs no way out of a mailing list."""
    assert "Still thinking of p1?" == said("en", channel="web").text


def test_what_is_filled_in_is_never_read_as_a_template() -> None:
    """A product may be called like a variable, or hold braces."""
    assert said("en", product_id="{views}").text.startswith("Still thinking of {views}?")


def test_no_message_of_the_shipped_catalogue_becomes_too_long_or_stays_unfilled() -> None:
    """With the longest words, in every language, each stays within its channel's length."""
    for action in CATALOGUE.actions:
        for language in ("en", "de"):
            words = {name: "x" * LONGEST[name] for name in WORDS[action.moments[0]] | COMMON_WORDS}
            told = message(CATALOGUE, action, language, words)

            assert f"{action.name}/{language}" == told.template
            assert "{" not in told.text
            assert len(told.text) <= CATALOGUE.brand.max_length[action.channel]
            assert set(action.variables) == told.variables.keys()


def test_the_longest_words_are_reckoned_as_long_as_they_are_filled() -> None:
    """The length that the check reckons is the length that comes out."""
    words = {name: "x" * most for name, most in LONGEST.items()}
    catalogue = written("web")

    reckoned = longest(catalogue.actions[0].template["de"])

    assert reckoned == len(message(catalogue, catalogue.actions[0], "de", words).text)


def test_every_name_has_a_greatest_length() -> None:
    """A name without one would pass every check of length."""
    assert set(LONGEST) == COMMON_WORDS.union(*WORDS.values())
