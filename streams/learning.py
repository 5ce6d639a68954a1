"""
The learner: reads the reports of labels and publishes a version of the model for each week that all have closed.

Law: a version is a function of the log of reports. So whoever holds partition 0 learns, and nothing is handed
over: a successor reads on from where the newest model says, and two at a time publish the same bytes under one key.
"""

import asyncio
import logging
from typing import Any, Final

import msgspec
from aiokafka.errors import KafkaError  # type: ignore[import-untyped]

from streams.core.hazard import Model, dump_model
from streams.core.judged import dump_judged, judge
from streams.core.labels import Intake, Report, load_report
from streams.core.learner import learn, start
from streams.engine.runtime import Runtime
from streams.engine.sending import Headers
from streams.followed import PAUSE_S, reading
from streams.metrics import Metrics
from streams.models import JUDGED_HEADER, OFFSET_HEADER, Models, Published
from streams.settings import Settings
from streams.topics import LABELS, MODELS, full_name

logger = logging.getLogger(__name__)

HOME: Final = 0
"""Whoever holds this partition learns."""

AFTER_A_FAULT_S: Final = 60.0
_WAIT_MS: Final = 200


class Learning:
    """The task of the learner, idle on every worker but one."""

    def __init__(self, settings: Settings, runtime: Runtime, models: Models, metrics: Metrics) -> None:
        """Learn while the runtime holds the learner's partition, from where the newest model says."""
        self._settings, self._runtime, self._models, self._metrics = settings, runtime, models, metrics

    async def run(self) -> None:
        """Learn whenever it is ours, for ever; a fault leaves the newest model as it is, and is tried again."""
        while True:
            await asyncio.sleep(PAUSE_S / 10)
            try:
                if self._is_ours():
                    await self._learn()
            except KafkaError as error:
                logger.warning("The labels could not be read: %s.", type(error).__name__)
                await asyncio.sleep(PAUSE_S)
            except Exception as error:
                logger.error("A fault of ours in learning; trying again in a minute.", exc_info=error)
                self._metrics.internal_errors.inc()
                await asyncio.sleep(AFTER_A_FAULT_S)

    def _is_ours(self) -> bool:
        owned = self._runtime.held.get(HOME)
        return self._runtime.ready and owned is not None and owned.ready

    async def _learn(self) -> None:
        """Take in reports for as long as it is ours, and close the weeks that they close."""
        begin = self._models.newest or Published(start(), 0)
        model = begin.model
        intake = Intake(self._settings.partitions, model.version if self._models.newest else None)
        async with reading(self._settings, LABELS, begin.labels_offset) as (consumer, _):
            while self._is_ours():
                fetched = await consumer.getmany(timeout_ms=_WAIT_MS)
                for record in (record for records in fetched.values() for record in records):
                    report = _report(record)
                    if report is None:
                        continue
                    intake.take(record.offset, report)
                    while (week := intake.due()) is not None:
                        model, headers = await asyncio.to_thread(_close, intake, model, week, record.offset + 1)
                        if not self._is_ours():
                            return
                        await self._publish(model, headers)

    async def _publish(self, model: Model, headers: Headers) -> None:
        record = (b"%d" % model.version, dump_model(model), headers)
        await self._runtime.sender.send(full_name(self._settings, MODELS), 0, [record])
        logger.info("Week %d is learned; %d labels until now.", model.version, model.n_labels)


def _close(intake: Intake, before: Model, week: int, next_offset: int) -> tuple[Model, Headers]:
    """Close a week: judge the version before it, and learn it; takes seconds, so it is called away from the loop."""
    labels = intake.close(week)
    headers: Headers = [(OFFSET_HEADER, b"%d" % intake.resume_at(next_offset))]
    judged = judge(before, week, labels)
    if judged is not None:
        headers.append((JUDGED_HEADER, dump_judged(judged)))
    return learn(before, week, labels), headers


def _report(record: Any) -> Report | None:
    try:
        return load_report(record.value)
    except (msgspec.MsgspecError, TypeError):
        logger.error("A report of labels at offset %d cannot be read and is passed over.", record.offset)
        return None
