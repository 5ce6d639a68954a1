"""
Messages: the words of an action, in the customer's language.

Law: a message is a template of the catalogue, filled, with the footer of its channel; who reads none of its
languages gets the policy's first.
"""

from collections.abc import Mapping
from typing import NamedTuple

from streams.core.catalogue import Action, Catalogue
from streams.core.templates import fill, joined


class Message(NamedTuple):
    """What is to be said: which template, its language, the whole text, and what was filled in."""

    template: str
    language: str
    text: str
    variables: dict[str, str]


def message(catalogue: Catalogue, action: Action, language: str | None, words: Mapping[str, str]) -> Message:
    """
    Put an action into words, given the customer's language (None: not known) and what the moment tells.

    >>> from streams.core.catalogue import EMPTY
    >>> from streams.core.posterior import Posterior
    >>> thanks = Action(
    ...     name="thanks", moments=("milestone",), channel="email", channel_number=0, purpose="relation", when=None,
    ...     discount=False, duty=False, value_minor=1, cost_minor=0, lever=1.0, prior=Posterior(1.0, 1.0), cooldown_s=0,
    ...     expires_after_s=60, budget_per_day=None, respond_within_s=None, valid_from_s=0, valid_until_s=1 << 62,
    ...     experiment=None, arm=None, variables=("orders",),
    ...     template={"en": "Order {orders}. Thank you.", "de": "Danke."})
    >>> message(EMPTY, thanks, "fr", {"orders": "5", "days": "3"})
    Message(template='thanks/en', language='en', text='Order 5. Thank you.', variables={'orders': '5'})
    """
    known = action.template
    if language is None or language not in known:
        language = catalogue.policy.languages[0]
    footer = catalogue.brand.footer.get(action.channel, {}).get(language)
    return Message(
        f"{action.name}/{language}",
        language,
        joined(fill(known[language], words), footer),
        {name: words[name] for name in action.variables if name in words} if action.variables else {},
    )
