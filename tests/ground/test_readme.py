"""What README points at is there: the tests that keep its promises, and its links."""

import re
from pathlib import Path

import pytest

from schemas import ChurnRisk

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
PROMISED = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", README)
LINKS = [link for link in re.findall(r"\]\(([^)#]+)\)", README) if "://" not in link]


@pytest.mark.parametrize(("path", "name"), PROMISED, ids=[name for _, name in PROMISED])
def test_a_promise_names_a_test_that_is_there(path: str, name: str) -> None:
    """A promise without its test is an advertisement."""
    assert re.search(rf"^(async )?def {name}\(", (ROOT / path).read_text(), re.MULTILINE)


@pytest.mark.parametrize("link", LINKS)
def test_a_link_leads_somewhere(link: str) -> None:
    """A reader who follows a link finds a file or a folder."""
    assert (ROOT / link).exists()


def test_every_field_of_a_churn_risk_is_explained() -> None:
    """Who reads the topic finds each field in the table of the contract's page."""
    page = (ROOT / "schemas" / "README.md").read_text()
    table = page[page.index("## What a churn risk says") : page.index("## Duplicates")]

    assert [] == [name for name in ChurnRisk.__struct_fields__ if f"`{name}`" not in table]
