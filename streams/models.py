"""
The models as they are published: in the book as soon as they are read.

The value of a record is the model's bytes and nothing else; what only the learner needs travels in headers.
"""

import logging
from collections import deque
from typing import Any, Final, NamedTuple

import msgspec

from streams.core.book import Book, close_s
from streams.core.hazard import Model, load_model
from streams.core.judged import WINDOW_WEEKS, Judged, load_judged, measure
from streams.followed import Followed
from streams.metrics import Metrics
from streams.settings import Settings
from streams.topics import MODELS

logger = logging.getLogger(__name__)

OFFSET_HEADER: Final = "labels.offset"
"""From which offset of the labels the weeks after the model's can be read."""

JUDGED_HEADER: Final = "judged"
"""How well the version before foretold the week; absent where nobody acted."""

_WEIGHTS_SIZE: Final = len(Model(0).weights)


class Published(NamedTuple):
    """A model as it was published, and the offset of the labels from which its successor is learned."""

    model: Model
    labels_offset: int


class Models:
    """The book of all versions, filled from `log`, and what the newest ones say of themselves."""

    def __init__(self, settings: Settings, metrics: Metrics, book: Book) -> None:
        """Fill a book that is empty yet."""
        self.book = book
        self.newest: Published | None = None
        self.log = Followed(settings, MODELS, self._take)
        self._settings, self._metrics = settings, metrics
        self._judged: deque[Judged] = deque(maxlen=WINDOW_WEEKS)

    def age_s(self, now_s: int) -> int:
        """Say how long ago, in seconds, the newest version closed; 0 without one."""
        latest, settings = self.book.latest, self._settings
        if latest is None:
            return 0
        return max(0, now_s - close_s(latest.version, settings.day_offset_s, settings.label_grace_s))

    def _take(self, record: Any) -> None:
        headers = dict(record.headers)
        try:
            model = load_model(record.value)
            if len(model.weights) != _WEIGHTS_SIZE:
                raise ValueError("the model has other features")
            judged = load_judged(headers[JUDGED_HEADER]) if JUDGED_HEADER in headers else None
            published = Published(model, int(headers[OFFSET_HEADER]))
        except (msgspec.MsgspecError, KeyError, TypeError, ValueError):
            logger.error("Version %s of the model cannot be read; the one before serves on.", _name(record.key))
            return
        self.book.add(model)
        if self.newest is not None and model.version <= self.newest.model.version:
            return
        self.newest = published
        self._metrics.model_version.set(model.version)
        self._metrics.model_calibrated.set(model.calibrated)
        if judged is not None:
            self._show(judged)

    def _show(self, judged: Judged) -> None:
        """Show what the last weeks say of the model; on every worker, so that a new learner leaves no gap."""
        self._judged.append(judged)
        measures, metrics = measure(list(self._judged)), self._metrics
        metrics.model_labels.set(judged.labels)
        metrics.model_log_loss.set(measures.log_loss)
        metrics.model_base_log_loss.set(measures.base_log_loss)
        metrics.model_auc.set(measures.auc)
        metrics.model_calibration_error.set(measures.calibration_error)
        metrics.model_score_drift_psi.set(measures.score_drift)


def _name(key: bytes | None) -> str:
    return key.decode("ascii", "replace")[:20] if key else "without a key"
