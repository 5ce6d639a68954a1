"""What README points at is there: the tests that keep its promises, and its links."""

import re
from pathlib import Path

import pytest

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
