"""Every example in a docstring runs and shows what it says."""

import doctest
import importlib
import pkgutil

import pytest

import schemas
import streams

MODULES = [
    module.name
    for package in (schemas, streams)
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    if not module.ispkg
]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_are_true(name: str) -> None:
    """A module without examples passes; one with a wrong example prints what it really gives."""
    assert 0 == doctest.testmod(importlib.import_module(name)).failed


def test_examples_are_found() -> None:
    """The search above looks where the examples are."""
    assert "streams.settings" in MODULES
    assert 1 <= doctest.testmod(importlib.import_module("streams.settings")).attempted
