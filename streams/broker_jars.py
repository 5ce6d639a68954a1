"""The broker's jars: fetched once from Maven Central, as `deploy/broker/pom.xml` says, and complete or not there."""

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from streams.errors import LatidoError, ToolMissingError

JAVA_AT_LEAST = 17
OWN_CLUSTER = "or name a Kafka cluster of your own in LATIDO_BROKERS"

Say = Callable[[str], None]


def pom() -> Path:
    """Find the pom: beside the package in an installed wheel, else in the checkout."""
    package = Path(__file__).parent
    installed = package / "deploy" / "broker" / "pom.xml"
    return installed if installed.exists() else package.parent / "deploy" / "broker" / "pom.xml"


def java() -> str:
    """Find a Java that is new enough; raise `ToolMissingError` saying what to install."""
    home = os.environ.get("JAVA_HOME", "")
    found = shutil.which("java", path=str(Path(home) / "bin")) if home else None
    found = found or shutil.which("java")
    version = _java_version(found) if found else 0
    if not found or version < JAVA_AT_LEAST:
        state = f"this one is Java {version}" if version else "none was found"
        raise ToolMissingError(
            f"The local broker needs Java {JAVA_AT_LEAST} or newer and {state}: install it"
            f" (Debian: apt-get install openjdk-17-jre-headless) {OWN_CLUSTER}."
        )
    return found


def _java_version(command: str) -> int:
    told = subprocess.run([command, "-version"], capture_output=True, text=True, check=False)
    matched = re.search(r'version "(?:1\.)?(\d+)', told.stderr + told.stdout)
    return int(matched[1]) if matched else 0


def fetch(libs: Path, say: Say) -> None:
    """Fill `libs` with the jars unless they are there already; tell what is going on."""
    mark = libs / "complete"
    wanted = hashlib.sha256(pom().read_bytes()).hexdigest()
    if mark.exists() and mark.read_text() == wanted:
        return
    maven = shutil.which("mvn")
    if not maven:
        raise ToolMissingError(
            "The local broker's jars are fetched with Maven and `mvn` was not found: install it"
            f" (Debian: apt-get install maven) {OWN_CLUSTER}."
        )
    # A folder of its own, renamed when whole: a broken download never looks complete.
    fresh = libs.with_name(f"{libs.name}.{os.getpid()}")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    _copy_dependencies(maven, fresh, say)
    (fresh / "complete").write_text(wanted)
    shutil.rmtree(libs, ignore_errors=True)
    fresh.rename(libs)


def _copy_dependencies(maven: str, target: Path, say: Say) -> None:
    say("Fetching Kafka's jars (once, about 45 MB)")
    log, fetched = target.with_name("maven.log"), 0
    command = [maven, "-B", "-f", str(pom()), "dependency:copy-dependencies", f"-DoutputDirectory={target}"]
    # In a folder of its own: Maven would take up a .mvn of the folder it is called from.
    process = subprocess.Popen(
        command, cwd=target, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    with process, log.open("w", encoding="utf-8") as lines:
        for line in process.stdout or ():
            lines.write(line)
            if ".jar" in line and ("Downloaded" in line or "Copying" in line):
                fetched += 1
                say(f"Fetching Kafka's jars (once, about 45 MB): {fetched} files")
    if process.returncode or not any(target.glob("kafka_*.jar")):
        shutil.rmtree(target, ignore_errors=True)
        raise LatidoError(f"Maven could not fetch the broker's jars; the reason stands at the end of {log}.")
