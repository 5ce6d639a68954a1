"""A catalogue that was parsed is whole; what is wrong is said by file, line, table and field."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import CONTACT_CHANNELS
from schemas.catalogue import MAX_ACTIONS, MOMENTS
from streams.core.arbitration import vector
from streams.core.arms import HOLDOUT
from streams.core.catalogue import EMPTY, FOREVER_S, WORDS, Catalogue, CatalogueError, parse
from streams.core.choose import stake
from streams.core.clocks import ANSWERING
from streams.core.moments import Moment
from streams.core.places import Places
from streams.core.segments import prepared
from tests.core.stories import CATALOGUE

HANDBOOK = (Path(__file__).parents[2] / "deploy" / "catalogue.md").read_text(encoding="utf-8")
ABOVE = """\
[policy]
languages = ["en", "de"]
[channels.email]
[channels.push]
[moments.first_purchase]
window_s = 3600
[moments.second_purchase]
window_s = 3600
[moments.detractor]
window_s = 3600
"""
AT = ABOVE.count("\n") + 1
"""The line of the first action's header."""

GOOD = {
    "name": '"thanks"',
    "moments": '["first_purchase"]',
    "channel": '"email"',
    "purpose": '"relation"',
    "value_minor": "100",
    "prior": "[1, 9]",
    "cooldown_s": "0",
    "expires_after_s": "3600",
    "template": '{ en = "Thank you.", de = "Danke." }',
}


def action(**changes: str | None) -> str:
    """One action in TOML, each field on a line of its own, with fields changed, added or (None) left out."""
    fields = {name: value for name, value in {**GOOD, **changes}.items() if value is not None}
    return "[[action]]\n" + "\n".join(f"{name} = {value}" for name, value in fields.items()) + "\n"


def line(field: str) -> int:
    """Say on which line a field of the first action stands; one that was added stands at the end."""
    return AT + 1 + (list(GOOD).index(field) if field in GOOD else len(GOOD))


def faults(text: str) -> list[str]:
    """Say all that is wrong with a catalogue."""
    with pytest.raises(CatalogueError) as caught:
        parse(text, "mine.toml")
    assert str(caught.value) == str(caught.value.faults[0])
    return [str(fault) for fault in caught.value.faults]


def one(**changes: str | None) -> str:
    """A whole catalogue with one action."""
    return ABOVE + action(**changes)


def test_the_shipped_catalogue_answers_every_moment() -> None:
    """Every moment there is has a rule and an action."""
    assert MOMENTS == tuple(CATALOGUE.moments) == tuple(CATALOGUE.by_moment)


@pytest.mark.parametrize(
    ("name", "moments", "channel", "facts"),
    [
        ("try_at_home", {"helped_and_left"}, "email", {}),
        ("small_donation_vote", {"milestone", "referral_bought"}, "email", {}),
        ("november_bonus", {"risk_rose", "win_back"}, "email", {"experiment": "november_bonus", "arm": "bonus"}),
        ("refill_reminder", {"refill_due"}, "email", {}),
        ("refill_task", {"refill_due"}, "staff", {}),
        ("greet_in_shop", {"came_to_shop"}, "staff", {}),
        ("greet_on_web", {"came_to_web"}, "web", {}),
    ],
)
def test_the_playbook_is_in_the_shipped_catalogue(
    name: str, moments: set[str], channel: str, facts: dict[str, Any]
) -> None:
    """Each worked example is an action, in both languages."""
    found = CATALOGUE.by_name[name]

    assert (moments, channel, {"en", "de"}) == (set(found.moments), found.channel, set(found.template))
    assert facts == {field: getattr(found, field) for field in facts}


def test_the_bonus_is_time_boxed() -> None:
    """It begins, it ends, it has a budget for each day, and half of those it is meant for are the comparison."""
    bonus = CATALOGUE.by_name["november_bonus"]
    seasons = [int(datetime(2026, month, day, tzinfo=UTC).timestamp()) for month, day in ((11, 23), (12, 7))]
    experiment = CATALOGUE.experiments["november_bonus"]

    assert seasons == [bonus.valid_from_s, bonus.valid_until_s] == [experiment.from_s, experiment.until_s]
    assert (True, 500) == (bonus.discount, bonus.budget_per_day)
    assert {"control": 0.5, "bonus": 0.5} == experiment.arms


def test_whoever_complains_is_answered_in_either_arm() -> None:
    """What answers a complaint, a bad answer or a long wait is a duty of people, and there is nothing to stop it."""
    owed = [one for name in ANSWERING for one in CATALOGUE.by_moment[name]]

    assert {"answer_complaint", "answer_detractor", "escalate_response"} == {one.name for one in owed}
    assert {(True, "staff", "service", None, 0)} == {
        (one.duty, one.channel, one.purpose, one.when, one.cooldown_s) for one in owed
    }
    assert (False, (), False) == (
        CATALOGUE.channels["staff"].quiet, CATALOGUE.channels["staff"].contacts, CATALOGUE.channels["staff"].counts
    )  # fmt: skip


def test_what_sells_needs_consent_wherever_it_disturbs() -> None:
    """On every channel that reaches somebody who is not with us at the moment, only consent lets marketing pass."""
    reaching = {one.channel for one in CATALOGUE.actions} - {"web", "app", "staff"}

    assert {True} == {"marketing" in CATALOGUE.channels[channel].needs_consent for channel in reaching}


@pytest.mark.parametrize("name", ["what_is_new", "win_back", "shop_visit_follow_up", "survey"])
def test_a_weak_bargain_often_loses_to_nothing(name: str) -> None:
    """Attention costs: what seldom brings anything is often not worth an email."""
    found = CATALOGUE.by_name[name]

    assert 0.25 < vector([stake(found, Moment(found.moments[0], 0, 0, 1, 40))])[-1] < 0.75


def test_every_shipped_action_is_worth_doing_at_its_prior() -> None:
    """Believing its prior, an action of the shipped catalogue brings more than it costs."""
    worth = {
        one.name: sum(one.prior[:1]) / sum(one.prior) * one.value_minor * one.lever - one.cost_minor
        for one in CATALOGUE.actions
    }

    assert {} == {name: value for name, value in worth.items() if value <= 0}


def test_the_handbook_shows_a_catalogue_that_holds() -> None:
    """Its examples together are a catalogue, apart from the tables of moments."""
    examples = re.findall(r"```toml\n(.*?)```", HANDBOOK.partition("## Conditions")[0], re.DOTALL)

    catalogue = parse("[moments.refill_due]\nwindow_s = 3600\n" + "".join(examples), "handbook")

    assert (["refill_reminder"], 3) == ([found.name for found in catalogue.actions], len(examples))


def test_the_handbook_has_a_row_for_every_moment() -> None:
    """With the words that its texts may use."""
    rows = {row.split(" | ")[0].strip("| "): row for row in HANDBOOK.splitlines() if row.startswith("| `")}
    told = {
        moment: set(re.findall("`([a-z_]+)`", row.rpartition(" | ")[2]))
        for names, row in rows.items()
        for moment in re.findall("`([a-z_]+)`", names)
        if moment in WORDS
    }

    assert {moment: set(words) for moment, words in WORDS.items()} == told


def test_what_a_decision_looks_at_is_made_ready() -> None:
    """Instants are seconds, conditions are compiled, clock times are minutes, actions stand by their moments."""
    text = one(when='"orders >= 1"', valid_from="2026-01-01T01:00:00+01:00").replace(
        "[policy]", '[policy]\nquiet_hours = { from = "21:30", until = "08:00", zone = "Asia/Kolkata" }'
    ) + action(name='"again"', moments='["second_purchase", "first_purchase"]')

    catalogue = parse(text)

    again, thanks = catalogue.actions
    assert (1767225600, FOREVER_S) == (thanks.valid_from_s, thanks.valid_until_s)
    assert thanks.when is not None
    assert {"orders"} == thanks.when.names
    assert ((1290, 480), "Asia/Kolkata") == (catalogue.quiet, catalogue.zone)
    assert {"first_purchase": (again, thanks), "second_purchase": (again,)} == catalogue.by_moment
    assert CONTACT_CHANNELS.index("email") == thanks.channel_number
    assert prepared(catalogue.segments) == catalogue.segment_rules


def test_the_version_follows_the_meaning() -> None:
    """Comments and the order of tables do not change the version; a limit and a wording do."""
    a, b = action(name='"a"'), action(name='"b"')

    assert parse(ABOVE + a + b) == parse("# hello\n" + ABOVE + b + a)
    assert 3 == len(
        {
            parse(text).version
            for text in (ABOVE + a, ABOVE + action(name='"a"', cooldown_s="1"), ABOVE + a.replace("Danke", "Merci"))
        }
    )


def test_an_empty_text_is_an_empty_catalogue() -> None:
    """Nothing is ever decided by it."""
    assert EMPTY == parse("")


REFUSED = {
    "an unknown field": (
        one(colour='"red"'),
        f"mine.toml:{line('new')}: action 'thanks' colour: there is no such field",
    ),
    "a misspelt field": (
        one(cost_minr="3"),
        f"mine.toml:{line('new')}: action 'thanks' cost_minr: there is no such field; did you mean 'cost_minor'.",
    ),
    "a missing field": (
        one(channel=None),
        f"mine.toml:{AT}: action 'thanks' channel: the field is missing.",
    ),
    "an action without a name": (one(name=None), f"mine.toml:{AT}: action 1 name: the field is missing."),
    "a number that is too small": (
        one(cooldown_s="-1"),
        f"mine.toml:{line('cooldown_s')}: action 'thanks' cooldown_s: expected a whole number >= 0.",
    ),
    "an unbelievable prior": (
        one(prior="[0, 9]"),
        f"mine.toml:{line('prior')}: action 'thanks' prior[0]: expected a number >= 1.0.",
    ),
    "a lever that is no number": (
        one(lever="nan"),
        f"mine.toml:{line('new')}: action 'thanks' lever: expected a number > 0.0.",
    ),
    "a day where an instant is needed": (
        one(valid_from="2026-01-01"),
        f"mine.toml:{line('new')}: action 'thanks' valid_from: expected an instant, got a day.",
    ),
    "an instant without a zone": (
        one(valid_from="2026-01-01T00:00:00"),
        f"mine.toml:{line('new')}: action 'thanks' valid_from: expected an instant with a timezone component.",
    ),
    "an ill-typed condition": (
        one(when="\"orders >= 'three'\""),
        f"mine.toml:{line('new')}: action 'thanks' when: column 8: ",
    ),
    "a condition on nothing": (
        one(when='"ordrs >= 3"'),
        f"mine.toml:{line('new')}: action 'thanks' when: column 1: There is no 'ordrs'; did you mean 'orders'?.",
    ),
    "a segment that is not there": (
        one(when="\"segment == 'royal'\""),
        f"mine.toml:{line('new')}: action 'thanks' when: column 12: ",
    ),
    "an endless condition": (
        one(when='"' + "orders > 1 or " * 40 + 'orders > 1"'),
        f"mine.toml:{line('new')}: action 'thanks' when: expected a text of length <= 500.",
    ),
    "a condition that is too deep": (
        one(when='"' + "(" * 60 + "orders > 1" + ")" * 60 + '"'),
        f"mine.toml:{line('new')}: action 'thanks' when: column ",
    ),
    "a condition of too many parts": (
        one(when='"' + "orders>1 or " * 35 + 'orders>1"'),
        f"mine.toml:{line('new')}: action 'thanks' when: column ",
    ),
    "a variable that was not declared": (
        one(template='{ en = "Order {orders}." }'),
        f"mine.toml:{line('template')}: action 'thanks' template.en: {{orders}} is not among the action's variables.",
    ),
    "a variable that is missing in one language": (
        one(variables='["orders"]', template='{ en = "Order {orders}.", de = "Danke." }'),
        f"mine.toml:{line('template')}: action 'thanks' template.de: {{orders}} is declared in variables and missing",
    ),
    "a variable that the moment does not tell": (
        one(variables='["views"]', template='{ en = "{views} times." }'),
        f"mine.toml:{line('new')}: action 'thanks' variables: first_purchase cannot fill {{views}}, only orders.",
    ),
    "a variable that only one of the moments tells": (
        one(variables='["score"]', moments='["detractor", "second_purchase"]', template='{ en = "{score}" }'),
        f"mine.toml:{line('new')}: action 'thanks' variables: detractor and second_purchase cannot all fill {{score}}",
    ),
    "a brace without its partner": (
        one(template='{ en = "Hello {" }'),
        f"mine.toml:{line('template')}: action 'thanks' template.en: a brace is without its partner.",
    ),
    "no text in the first language": (
        one(template='{ de = "Danke." }'),
        f"mine.toml:{line('template')}: action 'thanks' template: the text in 'en' is missing",
    ),
    "a language that is not the policy's": (
        one(template='{ en = "Hi.", fr = "Salut." }'),
        f"mine.toml:{line('template')}: action 'thanks' template.fr: the policy's languages are en, de.",
    ),
    "a text that is no text": (
        one(template='{ en = "Hi.", de = 3 }'),
        f"mine.toml:{line('template')}: action 'thanks' template.de: expected a text, got a whole number.",
    ),
    "a banned word": (
        one(template='{ en = "So CHEAP." }') + '[brand]\nbanned = ["cheap"]\n',
        f"mine.toml:{line('template')}: action 'thanks' template.en: the brand never says 'cheap'.",
    ),
    "a banned word in a footer": (
        one() + '[brand]\nbanned = ["cheap"]\n[brand.footer.push]\nde = "x"\nen = "cheap"\n',
        f"mine.toml:{line('new') + 4}: brand footer.push.en: the brand never says 'cheap'.",
    ),
    "a message that becomes too long": (
        one(variables='["orders"]', template='{ en = "Thank you for {orders}." }') + "[brand.max_length]\nemail = 21\n",
        f"mine.toml:{line('template')}: action 'thanks' template.en: "
        "it may become 22 characters long; on email at most 21 are allowed.",
    ),
    "a missing footer": (
        one() + '[brand]\nneeds_footer = ["email"]\n[brand.footer.email]\nen = "Stop: here."\n',
        f"mine.toml:{line('template')}: action 'thanks' template.de: [brand.footer.email] has no footer in 'de'.",
    ),
    "a channel that does not exist": (
        one(channel='"fax"'),
        f"mine.toml:{line('channel')}: action 'thanks' channel: there is no 'fax'; it may be email, push",
    ),
    "a channel without a table": (
        one(channel='"sms"'),
        f"mine.toml:{line('channel')}: action 'thanks' channel: there is no table [channels.sms].",
    ),
    "a table for a channel that does not exist": (
        "[channels.fax]\n",
        "mine.toml:1: channels.fax: there is no such channel; there are app, email",
    ),
    "a moment that does not exist": (
        one(moments='["full_moon"]'),
        f"mine.toml:{line('moments')}: action 'thanks' moments[0]: there is no 'full_moon'; it may be cart_abandoned",
    ),
    "a moment without a table": (
        one(moments='["win_back"]'),
        f"mine.toml:{line('moments')}: action 'thanks' moments: there is no table [moments.win_back].",
    ),
    "a moment's field that says nothing there": (
        "[moments.win_back]\nwindow_s = 60\nminimum = 4\n",
        "mine.toml:3: moments.win_back minimum: it belongs to browsed_and_left or refill_due only.",
    ),
    "an interval of a moment without one": (
        "[moments.win_back]\nwindow_s = 60\nleast_days = 4\n",
        "mine.toml:3: moments.win_back least_days: it belongs to refill_due only.",
    ),
    "a duty with a discount": (
        one(duty="true", discount="true", purpose='"marketing"'),
        f"mine.toml:{line('new') + 1}: action 'thanks' discount: a duty is owed to everybody: no",
    ),
    "a duty with a budget": (
        one(duty="true", budget_per_day="5"),
        f"mine.toml:{line('new') + 1}: action 'thanks' budget_per_day: a duty is owed to everybody: no",
    ),
    "a duty in an experiment": (
        one(duty="true", arm='"a"', experiment='"gift"')
        + '[experiments.gift]\nsalt = "x"\narms = { a = 0.5, b = 0.5 }\n',
        f"mine.toml:{line('new') + 2}: action 'thanks' experiment: a duty is owed to everybody: no",
    ),
    "a milestone of nothing": (
        "\n[moments.milestone]\nwindow_s = 60\n",
        "mine.toml:2: moments.milestone: it names no milestone: orders, spend_minor or anniversaries.",
    ),
    "a window that never opens": (
        "[moments.milestone]\nwindow_s = 0\n",
        "mine.toml:2: moments.milestone window_s: expected a whole number >= 60.",
    ),
    "an unknown experiment": (
        one(experiment='"gift"', arm='"a"'),
        f"mine.toml:{line('new')}: action 'thanks' experiment: there is no table [experiments.gift].",
    ),
    "an unknown arm": (
        one(arm='"c"', experiment='"gift"') + '[experiments.gift]\nsalt = "x"\narms = { a = 0.5, b = 0.5 }\n',
        f"mine.toml:{line('new')}: action 'thanks' arm: 'gift' has no arm 'c', but a or b.",
    ),
    "an experiment without an arm": (
        one(experiment='"gift"') + '[experiments.gift]\nsalt = "x"\narms = { a = 0.5, b = 0.5 }\n',
        f"mine.toml:{AT}: action 'thanks' arm: experiment and arm belong together, and one of them is missing.",
    ),
    "arms that do not add up": (
        '[experiments.gift]\nsalt = "x"\narms = { a = 0.5, b = 0.4 }\n',
        "mine.toml:3: experiments.gift arms: the shares of the arms add up to 0.9 and not to 1.",
    ),
    "an arm of nobody": (
        '[experiments.gift]\nsalt = "x"\n[experiments.gift.arms]\na = 0.5\nb = 0.5\nc = 0.0\n',
        "mine.toml:6: experiments.gift arms.c: expected a number > 0.0.",
    ),
    "an experiment of one arm": (
        '[experiments.gift]\nsalt = "x"\narms = { a = 0.9 }\n',
        "mine.toml:3: experiments.gift arms: it has 1, which are too few or too many.",
    ),
    "an experiment that ends before it begins": (
        '[experiments.gift]\nsalt = "x"\narms = { a = 0.5, b = 0.5 }\n'
        "from = 2026-02-01T00:00:00Z\nuntil = 2026-01-01T00:00:00Z\n",
        "mine.toml:5: experiments.gift until: it must be later than from.",
    ),
    "an experiment called as the holdout": (
        f'[experiments.{HOLDOUT}]\nsalt = "x"\narms = {{ a = 0.5, b = 0.5 }}\n',
        "mine.toml:1: experiments.holdout: the name is taken by the holdout of the policy.",
    ),
    "overlapping experiments": (
        one(experiment='"one"\narm = "a"')
        + action(name='"other"', experiment='"two"\narm = "a"')
        + '[experiments.one]\nsalt = "x"\narms = { a = 0.5, b = 0.5 }\nuntil = 2026-02-02T00:00:00Z\n'
        + '[experiments.two]\nsalt = "y"\narms = { a = 0.5, b = 0.5 }\nfrom = 2026-02-01T00:00:00Z\n',
        f"mine.toml:{AT + 28}: experiments.two: "
        "it overlaps with 'one': both run at the same time and have actions for first_purchase.",
    ),
    "a name twice": (
        one() + action(),
        f"mine.toml:{AT + len(GOOD) + 2}: action 'thanks' name: the name occurs more than once.",
    ),
    "the name of nothing": (
        one(name='"nothing"'),
        f"mine.toml:{line('name')}: action 'nothing' name: the name is taken by the decision to do nothing.",
    ),
    "a name that is none": (
        one(name='"Thanks!"'),
        f"mine.toml:{line('name')}: action 'Thanks!' name: expected a name: a small letter, then small letters",
    ),
    "a season that ends before it begins": (
        one(valid_until="2026-01-01T00:00:00Z", valid_from="2026-02-01T00:00:00Z"),
        f"mine.toml:{line('new')}: action 'thanks' valid_until: it must be later than valid_from.",
    ),
    "a season outside the experiment": (
        one(valid_until="2026-01-01T00:00:00Z", experiment='"gift"\narm = "a"')
        + '[experiments.gift]\nsalt = "x"\narms = { a = 0.5, b = 0.5 }\nfrom = 2026-02-01T00:00:00Z\n',
        f"mine.toml:{line('new')}: action 'thanks' valid_until: the action is never valid while 'gift' runs.",
    ),
    "a deadline after the end": (
        one(respond_within_s="7200"),
        f"mine.toml:{line('new')}: action 'thanks' respond_within_s: "
        "the deadline would come after the decision has expired.",
    ),
    "an expiry of nothing": (
        one(expires_after_s="0"),
        f"mine.toml:{line('expires_after_s')}: action 'thanks' expires_after_s: expected a whole number >= 60.",
    ),
    "a discount that is called a service": (
        one(discount="true", purpose='"service"'),
        f"mine.toml:{line('purpose')}: action 'thanks' purpose: a discount sells; its purpose is marketing",
    ),
    "quiet hours of a zone that is none": (
        '[policy]\nquiet_hours = { from = "21:00", until = "08:00", zone = "Mars/Olympus" }\n',
        "mine.toml:2: policy quiet_hours.zone: there is no time zone 'Mars/Olympus'.",
    ),
    "quiet hours that do not begin": (
        '[policy]\nquiet_hours = { from = "9", until = "08:00" }\n',
        'mine.toml:2: policy quiet_hours.from: expected a time of day such as "21:00".',
    ),
    "quiet hours around the clock": (
        '[policy]\nquiet_hours = { from = "08:00", until = "08:00" }\n',
        "mine.toml:2: policy quiet_hours: from and until are the same; leave the field out for no quiet hours.",
    ),
    "a limit without its days": (
        "[policy]\ncontacts = [\n  { most = 1, days = 1 },\n  { most = 2 },\n]\n",
        "mine.toml:2: policy contacts[1].days: the field is missing.",
    ),
    "an unknown purpose": (
        '[channels.email]\nneeds_consent = ["sales"]\n',
        "mine.toml:2: channels.email needs_consent[0]: there is no 'sales'; it may be service, relation or marketing.",
    ),
    "a length for a channel that does not exist": (
        "[brand.max_length]\nemail = 100\nfax = 30\n",
        "mine.toml:3: brand max_length.fax: there is no 'fax'; it may be email, push",
    ),
    "a fifth segment": (
        "[segments]\na.orders = 5\nb.orders = 4\nc.orders = 3\nd.orders = 2\ne = {}\n",
        "mine.toml:6: segments.e: this is one of 5; at most 4 are allowed, for more than these nobody keeps apart.",
    ),
    "a table that does not exist": (
        "[settings]\n",
        "mine.toml:1: settings: there is no such table; there are action, brand",
    ),
    "actions that are none": ("action = 3\n", "mine.toml:1: action: write every action as a table of its own"),
    "what is not TOML": ("a = 1\n[[action\n", "mine.toml:2: the catalogue: it is not TOML: column 9: Expected"),
    "what ends too early": ('a = 1\nb = """', "mine.toml:2: the catalogue: it is not TOML: "),
    "what is too deep": ("a = " + "[" * 100_000, "mine.toml:1: the catalogue: it is not TOML: tables or lists stand"),
    "what is endless": ("#" * 300_000, "mine.toml:1: the catalogue: it has 300000 characters; at most"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "sentence"), REFUSED.values(), ids=REFUSED)
def test_refused_with_file_line_and_reason(text: str, sentence: str) -> None:
    """One sentence names file, line, table, field and what was expected."""
    found = faults(text)

    assert sentence == found[0][: len(sentence)]
    assert all("\n" not in fault and fault.endswith(".") for fault in found)


def test_the_good_catalogue_of_these_tests_is_good() -> None:
    """What is refused above is refused for the one thing that was changed."""
    assert ["thanks"] == [found.name for found in parse(one()).actions]


def test_experiments_that_do_not_meet_are_no_overlap() -> None:
    """One after the other, or for different moments: what each does can be told."""
    after_another = (
        one(experiment='"one"\narm = "a"')
        + action(name='"other"', experiment='"two"\narm = "a"')
        + '[experiments.one]\nsalt = "x"\narms = { a = 0.5, b = 0.5 }\nuntil = 2026-02-01T00:00:00Z\n'
        + '[experiments.two]\nsalt = "y"\narms = { a = 0.5, b = 0.5 }\nfrom = 2026-02-01T00:00:00Z\n'
    )
    apart = after_another.replace("until = 2026", "until = 2027").replace('["first', '["second', 1)

    assert {"one", "two"} == parse(after_another).experiments.keys() == parse(apart).experiments.keys()


def test_all_faults_are_said_in_the_order_of_their_lines() -> None:
    """Whoever mends a catalogue sees everything at once."""
    text = one(valid_until="2026-01-01T00:00:00Z\nvalid_from = 2026-02-01T00:00:00Z", name='"nothing"', channel='"sms"')

    assert [line("name"), line("channel"), line("new")] == [int(fault.split(":")[1]) for fault in faults(text)]


def test_too_many_actions_are_refused() -> None:
    """So many actions at most: every one may leave a line in every record."""
    text = ABOVE + "".join(action(name=f'"a{number}"') for number in range(MAX_ACTIONS + 1))

    assert [
        f"mine.toml:{AT + MAX_ACTIONS * (len(GOOD) + 1)}: action 'a64': this is one of 65; at most 64 are allowed."
    ] == faults(text)


def test_a_place_is_found_behind_everything_that_looks_like_one() -> None:
    """Headers in texts, brackets in comments, lists over several lines and quoted keys mislead nobody."""
    places = Places(
        '[policy] # [brand]\ncontacts = [ # {\n  { most = 1 },\n]\n[[action]]\nname = """\n[[action]]\nname = 1\n"""\n'
        "[action.template]\n\"en\" = '# ['\n[[action]]\r\n'na.me' = \"\\\"[\"\ntemplate.de = 'x'\n"
    )  # fmt: skip

    lines = {
        ("policy", "contacts", 0, "most"): 2,
        ("action", 0): 5,
        ("action", 0, "name"): 6,
        ("action", 0, "template", "en"): 11,
        ("action", 1, "na.me"): 13,
        ("action", 1, "template", "de"): 14,
        ("nowhere",): 1,
    }
    assert lines == {path: places.line(path) for path in lines}


_EXPERIMENT = '[experiments.e]\nsalt = "x"\narms = { a = 0.5, b = 0.5 }'
_PIECES = [
    *one().splitlines(), _EXPERIMENT, 'experiment = "e"', 'arm = "a"', "[segments]", "a.orders = 3", "b = {}",
    "[[action]]", "[brand.max_length]", "email = 22", "policy = 3", '"', "[[", "'' = 1", "channel = {}", "name = []",
    "[action]", "action = [3]", "[brand.footer.email]", 'en = "{"',
]  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.text(max_size=60), st.lists(st.sampled_from(_PIECES), max_size=30).map("\n".join)))
def test_any_text_is_a_catalogue_or_is_refused_with_a_line(text: str) -> None:
    """Nothing but the one error is raised, and it names a line of the text."""
    try:
        assert isinstance(parse(text), Catalogue)
    except CatalogueError as error:
        for fault in error.faults:
            assert 1 <= fault.line <= text.count("\n") + 1
