"""
The model learned live: what workers publish is what the evaluation learns from the same events, byte for byte.

The story is told once; each test looks at one thing that was seen in it.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from schemas import ChurnRisk
from streams.broker import Broker
from streams.core.hazard import load_model
from streams.core.labels import Report
from streams.core.learner import Label, mark_of
from streams.core.signals import version_name
from tests.chaos.exact import QUICK
from tests.chaos.stage import Stage
from tests.chaos.worker import Worker
from tests.verify.readers import read
from tests.worker.entry import COMMAND
from tests.worker.scenes import everything_committed, publish, until
from tests.worker.weeks import (
    FIRST,
    LAST,
    WEEKS,
    Models,
    at,
    happening,
    lived_through,
    models,
    once,
    reports,
    scored,
    shop,
)

pytestmark = pytest.mark.broker

SLOW, QUICKER, VACANT = 0, 1, 2
"""Partitions: the first stands still amid the last week, the second goes on, the third has no customer."""
SHARES = [1, 2]
"""How many partitions each of two workers owns."""

BY_DAY = WEEKS * 7 + 3
"""The day when everybody comes by once more."""

SHOWN = ("version", "calibrated", "labels", "log_loss", "base_log_loss", "auc", "calibration_error", "score_drift_psi")


class Story(NamedTuple):
    """What was seen."""

    expected: Models
    published: Models
    said: list[Report]
    latecomer: bytes
    metrics: list[dict[str, float]]
    heard: dict[str, ChurnRisk]
    """Who was spoken of on the day when all came by, the latecomer left out."""
    scored: dict[str, float]


@pytest.fixture(scope="module")
def story(broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """Tell the story."""
    folder: Path = tmp_path_factory.mktemp("learning")
    scene = Stage(broker.address, "learning", folder, 3, **QUICK | {"label_grace_s": 0})
    try:
        scene.create_topics(compaction=False)
        yield tell(scene)
    finally:
        scene.close()


def tell(scene: Stage) -> Story:
    """Two workers, one partition behind; then an event comes late, both are killed, and the rest arrives."""
    past, amid = shop(scene.partitions), (WEEKS - 1) * 7 + 3
    publish(scene, past.of([SLOW], until=amid) + past.of([QUICKER]))
    workers = [scene.worker(name, [*COMMAND, "hurried", "0.5"], instance_id=name).start() for name in ("a", "b")]
    for worker in workers:
        worker.wait_ready()
    until(lambda: (QUICKER, LAST) in marks(scene), "the last week is marked where it has passed")
    until(lambda: LAST - 1 in dict(models(scene)), "the weeks that all have marked are learned")
    latecomer, name = silent_in(scene, LAST)
    publish(scene, [happening(name, (WEEKS - 1) * 7 + 1)])
    everything_committed(scene)
    for worker in workers:
        worker.kill()
        worker.start()
    until(lambda: False in about(latecomer, reports(scene)), "a second owner has told of the last week")
    publish(scene, past.of([SLOW], since=amid))
    for worker in workers:
        until(lambda worker=worker: worker.metrics().get("latido_model_version") == LAST, "the last week is learned")
    until(lambda: SHARES == shares(workers), "both own something")
    metrics = [worker.metrics() for worker in workers]
    names = sorted({record.key.decode() for record in past.events if record.key.startswith(b"c")} - {name})
    visits = [happening(each, BY_DAY) for each in names]
    publish(scene, visits)
    everything_committed(scene)
    heard = {key: word for key, word in words(scene) if key in names and word.as_of >= at(visits[0])}
    expected, risks = lived_through(past.events), scored([*past.events, *visits])
    return Story(expected, models(scene), reports(scene), latecomer, metrics, heard, risks)


def words(scene: Stage) -> list[tuple[str, ChurnRisk]]:
    """All churn risks that were spoken, in the order of the log."""
    spoken = read(scene.brokers, scene.outputs[0])
    return [(record.key.decode(), msgspec.json.decode(record.value, type=ChurnRisk)) for record in spoken]


def shares(workers: list[Worker]) -> list[int]:
    """How many partitions the workers own, the fewest first."""
    return sorted(len(worker.owned()) for worker in workers)


def marks(scene: Stage) -> Counter[tuple[int, int | None]]:
    """How often each partition has marked each week."""
    return Counter((report.partition, report.week) for report in reports(scene) if report.labels is None)


def silent_in(scene: Stage, week: int) -> tuple[bytes, str]:
    """Find somebody who was silent in a week, as it was said: the mark and the name."""
    names = {mark_of(f"c{n}"): f"c{n}" for n in range(9_999)}
    return next((label.mark, names[label.mark]) for label in labels(reports(scene), week) if label.silent)


def about(mark: bytes, said: list[Report]) -> list[bool]:
    """Whether somebody was silent in the last week, each time that it was said."""
    return [label.silent for label in labels(said, LAST) if label.mark == mark]


def labels(said: list[Report], week: int) -> list[Label]:
    """All that was said of the customers of the quicker partition."""
    told = [report.labels or [] for report in said if (report.partition, report.week) == (QUICKER, week)]
    return [label for some in told for label in some]


def test_live_the_same_is_learned_as_in_the_evaluation(story: Story) -> None:
    """Two workers publish what the course learns from the same events: every version, every byte."""
    assert list(range(FIRST, LAST + 1)) == [version for version, _ in story.expected]
    assert story.expected == once(story.published)


def test_live_the_same_is_said_as_in_the_evaluation(story: Story) -> None:
    """Whoever is spoken of has the risk that the course finds at the end of that day, by the version it has then."""
    assert len(story.heard) > 20
    assert {version_name(load_model(story.expected[-1][1]))} == {word.model_version for word in story.heard.values()}
    assert {key: round(story.scored[key], 6) for key in story.heard} == {
        k: word.risk for k, word in story.heard.items()
    }


def test_a_late_event_changes_no_label_given(story: Story) -> None:
    """The second owner says another thing of the latecomer, and the model is that of what was said first."""
    told = about(story.latecomer, story.said)

    assert (True, False) == (told[0], told[-1])
    assert story.expected[-1] == once(story.published)[-1]


def test_a_partition_without_customers_holds_nobody_up(story: Story) -> None:
    """It says so once to each owner's learner, marks every week in its turn, and has no labels."""
    mine = [report for report in story.said if report.partition == VACANT]

    assert Report(VACANT) == mine[0]
    assert [None] == list({report.labels for report in mine})
    assert list(range(FIRST + 1, LAST + 1)) == sorted({report.week for report in mine[1:]} & set(range(LAST + 1)))


def test_every_worker_shows_how_good_the_model_is(story: Story) -> None:
    """The same on all of them, those that were started anew included; better than the base rate."""
    shown = [{name: each[f"latido_model_{name}"] for name in SHOWN} for each in story.metrics]

    assert shown[0] == shown[1]
    assert (LAST, 1.0) == (shown[0]["version"], shown[0]["calibrated"])
    assert len({label.mark for label in labels(story.said, LAST)}) < shown[0]["labels"] <= 202
    assert shown[0]["log_loss"] < shown[0]["base_log_loss"]
    assert 0.6 < shown[0]["auc"] < 1
    assert 0 < shown[0]["calibration_error"] < 0.2
