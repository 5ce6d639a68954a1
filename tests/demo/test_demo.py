"""`latido demo`, the whole of it: a broker, a worker, a year, one JSON object, and nothing left behind."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from streams.demo.story import story

COMMAND = [sys.executable, "-c", "from streams.cli import main; main()", "demo", "--json"]


@pytest.fixture
def environment(tmp_path: Path, broker_libs: Path) -> dict[str, str]:
    (tmp_path / "broker").mkdir()
    (tmp_path / "broker" / "libs").symlink_to(broker_libs)
    return os.environ | {"LATIDO_DATA_DIR": str(tmp_path)}


def running(folder: Path) -> list[str]:
    """Command lines and environments of processes that know of a folder."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and process.name != str(os.getpid()):
            try:
                told = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
            except OSError:
                continue
            if str(folder / "demo").encode() in told:
                found.append(told[:200].decode(errors="replace"))
    return found


def gone(folder: Path) -> bool:
    """Whether all processes of a folder have ended; the last one may take a moment."""
    deadline = time.monotonic() + 10
    while running(folder) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not running(folder) and not (folder / "demo").exists()


def test_a_year_in_a_few_seconds(environment: dict[str, str], tmp_path: Path) -> None:
    """It ends by itself with what it saw: everything published was processed, and only the mishaps were refused."""
    done = subprocess.run([*COMMAND, "--seconds", "8"], env=environment, capture_output=True, text=True, timeout=240)

    assert 0 == done.returncode, done.stderr
    (only,) = done.stdout.splitlines()
    summary = json.loads(only)
    told = story(seed=1)
    assert (len(told), 0, 10) == (summary["events"], summary["lag"], summary["dead_letters"])
    assert 443 == summary["customers"]
    assert len(told) - len({event.raw for event in told}) == summary["duplicates"]
    assert summary["churn_risk"] > 1_000
    assert summary["next_best_actions"] > 1_000
    assert 0 < summary["p50_ms"] <= summary["p99_ms"]
    assert summary["events_per_s"] > 0
    assert gone(tmp_path)


def test_ended_early_it_leaves_nothing_running(environment: dict[str, str], tmp_path: Path) -> None:
    """Ctrl-C in the midst of it ends broker and worker too, and says so."""
    with subprocess.Popen(
        [*COMMAND, "--seconds", "600"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as demo:
        assert demo.stderr is not None
        assert "Real purchases" in demo.stderr.readline()
        demo.send_signal(signal.SIGINT)
        stdout, stderr = demo.communicate(timeout=60)

    assert (130, "") == (demo.returncode, stdout)
    assert "nothing is left running" in stderr
    assert gone(tmp_path)
