"""What is scraped is known beforehand: names, labels, and how many series there can be."""

import importlib.metadata
import itertools

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from schemas import SOURCES
from streams.core.catalogue import Catalogue, parse
from streams.metrics import ARMS, CHANNELS, MOST_NAMES, OTHER, OUTCOMES, WINDOWS, Family, Metrics

CANARY = "ana.lopez@example.com"
PARTITIONS = 4
SEGMENTS = ("new", "at-risk", "loyal", "occasional")


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def metrics(registry: CollectorRegistry) -> Metrics:
    return Metrics(registry, actions=("win_back", "cart_reminder"), topic_prefix="shop.", segments=SEGMENTS)


def scraped(registry: CollectorRegistry) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    families = text_string_to_metric_families(generate_latest(registry).decode())
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def in_full_use(metrics: Metrics) -> None:
    for partition in range(PARTITIONS):
        metrics.customers.labels(partition).set(1)
        for topic in (*SOURCES, "rerouted"):
            metrics.lag_records.labels(topic, partition).set(1)
            metrics.lag_seconds.labels(topic, partition).set(1)
        for arm in ARMS:
            metrics.enrolled.labels("holdout", arm, partition).set(1)
            metrics.arm_share.labels("holdout", arm).set(0.5)
        metrics.responses_overdue.labels(partition).set(1)
        metrics.budget_left.labels("win_back", partition).set(1)
        for place in itertools.product(WINDOWS, CHANNELS, (*SEGMENTS, "guest", "none")):
            for family in (metrics.orders, metrics.guest_orders, metrics.revenue_minor):
                family.labels(*place, partition).set(1)
            metrics.customers_with_orders.labels(*place, partition).set(1)
            metrics.customers_with_repeat_orders.labels(*place, partition).set(1)


def test_every_name_is_ours(metrics: Metrics, registry: CollectorRegistry) -> None:
    """Each metric begins with `latido_`."""
    in_full_use(metrics)

    assert [] == [name for name, _ in scraped(registry) if not name.startswith("latido_")]


def test_every_counter_begins_at_zero(metrics: Metrics, registry: CollectorRegistry) -> None:
    """All outcomes of all topics are there before the first event, else its increase could not be seen."""
    seen = {labels for (name, labels) in scraped(registry) if name == "latido_events_total"}

    topics = (*SOURCES, "rerouted")
    assert {(("outcome", outcome), ("topic", topic)) for outcome in OUTCOMES for topic in topics} == seen


def test_the_number_of_series_does_not_grow_with_the_customers(metrics: Metrics, registry: CollectorRegistry) -> None:
    """A thousand strange values in every label add one series per place, and 1,350 are enough for everything."""
    in_full_use(metrics)
    before = len(scraped(registry))
    families = [value for value in vars(metrics).values() if isinstance(value, Family)]
    for customer in range(1000):
        for family in families:
            family.labels(*[f"customer-{customer}"] * len(family.names))

    after = len(scraped(registry))

    assert before <= 1350
    assert len(families) == after - before
    assert all(len(family._children) < 300 for family in families)


def test_an_unknown_label_value_is_shown_as_other(metrics: Metrics, registry: CollectorRegistry) -> None:
    """Whatever slips into a label, no id can be read in Prometheus, and nothing stops."""
    metrics.signals.labels("shop.churn-risk", CANARY).inc()
    metrics.events.labels(CANARY, "advanced").inc()
    metrics.dead_letters.labels(CANARY).inc()
    metrics.customers.labels(CANARY).set(1)

    assert CANARY not in generate_latest(registry).decode()
    assert 4 == sum(1 for _, labels in scraped(registry) if any(value == OTHER for _, value in labels))


def test_in_proper_use_nothing_is_other(metrics: Metrics, registry: CollectorRegistry) -> None:
    """Every value that the worker has is written down."""
    in_full_use(metrics)

    assert [] == [labels for _, labels in scraped(registry) if any(value == OTHER for _, value in labels)]


def test_the_prefix_of_topics_is_not_shown(metrics: Metrics, registry: CollectorRegistry) -> None:
    """One dashboard serves every prefix."""
    metrics.events.labels("shop.orders", "advanced").inc()
    metrics.events.labels("orders", "advanced").inc()

    assert 2 == scraped(registry)[("latido_events_total", (("outcome", "advanced"), ("topic", "orders")))]


def test_the_actions_of_the_catalogue_are_labels(metrics: Metrics, registry: CollectorRegistry) -> None:
    """The catalogue is read before the metrics are made, so its names are known."""
    metrics.signals.labels("shop.next-best-actions", "win_back").inc()

    assert 1 == scraped(registry)[("latido_signals_total", (("label", "win_back"), ("topic", "next-best-actions")))]


def test_a_partition_that_is_given_away_is_not_shown(metrics: Metrics, registry: CollectorRegistry) -> None:
    """Its new owner shows it; two would be added up."""
    in_full_use(metrics)

    metrics.disown(2)

    partitions = {value for _, labels in scraped(registry) for name, value in labels if name == "partition"}
    assert {"0", "1", "3"} == partitions


def test_a_partition_that_comes_back_is_shown_again(metrics: Metrics, registry: CollectorRegistry) -> None:
    """After `disown` a child is asked for anew."""
    metrics.customers.labels(2).set(7)
    metrics.disown(2)
    assert ("latido_customers", (("partition", "2"),)) not in scraped(registry)

    metrics.customers.labels(2).set(9)

    assert 9 == scraped(registry)[("latido_customers", (("partition", "2"),))]


def test_the_build_is_told(metrics: Metrics, registry: CollectorRegistry) -> None:
    """Version, Python and Faust, as one series."""
    labels = next(dict(labels) for name, labels in scraped(registry) if name == "latido_build_info")

    assert {"version", "python", "faust"} == set(labels)
    assert importlib.metadata.version("latido") == labels["version"]


def test_two_workers_can_live_in_one_process() -> None:
    """Nothing is registered globally."""
    Metrics(CollectorRegistry())
    Metrics(CollectorRegistry())


def offering(*names: str, experiment: str = "", arms: str = "") -> Catalogue:
    """A catalogue of actions with a budget, and an experiment."""
    tables = [
        f"""[[action]]
name = "{name}"
moments = ["cart_abandoned"]
channel = "email"
purpose = "service"
value_minor = 1
cost_minor = 0
prior = [1, 1]
cooldown_s = 60
expires_after_s = 60
budget_per_day = 10
template = {{ en = "Hello." }}
"""
        for name in names
    ]
    moments = "[channels.email]\n[moments.cart_abandoned]\ndelay_s = 3600\nwindow_s = 7200\n"
    compared = f'[experiments.{experiment}]\nsalt = "1"\narms = {{ {arms} }}\n' if experiment else ""
    return parse(moments + compared + "".join(tables))


def test_names_of_a_catalogue_that_is_pushed_become_label_values(metrics: Metrics, registry: CollectorRegistry) -> None:
    """What the next one does not have is shown no more, but for what was counted."""
    first, second = offering("gift", experiment="gifts", arms="a = 0.5, b = 0.5"), offering("vote")
    metrics.serve(first)
    metrics.budget_left.labels("gift", 0).set(4)
    metrics.enrolled.labels("gifts", "a", 0).set(9)
    metrics.arm_share.labels("gifts", "a").set(0.5)
    metrics.signals.labels("shop.next-best-actions", "gift").inc()
    metrics.serve(second)
    metrics.budget_left.labels("vote", 0).set(5)

    seen = scraped(registry)
    assert 0 == seen["latido_signals_total", (("label", "vote"), ("topic", "next-best-actions"))]
    assert 1 == seen["latido_signals_total", (("label", "gift"), ("topic", "next-best-actions"))]
    assert {("action", "vote")} == {pairs[0] for name, pairs in seen if name == "latido_budget_left"}
    assert [] == [name for name, _ in seen if name in ("latido_enrolled", "latido_arm_share")]


def test_names_of_catalogues_are_bounded_whatever_is_pushed(metrics: Metrics, registry: CollectorRegistry) -> None:
    """A catalogue pushed every hour under new names adds no series for ever."""
    for number in range(0, MOST_NAMES + 60, 60):
        catalogue = offering(*[f"a{number + n}" for n in range(60)])
        metrics.serve(catalogue)
        for name in catalogue.by_name:
            metrics.signals.labels("shop.next-best-actions", name).inc()

    labels = {dict(pairs)["label"] for name, pairs in scraped(registry) if name == "latido_signals_total"}
    assert OTHER in labels
    assert len(labels) <= MOST_NAMES + 1
