"""The lease: whoever stood still for too long ends itself, before another write and whatever runs first."""

import signal
import subprocess
import sys
import time

import pytest

from streams.engine.ends import LEASE_LOST

SPAN_S = 1.0

BEATING = f"""
import asyncio, time
from streams.engine.lease import Lease

async def main():
    lease = Lease({SPAN_S})
    lease.check()
    task = asyncio.create_task(lease.beat())
    await asyncio.sleep(0.05)
    print("beating", flush=True)
    {{work}}

asyncio.run(main())
"""
WRITING = "while True:\n        await asyncio.sleep(0.001); lease.check()"
ONLY_BEATING = "await task"
WORKING_HARD = "time.sleep(2)\n    lease.check(); print('wrote', flush=True)"


def process(work: str) -> subprocess.Popen[str]:
    """A process whose lease beats while it does some work."""
    started = subprocess.Popen(
        [sys.executable, "-c", BEATING.format(work=work)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert started.stdout is not None
    assert "beating\n" == started.stdout.readline()
    return started


@pytest.mark.parametrize("work", [WRITING, ONLY_BEATING], ids=["the writer runs", "only the beat runs"])
def test_a_process_that_was_frozen_ends_when_it_is_thawed(work: str) -> None:
    """Exit code 75 and one line; the beat judges its own gap, so that it cannot hide it from a writer."""
    frozen = process(work)
    frozen.send_signal(signal.SIGSTOP)
    time.sleep(3 * SPAN_S)
    frozen.send_signal(signal.SIGCONT)
    _, said = frozen.communicate(timeout=30)

    assert LEASE_LOST == frozen.returncode
    assert f"This worker stood still for more than {SPAN_S:g} s and may no longer write; start it again.\n" == said


def test_a_loop_that_is_kept_from_beating_may_not_write() -> None:
    """Work that holds the loop for longer than the lease is a standstill too."""
    busy = process(WORKING_HARD)
    written, _ = busy.communicate(timeout=30)

    assert (LEASE_LOST, "") == (busy.returncode, written)


def test_a_process_that_beats_lives_longer_than_one_lease() -> None:
    """A lease that is renewed does not end."""
    alive = process("await asyncio.sleep(2.5); lease.check(); print('wrote')")
    written, _ = alive.communicate(timeout=30)

    assert (0, "wrote\n") == (alive.returncode, written)
