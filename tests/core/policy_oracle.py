"""
What was promised of contacts, checked from what was told and what was spoken alone.

It reads the catalogue as TOML, events as they were told and decisions as their readers see them, and shares no line
with the gates.
"""

import tomllib
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from schemas import Event
from schemas.profiles import ConsentGiven, ConsentWithdrawn, PreferencesSet
from schemas.responses import (
    ActionDelivered,
    ActionDismissed,
    ComplaintMade,
    ResponseEvent,
    SurveyAnswered,
    Unsubscribed,
)

DAY = timedelta(days=1)
DETRACTS = {"nps": 6, "csat": 2, "ces": 3}
NOTHING = "nothing"


class Oracle:
    """Everything that was told and spoken so far, by customer; `breaches` are the promises that were broken."""

    def __init__(self) -> None:
        self.told: dict[str, list[Event]] = defaultdict(list)
        self.spoken: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.bodies: dict[str, bytes] = {}
        self.breaches: list[str] = []
        self.budgets: dict[tuple[str, date], int] = defaultdict(int)

    def hear(self, key: str, body: bytes, catalogue: str, clock: datetime | None) -> None:
        """Judge a decision by what was told and spoken before it."""
        said = msgspec.json.decode(body)
        for name in ("as_of", "expires_at", "moment_expires_at"):
            said[name] = datetime.fromisoformat(said[name])
        if self.bodies.setdefault(said["signal_id"], body) != body:
            self.breaches.append("a decision's id has two bodies")
        rules = tomllib.loads(catalogue)
        found = [*self._identity(key, said), *self._arms(key, said, rules), *self._duties(key, said, rules)]
        if (name := said["would_have"] or said["action"]) != NOTHING:
            action = next(row for row in rules["action"] if row["name"] == name)
            found += [
                *self._times(said, action, clock), *self._consents(key, action, rules),
                *self._quiet(key, said, action, rules), *self._limits(key, said, action, rules),
                *self._budget(said, action), *self._suits(key, said, action, rules), *self._rests(key, said, action),
            ]  # fmt: skip
        self.breaches += found
        self.spoken[key].append(said | {"funded": said["action"] != NOTHING})

    def _identity(self, key: str, said: dict[str, Any]) -> list[str]:
        found = []
        for other in self.spoken[key]:
            if other["signal_id"] == said["signal_id"]:
                found.append("a decision was spoken twice")
            if other["moment_id"] == said["moment_id"]:
                found.append("a moment was answered twice")
        return found

    def _arms(self, key: str, said: dict[str, Any], rules: dict[str, Any]) -> list[str]:
        found = []
        duties = _duties(rules)
        if {said["arm"]} | {other["arm"] for other in self.spoken[key]} == {"treated", "holdout"}:
            found.append("a customer was in both arms")
        if (
            said["arm"] == "holdout"
            and said["action"] not in duties
            and (said["action"] != NOTHING or said["message"] or said["channel"])
        ):
            found.append("somebody in the holdout was contacted")
        if said["arm"] == "treated" and said["would_have"]:
            found.append("a contact was kept back from somebody who is treated")
        for name, arm in said["experiments"].items():
            if any(other["experiments"].get(name, arm) != arm for other in self.spoken[key]):
                found.append("a customer was in two arms of an experiment")
        chosen = said["would_have"] or said["action"]
        for action in rules["action"]:
            arm = said["experiments"].get(action.get("experiment"))
            if action["name"] == chosen and action.get("arm") != arm and "arm" in action:
                found.append("an action was chosen for the other arm")
        return found

    def _duties(self, key: str, said: dict[str, Any], rules: dict[str, Any]) -> list[str]:
        """A duty here has no gate that may stop it, but that a visitor has no address."""
        duties, found = _duties(rules), []
        if duties & {one["action"] for one in said["candidates"]}:
            if not duties >= {one["action"] for one in said["candidates"]}:
                found.append("something competed with a duty")
            if said["action"] not in duties:
                found.append("a duty was kept back")
        owed = any(said["moment"] in row["moments"] for row in rules["action"] if row["name"] in duties)
        if owed and said["action"] not in duties and not key.startswith("~"):
            found.append("a duty was neglected")
        return found

    def _times(self, said: dict[str, Any], action: dict[str, Any], clock: datetime | None) -> list[str]:
        at, found = said["as_of"], []
        if not action.get("valid_from", at) <= at < action.get("valid_until", at + DAY):
            found.append("an action was chosen out of season")
        if at >= said["moment_expires_at"]:
            found.append("a moment was answered that was over")
        most = min(at + timedelta(seconds=action["expires_after_s"]), action.get("valid_until", at + 999 * DAY))
        if said["action"] != NOTHING and said["expires_at"] != most:
            found.append("a decision is worth something for too long, or not long enough")
        if clock is not None and said["expires_at"] < clock:
            found.append("a decision was spoken that had expired")
        return found

    def _consents(self, key: str, action: dict[str, Any], rules: dict[str, Any]) -> list[str]:
        channel, purpose = action["channel"], action["purpose"]
        rule = rules["channels"][channel]
        latest: tuple[datetime, bool] | None = None
        for event in self.told[key]:
            match event:
                case ConsentGiven() if (event.channel, event.purpose) == (channel, purpose):
                    word = event.occurred_at, False
                case ConsentWithdrawn() if (event.channel, event.purpose) == (channel, purpose):
                    word = event.occurred_at, True
                case Unsubscribed() if event.channel == channel and (
                    event.purpose == purpose or (event.purpose is None and purpose != "service")
                ):
                    word = event.occurred_at, True
                case _:
                    continue
            latest = word if latest is None else max(latest, word)
        if latest is not None and latest[1]:
            return ["somebody was contacted who had withdrawn consent"]
        if latest is None and purpose in rule.get("needs_consent", []):
            return ["somebody was contacted without consent"]
        if key.startswith("~") and not rule.get("anonymous"):
            return ["a visitor was contacted who has no address"]
        return []

    def _quiet(self, key: str, said: dict[str, Any], action: dict[str, Any], rules: dict[str, Any]) -> list[str]:
        if not rules["channels"][action["channel"]].get("quiet"):
            return []
        likes: dict[str, str] = {}
        for event in sorted(self.told[key], key=lambda event: event.occurred_at):
            if isinstance(event, PreferencesSet):
                likes |= {
                    name: value
                    for name in ("time_zone", "quiet_from", "quiet_until")
                    if (value := getattr(event, name)) is not None
                }
        policy = rules["policy"]["quiet_hours"]
        zone = likes.get("time_zone", policy["zone"])
        start, end = likes.get("quiet_from", policy["from"]), likes.get("quiet_until", policy["until"])
        clock = said["as_of"].astimezone(ZoneInfo(zone)).strftime("%H:%M")
        is_quiet = start <= clock < end if start <= end else not end <= clock < start
        return ["somebody was disturbed in quiet hours"] if is_quiet else []

    def _limits(self, key: str, said: dict[str, Any], action: dict[str, Any], rules: dict[str, Any]) -> list[str]:
        channels, policy, at = rules["channels"], rules["policy"], said["as_of"]
        of = {row["name"]: row["channel"] for row in rules["action"]}
        delivered = [one for one in self.told[key] if isinstance(one, ActionDelivered)]
        over = {one.decision_id for one in self.told[key] if isinstance(one, ActionDelivered | ActionDismissed)}
        past = [(one.channel, one.occurred_at) for one in delivered]
        past += [(of[one["would_have"]], one["as_of"]) for one in self.spoken[key] if one["would_have"]]
        waiting = [
            one["channel"]
            for one in self.spoken[key]
            if one["action"] != NOTHING and one["signal_id"] not in over and one["expires_at"] > at
        ]

        def used(days: int, counted: set[str]) -> int:
            recent = sum(channel in counted and at - when < days * DAY for channel, when in past)
            return recent + sum(channel in counted for channel in waiting)

        own = {action["channel"]}
        counting = {channel for channel in of.values() if channels[channel].get("counts", True)}
        counting |= {one.channel for one in delivered if one.channel not in channels}
        limits = channels[action["channel"]].get("contacts", [])
        broken = any(used(limit["days"], own) >= limit["most"] for limit in limits)
        found = ["a channel's limit was broken"] if broken else []
        if action["channel"] in counting:
            if any(used(limit["days"], counting) >= limit["most"] for limit in policy["contacts"]):
                found.append("a limit over all channels was broken")
            if sum(channel in counting for channel in waiting) >= policy["at_once"]:
                found.append("too many decisions wait at once")
        return found

    def _budget(self, said: dict[str, Any], action: dict[str, Any]) -> list[str]:
        if "budget_per_day" not in action or said["action"] == NOTHING:
            return []
        day = said["as_of"].astimezone(UTC).date()
        spent = sum(
            one["action"] == action["name"] and one["as_of"].astimezone(UTC).date() == day
            for spoken in self.spoken.values()
            for one in spoken
        )
        # One that is lowered holds for each partition at once, but for all together from the next day on.
        most = self.budgets[action["name"], day] = max(self.budgets[action["name"], day], action["budget_per_day"])
        return ["a budget was exceeded"] if spent >= most else []

    def _suits(self, key: str, said: dict[str, Any], action: dict[str, Any], rules: dict[str, Any]) -> list[str]:
        if not action.get("discount"):
            return []
        since = said["as_of"] - rules["policy"]["complaint_days"] * DAY
        answers = sorted(
            (one for one in self.told[key] if isinstance(one, SurveyAnswered)), key=lambda one: one.occurred_at
        )
        latest: dict[str, ResponseEvent] = {one.survey: one for one in answers}
        bad = [one for one in self.told[key] if isinstance(one, ComplaintMade)]
        bad += [one for one in latest.values() if isinstance(one, SurveyAnswered) and one.score <= DETRACTS[one.survey]]
        return ["money was offered instead of an answer"] if any(one.occurred_at > since for one in bad) else []

    def _rests(self, key: str, said: dict[str, Any], action: dict[str, Any]) -> list[str]:
        since = said["as_of"] - timedelta(seconds=action["cooldown_s"])
        return [
            "an action was chosen before it had rested"
            for one in self.spoken[key]
            if action["name"] in (one["action"], one["would_have"]) and one["as_of"] > since
        ]


def _duties(rules: dict[str, Any]) -> set[str]:
    return {row["name"] for row in rules["action"] if row.get("duty")}
