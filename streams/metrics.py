"""Every metric, declared once, with the values that its labels may take; no id of anybody is among them.

A label value that is not written down here is shown as `other`: a mistake of ours must neither stop a worker nor carry
a customer's id into Prometheus. The tests fail when `other` appears.
"""

import importlib.metadata
import itertools
import platform
from collections.abc import Iterable, Mapping
from typing import Any, Final, Generic, TypeVar

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, ProcessCollector

from schemas import BANDS, CODES, SOURCES
from streams.core.arms import HOLDOUT, TREATED
from streams.core.catalogue import GUESTS, MOMENTS, UNPLACED, Catalogue
from streams.core.gates import GATES

OTHER: Final = "other"

REROUTED: Final = "rerouted"
SPOKEN: Final = ("churn-risk", "next-best-actions")
OUTPUTS: Final = (*SPOKEN, "customers", "dead-letters", REROUTED)
OUTCOMES: Final = ("advanced", "duplicate", "stale", "dead_letter", "rerouted")
"""`stale`: skipped by the fence, because the record holds it already."""
NOTHING: Final = "nothing"
ARMS: Final = (TREATED, HOLDOUT)
WINDOWS: Final = ("30d", "90d", "365d")
CHANNELS: Final = ("all", "web", "store")

MOST_NAMES: Final = 256
"""So many names of catalogues become label values, over all that were read; what comes after is shown as `other`."""

AGE_BUCKETS: Final = (0.002, 0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.06, 0.1, 0.2, 0.5, 1, 2, 5, 15, 60, 300)
SLICE_BUCKETS: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1)

M = TypeVar("M", Counter, Gauge, Histogram)
Allowed = dict[str, str]
"""What a label shows for each value that it may be given."""


def one_of(values: Iterable[str], prefix: str = "") -> Allowed:
    """Write down the values of a label, which may also be given with a prefix that is not shown."""
    return {prefix + value: value for value in values} | {value: value for value in values}


class Family(Generic[M]):
    """A metric with labels; `labels` gives the child for their values, in the order of the declaration."""

    def __init__(self, metric: M, names: tuple[str, ...], allowed: Mapping[str, Allowed | None]) -> None:
        """Keep a metric with its labels' allowed values; None: any partition number."""
        self.metric: M = metric
        self.names = names
        self._allowed = [allowed[name] for name in names]
        self._children: dict[tuple[object, ...], M] = {}

    def labels(self, *values: object) -> M:
        """Return the child for these values; keep it where the loop is hot, and ask again after `forget`."""
        try:
            return self._children[values]
        except KeyError:
            shown = [_admit(value, allowed) for value, allowed in zip(values, self._allowed, strict=True)]
            child: M = self.metric.labels(*shown)
            # Only what is written down is kept: a stream of strange values must not fill the memory.
            if OTHER not in shown:
                self._children[values] = child
            return child

    def forget(self, name: str, value: object) -> None:
        """Remove every child with this value of a label."""
        at = self.names.index(name)
        for values in [values for values in self._children if str(values[at]) == str(value)]:
            del self._children[values]
        self.metric.remove_by_labels({name: str(value)})


def _admit(value: object, allowed: Allowed | None) -> str:
    if allowed is not None:
        return allowed.get(str(value), OTHER)
    return str(value) if isinstance(value, int) and 0 <= value < 1024 else OTHER


def _add(allowed: Allowed, name: str) -> bool:
    """Write down one more value of a label, if there is room; say whether it is new."""
    if name in allowed or len(allowed) >= MOST_NAMES:
        return False
    allowed[name] = name
    return True


class Metrics:
    """All metrics of one worker; one field per metric, named as Prometheus shows it less `latido_`."""

    def __init__(
        self,
        registry: CollectorRegistry,
        actions: Iterable[str] = (),
        topic_prefix: str = "",
        segments: Iterable[str] = (),
    ) -> None:
        """Declare every metric in a registry.

        Args:
            registry: Where they are found when somebody scrapes.
            actions: Names of the catalogue's actions, as label values; more can be made known later.
            topic_prefix: Stands before topic names given as label values; it is not shown.
            segments: Names of the catalogue's segments, as label values.
        """
        # Else every counter has a second series with the time of its creation.
        prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = registry
        sources = one_of((*SOURCES, REROUTED), topic_prefix)
        outputs = one_of(OUTPUTS, topic_prefix)
        partition = {"partition": None}
        self._by_partition: list[Family[Gauge]] = []

        # What comes in
        self.events = self._counter(
            "events",
            "Records taken from a source topic, by what became of them.",
            topic=sources,
            outcome=one_of(OUTCOMES),
        )
        self.dead_letters = self._counter("dead_letters", "Dead letters written, by code.", code=one_of(CODES))
        self.foreign_currency_orders = Counter(
            "latido_foreign_currency_orders", "Orders counted without their money.", registry=registry
        )
        self.unowned = Counter(
            "latido_unowned", "Records dropped because their partition is owned by another worker.", registry=registry
        )
        self.missing_records = Counter(
            "latido_missing_records",
            "Offsets of sources that are confirmed to be gone from the log.",
            registry=registry,
        )
        self.reseeks = Counter(
            "latido_reseeks", "Deliveries that began too high and were fetched again.", registry=registry
        )
        self.internal_errors = Counter(
            "latido_internal_errors", "Events that failed by a fault of ours.", registry=registry
        )

        # What goes out
        self.signals = self._counter(
            "signals",
            "Signals acknowledged, by topic and band or action.",
            seeded=False,
            topic=one_of(SPOKEN, topic_prefix),
            label=(labels := one_of((*BANDS, NOTHING, *actions))),
        )
        self._labels = labels
        for topic, label in [
            *((SPOKEN[0], band) for band in BANDS),
            *((SPOKEN[1], name) for name in (NOTHING, *actions)),
        ]:
            self.signals.labels(topic, label)
        self.muted_signals = Counter(
            "latido_muted_signals", "Signals not spoken: as of before speak_from, or expired.", registry=registry
        )
        self.resent_signals = Counter(
            "latido_resent_signals",
            "Signals sent again after a recovery, with the same id and bytes.",
            registry=registry,
        )
        self.output_records = self._counter("output_records", "Records acknowledged in an output topic.", topic=outputs)
        self.output_bytes = self._counter("output_bytes", "Their keys and values, in bytes.", topic=outputs)
        self.changelog_records = Counter(
            "latido_changelog_records", "Records acknowledged in the changelog.", registry=registry
        )
        self.changelog_bytes = Counter("latido_changelog_bytes", "Their keys and values, in bytes.", registry=registry)
        self.stale_records = Counter(
            "latido_stale_records", "Changelog records of an older writer, passed over in recovery.", registry=registry
        )

        # What was decided
        self.moments = self._counter("moments", "Moments that published decisions were about.", moment=one_of(MOMENTS))
        self.decisions = self._counter("decisions", "Published decisions, by arm of the holdout.", arm=one_of(ARMS))
        self.refusals = self._counter(
            "refusals", "Actions that a gate stopped in published decisions.", gate=one_of(GATES)
        )
        self.holds = Counter("latido_holds", "Times that quiet hours put a decision off.", registry=registry)
        self.breaches = Counter(
            "latido_breaches",
            "Decisions about a customer whom nobody answered in the time promised.",
            registry=registry,
        )
        self._actions, self._experiments, self._arms = one_of(actions), one_of((HOLDOUT,)), one_of(ARMS)
        self.enrolled = self._gauge(
            "enrolled",
            "Customers by arm of the holdout and of each experiment, from the first decision that it mattered to.",
            experiment=self._experiments,
            arm=self._arms,
            **partition,
        )
        self.arm_share = Family(
            Gauge("latido_arm_share", "Share of an arm by the catalogue.", ("experiment", "arm"), registry=registry),
            ("experiment", "arm"),
            {"experiment": self._experiments, "arm": self._arms},
        )
        self.responses_overdue = self._gauge(
            "responses_overdue", "Customers who wait for an answer for longer than was promised.", **partition
        )
        self.budget_left = self._gauge(
            "budget_left", "How often an action may still be chosen today.", action=self._actions, **partition
        )
        self.day_elapsed_ratio = Gauge(
            "latido_day_elapsed_ratio", "Share of the shop's day that is over, by the clock in use.", registry=registry
        )

        # How fast
        self.event_age_seconds = Histogram(
            "latido_event_age_seconds",
            "From Kafka's timestamp of a record to the acknowledgement of the signal that it caused.",
            buckets=AGE_BUCKETS,
            registry=registry,
        )
        self.event_processing_seconds = Counter(
            "latido_event_processing_seconds", "Time spent on advancing events.", registry=registry
        )
        self.slice_seconds = Histogram(
            "latido_slice_seconds",
            "Length of one slice of work, while which nothing else runs.",
            buckets=SLICE_BUCKETS,
            registry=registry,
        )
        self.lag_records = self._gauge(
            "lag_records", "Records between the durable offset and the end.", topic=sources, **partition
        )
        self.lag_seconds = self._gauge(
            "lag_seconds", "Age of the oldest record that is not durable; 0 without lag.", topic=sources, **partition
        )
        self.durable_records = Counter(
            "latido_durable_records", "Source records whose effects are all acknowledged.", registry=registry
        )
        self.commit_age_seconds = Gauge(
            "latido_commit_age_seconds", "Time since offsets were last committed, or known to be.", registry=registry
        )
        self.batches_in_flight = Gauge(
            "latido_batches_in_flight", "Batches handed over and not yet advanced.", registry=registry
        )
        self.batches_uncommitted = Gauge(
            "latido_batches_uncommitted", "Batches advanced and not yet acknowledged.", registry=registry
        )
        self.uncommitted_bytes = Gauge("latido_uncommitted_bytes", "Their size.", registry=registry)

        # Ownership and recovery
        self.ready = Gauge("latido_ready", "1 when the worker has recovered and takes events.", registry=registry)
        self.catching_up = Gauge(
            "latido_catching_up", "1 while a source is not read to the end seen at assignment.", registry=registry
        )
        self.rebalances = Counter("latido_rebalances", "Assignments of partitions to this worker.", registry=registry)
        self.partitions_claimed = Counter(
            "latido_partitions_claimed", "Partitions claimed with a new writer term.", registry=registry
        )
        self.partitions_kept = Counter(
            "latido_partitions_kept", "Partitions whose memory was kept over a rebalance.", registry=registry
        )
        self.recovery_restored_records = Gauge(
            "latido_recovery_restored_records", "Changelog records read in the last recovery.", registry=registry
        )
        self.recovery_remaining_records = Gauge(
            "latido_recovery_remaining_records", "Changelog records still to be read.", registry=registry
        )
        self.recovery_seconds = Gauge("latido_recovery_seconds", "Length of the last recovery.", registry=registry)

        # Silence
        self.rechecks = Counter("latido_rechecks", "Rechecks run.", registry=registry)
        self.recheck_delay_seconds = Gauge(
            "latido_recheck_delay_seconds",
            "How far behind its due instant the longest waiting recheck is, by the clock in use.",
            registry=registry,
        )

        # The model
        self.catalogues_refused = Counter(
            "latido_catalogues_refused_total",
            "Catalogues on the topic that cannot be used; the one before serves on.",
            registry=registry,
        )
        self.model_version = Gauge(
            "latido_model_version", "Week of the newest model, counted from 1970.", registry=registry
        )
        self.model_age_seconds = Gauge(
            "latido_model_age_seconds",
            "Time since the close of the newest model's week, by the clock in use.",
            registry=registry,
        )
        self.model_calibrated = Gauge(
            "latido_model_calibrated",
            "1 when enough weeks have taught for its risks to be believed.",
            registry=registry,
        )
        self.model_labels = Gauge("latido_model_labels", "Labels of the last week that taught.", registry=registry)
        self.model_log_loss = Gauge(
            "latido_model_log_loss",
            "Of the weeks' silence as foretold, over the last weeks that taught, in nats.",
            registry=registry,
        )
        self.model_base_log_loss = Gauge(
            "latido_model_base_log_loss", "The same had the base rate been foretold to everybody.", registry=registry
        )
        self.model_auc = Gauge("latido_model_auc", "Area under the curve over the same weeks.", registry=registry)
        self.model_calibration_error = Gauge(
            "latido_model_calibration_error",
            "Mean distance between risk and rate over the same weeks.",
            registry=registry,
        )
        self.model_score_drift_psi = Gauge(
            "latido_model_score_drift_psi",
            "Population stability index of the last week's scores against those of the weeks before.",
            registry=registry,
        )

        # Customers and the retail figures
        self.customers = self._gauge("customers", "Records held, guests included.", **partition)
        retail: dict[str, Any] = {
            "window": one_of(WINDOWS),
            "channel": one_of(CHANNELS),
            "segment": one_of((*segments, GUESTS, UNPLACED)),
        } | partition
        self.orders = self._gauge("orders", "Orders placed less those cancelled.", **retail)
        self.guest_orders = self._gauge("guest_orders", "Those of guests.", **retail)
        self.revenue_minor = self._gauge("revenue_minor", "Revenue in minor units of the base currency.", **retail)
        self.customers_with_orders = self._gauge(
            "customers_with_orders", "Known customers with at least one order.", **retail
        )
        self.customers_with_repeat_orders = self._gauge(
            "customers_with_repeat_orders", "Known customers with at least two orders.", **retail
        )

        # The program
        self.build = Info("latido_build", "What runs here.", registry=registry)
        self.build.info(build())
        ProcessCollector(namespace="latido", registry=registry)

    def know(self, catalogue: Catalogue) -> None:
        """Take the names of a catalogue for label values, as far as there is room; one read before needs none."""
        for name in catalogue.by_name:
            _add(self._actions, name)
            if _add(self._labels, name):
                self.signals.labels(SPOKEN[1], name)
        for name, experiment in catalogue.experiments.items():
            _add(self._experiments, name)
            for arm in experiment.arms:
                _add(self._arms, arm)

    def serve(self, catalogue: Catalogue) -> None:
        """Take the names of the catalogue that serves from now on, and show no gauge of what it does not have."""
        self.know(catalogue)
        for name in self._experiments.keys() - catalogue.experiments.keys() - {HOLDOUT}:
            self.enrolled.forget("experiment", name)
            self.arm_share.forget("experiment", name)
        budgets = {name for name, action in catalogue.by_name.items() if action.budget_per_day is not None}
        for name in self._actions.keys() - budgets:
            self.budget_left.forget("action", name)

    def disown(self, partition: int) -> None:
        """Remove every series of a partition that is no longer ours: two workers' figures are added up."""
        for family in self._by_partition:
            family.forget("partition", partition)

    def _counter(self, name: str, text: str, *, seeded: bool = True, **labels: Allowed) -> Family[Counter]:
        family = Family(Counter(f"latido_{name}", text, tuple(labels), registry=self._registry), tuple(labels), labels)
        # A counter that begins with its first event has no increase to be seen: begin with zero.
        for values in (
            itertools.product(*(dict.fromkeys(allowed.values()) for allowed in labels.values())) if seeded else ()
        ):
            family.labels(*values)
        return family

    def _gauge(self, name: str, text: str, **labels: Allowed | None) -> Family[Gauge]:
        gauge = Gauge(f"latido_{name}", text, tuple(labels), registry=self._registry)
        self._by_partition.append(Family(gauge, tuple(labels), labels))
        return self._by_partition[-1]


def build() -> dict[str, str]:
    """Name the versions of what runs here, for /version and `latido_build_info`."""
    return {
        "version": importlib.metadata.version("latido"),
        "python": platform.python_version(),
        "faust": importlib.metadata.version("faust-streaming"),
    }
