"""What every room of the tests may ask for: one real broker for the whole session."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from streams import broker as local

CHECKOUT = Path(__file__).parent.parent
LIBS = CHECKOUT / ".latido" / "broker" / "libs"

# A run in the background of a shell inherits an ignored Ctrl-C, and so would every program that a test starts.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def broker_libs() -> Path:
    """Share the broker's jars between all brokers of the tests; they are fetched when they are missing."""
    return LIBS


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory, broker_libs: Path) -> Iterator[local.Broker]:
    """Run a real broker on free ports for the session; `broker.address` is where it answers."""
    data_dir = tmp_path_factory.mktemp("broker")
    yield local.start(data_dir, 0, libs=broker_libs)
    local.stop(data_dir)
