"""Records in plain words: one line for what passes by, a page for a whole customer. Pure: values in, text out."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import orjson

from schemas import CODE_HEADER, MESSAGE_HEADER, OFFSET_HEADER, PARTITION_HEADER, TOPIC_HEADER, CustomerDocument
from streams.core.telling import amount
from streams.listening import Heard

COMMON = {
    "event_id",
    "event_type",
    "schema_version",
    "occurred_at",
    "customer_id",
    "anonymous_id",
    "session_id",
    "source",
}

ACTS = {"web": "web", "shop": "store", "orders": "orders"}
_ACTED = {"visit": "a visit", "order": "an order"}


def moment(at: datetime) -> str:
    """
    An instant as people write it, in UTC.

    >>> moment(datetime(2026, 3, 1, 7, 5, tzinfo=UTC))
    '1 March 2026, 07:05'
    """
    utc = at.astimezone(UTC)
    return f"{utc.day} {utc:%B %Y, %H:%M}"


def percent(probability: float) -> str:
    """
    A probability as people write it; what is not certain is not said to be.

    >>> percent(0.317), percent(0.0), percent(0.002), percent(0.998)
    ('32%', '0%', 'under 1%', 'over 99%')
    """
    if 0.0 < probability <= 0.005:
        return "under 1%"
    return "over 99%" if 0.995 <= probability < 1.0 else f"{probability:.0%}"


def line(heard: Heard) -> str:
    """One record as one line: when, who, what."""
    try:
        value = orjson.loads(heard.value or b"null")
        if heard.topic == "dead-letters":
            return _dead_letter(heard)
        if not isinstance(value, dict):
            raise ValueError
        return _LINES.get(heard.topic, _event)(heard, value)
    except (ValueError, KeyError, TypeError):
        return f"{_clock(heard.timestamp_ms)}  {heard.key or '-'}  not readable, {len(heard.value or b''):,} bytes"


def explained(heard: Heard) -> list[str]:
    """One record as several lines: what it says, and below it, of a churn risk, all that stands behind it."""
    try:
        value = orjson.loads(heard.value or b"null")
        if heard.topic == "churn-risk":
            head = f"{_headed(value)}  {_why(value)}".rstrip()
            below = [*(reason["text"] for reason in value["reasons"][1:]), *_behind(value)]
            return [head, *(f"  {said}" for said in below)]
    except (ValueError, KeyError, TypeError):
        pass  # the line says that it is not readable
    return [line(heard)]


def page(document: CustomerDocument, horizon_days: int) -> str:
    """Everything we know of a customer, for whoever stands before them."""
    name = document.customer_id or f"{document.anonymous_id} (not signed in)"
    blocks = [
        f"Customer {name}, as of {moment(document.as_of)} UTC",
        "\n".join(_risk(document, horizon_days)),
        "\n".join(_life(document)),
        "\n".join(_activity(document)),
        "\n".join(_now(document)),
        "\n".join([*_reach(document), *_open(document)]),
    ]
    return "\n\n".join(blocks)


def _risk(document: CustomerDocument, horizon_days: int) -> list[str]:
    belongs = [] if document.segment is None else [f"Segment  {document.segment}; stage: {document.stage}"]
    if document.risk is None or document.band is None:
        return ["Risk     not assessed yet", *belongs]
    said = [f"Risk     {percent(document.risk)} not to come within {horizon_days} days: {document.band}"]
    if document.next_crossing:
        said.append(
            f"         {document.next_crossing.band} from {moment(document.next_crossing.at)} if nothing happens"
        )
    return said + belongs


def _life(document: CustomerDocument) -> list[str]:
    last = "nothing yet" if document.last_act is None else moment(document.last_act)
    spent = amount(document.revenue_minor, document.currency)
    mean = (
        ""
        if document.average_order_minor is None
        else f", {amount(document.average_order_minor, document.currency)} each"
    )
    did = document.participation
    return [
        f"Known    since {moment(document.first_seen)}; last active {last}",
        f"Orders   {document.orders:,} for {spent}{mean}",
        f"For us   {did.reviews} reviews, {did.shares} shares, {did.referrals} referrals",
    ]


def _activity(document: CustomerDocument) -> list[str]:
    days, windows = document.days_active, document.windows
    active = {"web": days.web, "shop": days.store, "orders": days.order}
    spans = (windows.h1, windows.h24, windows.d7, windows.d30)
    acts = {name: [getattr(span, field) for span in spans] for name, field in ACTS.items()}
    return [
        *_table("Active days", ["30 d", "90 d", "365 d"], {name: [n.d30, n.d90, n.d365] for name, n in active.items()}),
        "",
        *_table("Acts", ["1 h", "24 h", "7 d", "30 d"], acts),
    ]


def _table(title: str, heads: list[str], rows: dict[str, list[int]]) -> list[str]:
    body = [f"  {name:<10}" + "".join(f"{count:>7,}" for count in counts) for name, counts in rows.items()]
    return [f"{title:<12}" + "".join(f"{head:>7}" for head in heads), *body]


def _now(document: CustomerDocument) -> list[str]:
    said = [f"Cart     {', '.join(document.cart) or 'empty'}"]
    waiting = [f"{one.action} by {one.channel} until {moment(one.until)}" for one in document.waiting]
    if not waiting and document.pending_action:
        waiting = [f"{document.pending_action.action} until {moment(document.pending_action.expires_at)}"]
    said += _listed("Waiting", waiting or ["no action"])
    chosen = sorted(document.last_actions.items(), key=lambda item: item[1], reverse=True)
    return said + _listed("Chosen", [f"{action} on {moment(at)}" for action, at in chosen])


def _listed(title: str, rows: Iterable[str]) -> list[str]:
    """Rows below each other, the title beside the first."""
    return [f"{title if number == 0 else '':<9}{row}" for number, row in enumerate(rows)]


def _reach(document: CustomerDocument) -> list[str]:
    """How they may be reached, how they like it, and how often they may still be."""
    by_state = {
        state: [f"{one.channel} ({one.purpose})" for one in document.consents if one.state == state]
        for state in ("given", "withdrawn")
    }
    liked = document.preferences
    quiet = None
    if liked.quiet_from is not None and liked.quiet_until is not None:
        hours = f"quiet from {liked.quiet_from} to {liked.quiet_until}"
        quiet = hours if liked.quiet_from != liked.quiet_until else "no quiet hours"
    likes = [liked.channel and f"by {liked.channel}", liked.language and f"in {liked.language}", liked.time_zone, quiet]
    left = [
        f"{one.left} of {one.most} in {one.days} day{'s' if one.days > 1 else ''} {one.channel or 'over all channels'}"
        for one in document.limits
    ]
    return [
        f"Allowed  {', '.join(by_state['given']) or 'nothing said'}",
        *_listed("Refused", [", ".join(by_state["withdrawn"])] if by_state["withdrawn"] else []),
        f"Likes    {', '.join(filter(None, likes)) or 'nothing said'}",
        *_listed(
            "Reached", [f"by {one.channel} with {one.action} on {moment(one.at)}" for one in document.contacts[:5]]
        ),
        *_listed("Left", left),
    ]


def _open(document: CustomerDocument) -> list[str]:
    """What is open, what was promised, and what was decided last."""
    said = _listed("Open", [f"{one.moment} until {moment(one.expires_at)}" for one in document.moments])
    if clock := document.response_clock:
        late = "overdue since" if clock.due <= document.as_of else "due by"
        said.append(f"Answer   to a {clock.moment} of {moment(clock.since)}: {late} {moment(clock.due)}")
    said += _listed("Arms", [f"{arm} of {name}" for name, arm in document.arms.items()])
    return said + _listed(
        "Decided",
        [f"{one.action} ({one.moment}) on {moment(one.at)}  {one.decision_id}" for one in document.last_decisions],
    )


def _clock(epoch_ms: int) -> str:
    return f"{datetime.fromtimestamp(epoch_ms / 1000, UTC):%Y-%m-%d %H:%M:%S}"


def _at(text: str) -> str:
    return text[:19].replace("T", " ")


def _who(value: dict[str, Any]) -> str:
    return str(value.get("customer_id") or f"~{value['anonymous_id']}")


def _churn_risk(heard: Heard, value: dict[str, Any]) -> str:
    return "  ".join(said for said in (_headed(value), _why(value), *_in_short(value)) if said)


def _headed(value: dict[str, Any]) -> str:
    before = f"{value['previous_band']} → " if value["previous_band"] not in (None, value["band"]) else ""
    who = f"{_at(value['as_of'])}  {_who(value)}  {before}{value['band']} {percent(value['risk'])}"
    # What a worker said that knew no segments yet stays on the topic for as long as its retention.
    return f"{who}  {value['segment']}, {value['stage']}" if "segment" in value else who


def _why(value: dict[str, Any]) -> str:
    return str(value["reasons"][0]["text"]) if value["reasons"] else ""


def _in_short(value: dict[str, Any]) -> list[str]:
    """What an act would change, the money at risk, and where the risk comes from."""
    if "segment" not in value:
        return []
    expected, at_risk = _worth(value)
    money = [f"{at_risk} of {expected} at risk."] if value["expected_value"] else []
    return [*_had_acted(value), *money, value["model_version"] if value["calibrated"] else "own rhythm"]


def _behind(value: dict[str, Any]) -> list[str]:
    """The same in sentences for whoever stands before the customer."""
    if "segment" not in value:
        return []
    expected, at_risk = _worth(value)
    days, version = value["horizon_days"], value["model_version"]
    money = f"Expected to spend {expected} within {days} days; {at_risk} of it is at risk."
    source = f"Told by the model {version}, which has learned from {value['n_labels']:,} customer weeks."
    if not value["calibrated"]:
        source = f"Told by the customer's own rhythm ({version}); the shop's past is too short for a learned model."
    return [*_had_acted(value), money if value["expected_value"] else "Not expected to spend anything.", source]


def _worth(value: dict[str, Any]) -> tuple[str, str]:
    """What a customer is expected to spend, and how much of it is at risk."""
    return amount(value["expected_value"], value["currency"]), amount(value["value_at_risk"], value["currency"])


def _had_acted(value: dict[str, Any]) -> list[str]:
    """What the risk would be after an act; acts that come to the same are named together."""
    after: dict[str, list[str]] = {}
    for imagined in value["counterfactuals"]:
        after.setdefault(percent(imagined["risk"]), []).append(_ACTED[imagined["act"]])
    told = [(" or ".join(acts), risk) for risk, acts in after.items()]
    if not told:
        return []
    (acts, risk), *others = told
    rest = "".join(f"; {acts} to {risk}" for acts, risk in others)
    return [f"{acts[0].upper()}{acts[1:]} today would bring it to {risk}{rest}."]


def _next_best_action(heard: Heard, value: dict[str, Any]) -> str:
    what = f"{value['action']} by {value['channel']}" if value.get("channel") else value["action"]
    if value.get("would_have"):
        what = f"{what} instead of {value['would_have']}"
    said = f"{_at(value['as_of'])}  {_who(value)}  {what}  ({value['moment']})  {value['reason']}"
    # What an earlier version decided weighed nothing; it stays on the topic for as long as its retention.
    weighed = len(value.get("candidates", ()))
    if weighed > 1:
        said += f"  Drawn with {percent(value['probability'])} among {weighed}."
    return f"{said}  Answer by {_at(value['respond_by'])}." if value.get("respond_by") else said


def _customer(heard: Heard, value: dict[str, Any]) -> str:
    risk = "not assessed" if value["risk"] is None else f"{value['band']} {percent(value['risk'])}"
    spent = amount(value["revenue_minor"], value["currency"])
    return f"{_at(value['as_of'])}  {_who(value)}  {risk}  {value['orders']} orders, {spent}"


def _event(heard: Heard, value: dict[str, Any]) -> str:
    more = " ".join(f"{name}={_short(said)}" for name, said in value.items() if name not in COMMON)
    return f"{_at(value['occurred_at'])}  {heard.key or '-'}  {value['event_type']}  {more}".rstrip()


def _short(value: Any) -> str:
    return f"[{len(value)}]" if isinstance(value, list) else str(value)


def _dead_letter(heard: Heard) -> str:
    said = heard.headers
    place = f"{said.get(TOPIC_HEADER, '?')}/{said.get(PARTITION_HEADER, '?')}@{said.get(OFFSET_HEADER, '?')}"
    code, message = said.get(CODE_HEADER, "?"), said.get(MESSAGE_HEADER, "")
    return f"{_clock(heard.timestamp_ms)}  {code}  {place}  {len(heard.value or b''):,} bytes  {message}"


_LINES = {"churn-risk": _churn_risk, "next-best-actions": _next_best_action, "customers": _customer}
