"""Exact under `kill -9`: whatever happens to the workers, every customer is as if nothing had happened."""

import os
import time
from collections import Counter
from pathlib import Path

import pytest

from streams.broker import Broker
from tests.chaos.exact import Run, run
from tests.chaos.faults import KINDS

pytestmark = pytest.mark.broker


def test_every_customer_is_exact_under_random_faults(broker: Broker, tmp_path: Path) -> None:
    """Three kills, one SIGTERM and one freeze longer than the session change nothing that is remembered or said."""
    seed = int(os.environ.get("CHAOS_SEED") or time.time_ns() % 1_000_000)
    print(f"again with: CHAOS_SEED={seed} make test; ledger and logs: {tmp_path}")

    strikes, violations = run(broker.address, tmp_path, Run(seed), print)

    assert Counter(KINDS) == Counter(strike.kind for strike in strikes)
    assert {} == {name: found[:10] for name, found in violations.items()}
