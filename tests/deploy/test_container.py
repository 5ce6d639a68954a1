"""Dockerfile and compose file, read and not run.

No container engine is needed for these tests, and none builds or starts anything here: they hold only what can be seen
in the text. Whether the images build and come up is not shown by them.
"""

import re
import shlex
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from streams.broker_jars import pom
from streams.cli import main
from streams.settings import FIELDS, load, variable

CHECKOUT = Path(__file__).parents[2]
DOCKERFILE = (CHECKOUT / "deploy" / "Dockerfile").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load((CHECKOUT / "deploy" / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"] == "latido"}


def instructions(word: str) -> list[str]:
    joined = re.sub(r"\\\n\s*", "", re.sub(r"^#.*\n", "", DOCKERFILE, flags=re.M))
    return [line.partition(" ")[2] for line in joined.splitlines() if line.startswith(f"{word} ")]


def last_stage() -> str:
    return DOCKERFILE.rpartition("\nFROM ")[2]


def test_the_image_is_built_in_two_stages_from_one_base() -> None:
    """What builds is not shipped, and both stages have the same Python."""
    first, last = instructions("FROM")

    assert f"{last} AS build" == first
    assert "uv" not in last_stage()


def test_the_image_is_built_from_the_lock() -> None:
    """Nothing is resolved anew while building."""
    syncs = [line for line in instructions("RUN") if "uv sync" in line]

    assert 2 == len(syncs)
    assert all("--frozen" in line and "--no-dev" in line for line in syncs)


def test_the_image_has_no_extras() -> None:
    """A worker scores and learns with numpy; what measures and draws stays outside."""
    assert [] == [line for line in instructions("RUN") if "extra" in line]


def test_the_model_is_learned_in_one_thread() -> None:
    """Sums in several threads differ in their last bits from one run to the next."""
    assert {"OMP_NUM_THREADS=1", "OPENBLAS_NUM_THREADS=1"} < {
        word for line in instructions("ENV") for word in line.split()
    }


def test_the_builder_is_the_one_that_make_uses() -> None:
    """One version of uv, in two places."""
    made = re.search(r"^UV_VERSION := (\S+)$", (CHECKOUT / "Makefile").read_text(), re.M)

    assert made is not None
    assert f"uv=={made[1]}" in DOCKERFILE


def test_the_program_has_no_rights() -> None:
    """It runs as a numbered user that is not root, set after the last thing that needs root."""
    assert ["10001:10001"] == instructions("USER")
    assert "RUN" not in last_stage().partition("USER 10001")[2]


def test_the_image_knows_whether_it_is_well() -> None:
    """The health check asks what the worker answers."""
    (check,) = instructions("HEALTHCHECK")

    assert "/livez" in check
    compile(re.findall(r'"((?:[^"\\]|\\.)*)"', check.partition("CMD")[2])[2].replace('\\"', '"'), "healthcheck", "exec")


def test_what_is_copied_is_there_and_let_in() -> None:
    """Every copied path exists and is not kept out of the build."""
    copied = [path for line in instructions("COPY") if "--from" not in line for path in shlex.split(line)[:-1]]
    let_in = [line[1:] for line in (CHECKOUT / ".dockerignore").read_text().splitlines() if line.startswith("!")]

    assert {"uv.lock", "schemas", "streams"} < set(copied)
    assert [] == [path for path in copied if not (CHECKOUT / path).exists() or path not in let_in]


def test_the_image_starts_a_worker() -> None:
    """The command is a word of ours."""
    assert (['["latido"]'], ['["worker"]']) == (instructions("ENTRYPOINT"), instructions("CMD"))
    assert "worker" in main.list_commands(click.Context(main))


def settings_in(text: str) -> set[str]:
    return set(re.findall(r"\bLATIDO_[A-Z_]+", text))


@pytest.mark.parametrize(
    "path", sorted(path for path in (CHECKOUT / "deploy").rglob("*") if path.is_file()), ids=lambda path: path.name
)
def test_every_setting_that_is_named_exists(path: Path) -> None:
    """A renamed setting is found wherever deployment speaks of it."""
    assert set() == settings_in(path.read_text()) - {variable(name) for name in FIELDS}


@pytest.mark.parametrize("name", OURS)
def test_the_settings_of_each_container_are_accepted(name: str) -> None:
    """What compose sets is loaded without complaint."""
    environment = OURS[name]["environment"]

    assert "kafka:19092" == load(environment).brokers
    assert all(isinstance(value, str) for value in environment.values())


def test_every_published_port_is_bound_to_this_machine() -> None:
    """Nobody outside reaches Kafka or Prometheus."""
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]

    assert [] == [port for port in ports if not port.startswith("127.0.0.1:")]
    assert 2 == len(ports)


def test_our_containers_are_confined() -> None:
    """Read-only, without capabilities, without new ones, and never privileged."""
    for service in (*OURS.values(), SERVICES["prometheus"]):
        confined = service["read_only"], service["cap_drop"], service["security_opt"], "user" in service
        assert (True, ["ALL"], ["no-new-privileges:true"], False) == confined
    assert [] == [name for name, service in SERVICES.items() if service.get("privileged") or "network_mode" in service]


def test_there_are_two_workers_that_differ_by_name_alone() -> None:
    """Static members need different names; everything else is the same."""
    first, second = SERVICES["worker-1"], SERVICES["worker-2"]
    names = {service["environment"]["LATIDO_INSTANCE_ID"] for service in (first, second)}

    assert {"worker-1", "worker-2"} == names
    assert first | {"environment": None} == second | {"environment": None}


def test_prometheus_scrapes_the_workers_of_compose() -> None:
    """Targets, host and port fit."""
    scraped = yaml.safe_load((CHECKOUT / "deploy" / "prometheus" / "prometheus.yml").read_text())["scrape_configs"]
    (targets,) = [config["targets"] for job in scraped for config in job["static_configs"]]

    workers = [name for name, service in OURS.items() if "LATIDO_INSTANCE_ID" in service["environment"]]
    assert [f"{name}:{OURS[name]['environment']['LATIDO_HTTP_PORT']}" for name in workers] == targets
    assert {"0.0.0.0"} == {OURS[name]["environment"]["LATIDO_HTTP_HOST"] for name in workers}


def test_the_simulator_runs_only_when_asked_for() -> None:
    """It is a profile, and its command is one that the command line takes."""
    simulator = SERVICES["simulator"]
    word, *arguments = simulator["command"]
    command = main.get_command(click.Context(main), word)

    assert ["simulator"] == simulator["profiles"]
    assert command is not None
    command.make_context(word, list(arguments))


def test_volumes_that_are_used_are_declared() -> None:
    """And those that are declared are used."""
    mounted = [volume.partition(":")[0] for service in SERVICES.values() for volume in service.get("volumes", [])]

    assert set(COMPOSE["volumes"]) == {name for name in mounted if not name.startswith(".")}
    assert all((CHECKOUT / "deploy" / name).is_dir() for name in mounted if name.startswith("."))


def test_kafka_in_compose_is_the_kafka_of_the_tests() -> None:
    """The image has the version of the jars."""
    version = re.search(r"<kafka.version>(.+)</kafka.version>", pom().read_text())

    assert version is not None
    assert f"apache/kafka:{version[1]}" == SERVICES["kafka"]["image"]
