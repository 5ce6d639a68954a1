"""
Arms: who belongs to the holdout, and who gets which side of an experiment.

Law: an arm is a hash of salt and customer, so nothing has to be stored for it to stay the same; once a
decision depended on it, the arm that was stamped there holds, whatever the catalogue says later. The
holdout and each experiment are drawn apart: two of them with one salt still mix their customers.
"""

from collections.abc import Mapping
from hashlib import blake2b
from typing import Final

from streams.core.catalogue import Catalogue

HOLDOUT: Final = "holdout"
"""The name of the holdout among the experiments, and of its arm from which every contact is kept back."""

TREATED: Final = "treated"
"""The arm of those whom decisions reach."""

_STEPS: Final = 1 << 53


def arm_of(salt: str, key: str, shares: Mapping[str, float]) -> str:
    """
    Draw the arm of a customer; the shares add up to 1, and their order in the catalogue says nothing.

    >>> arm_of("2026", "c1", {"gift": 1.0, "control": 0.0})
    'gift'
    """
    drawn = int.from_bytes(blake2b(f"{key} {salt}".encode(), digest_size=8).digest(), "big") >> 11
    upto, arm = 0.0, ""
    for name in sorted(shares):
        if shares[name] > 0.0:
            arm, upto = name, upto + shares[name] * _STEPS
            if drawn < upto:
                break
    return arm


def holdout_arm(catalogue: Catalogue, key: str, enrolled: Mapping[str, str]) -> str:
    """Say whether a customer is "treated" or in the "holdout"; one that was enrolled stays."""
    if (arm := enrolled.get(HOLDOUT)) is not None:
        return arm
    share = catalogue.policy.holdout.share
    return arm_of(f"{HOLDOUT} {catalogue.policy.holdout.salt}", key, {HOLDOUT: share, TREATED: 1.0 - share})


def experiment_arm(catalogue: Catalogue, experiment: str, key: str, enrolled: Mapping[str, str]) -> str:
    """Say a customer's arm in an experiment; one that was enrolled stays, so a new draw needs a new name."""
    if (arm := enrolled.get(experiment)) is not None:
        return arm
    rule = catalogue.experiments[experiment]
    return arm_of(f"experiment {experiment} {rule.salt}", key, rule.arms)
