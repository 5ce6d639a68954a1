"""Records in plain words."""

from datetime import UTC, datetime

import msgspec
import pytest

from schemas import (
    CODE_HEADER,
    MESSAGE_HEADER,
    OFFSET_HEADER,
    PARTITION_HEADER,
    TOPIC_HEADER,
    ChurnRisk,
    CustomerDocument,
)
from streams.listening import Heard
from streams.wording import explained, line, moment, page, percent


def heard(topic: str, value: bytes | None, **headers: str) -> Heard:
    return Heard(topic, 2, 17, 1_767_225_600_000, "c1", value, headers)


def document(**changes: object) -> CustomerDocument:
    days = {"30d": 1, "90d": 2, "365d": 30}
    window = {"web": 3, "store": 1, "orders": -1, "revenue_minor": -250}
    fields = {
        "version": (0, 1, 2), "customer_id": "c1", "anonymous_id": None, "as_of": "2026-03-01T07:05:00Z",
        "first_seen": "2025-01-01T00:00:00Z", "last_seen": "2026-02-20T00:00:00Z", "last_act": "2026-02-20T00:00:00Z",
        "risk": 0.317, "band": "medium", "next_crossing": {"band": "high", "at": "2026-03-09T01:02:03Z"},
        "risk_as_of": "2026-02-20T00:00:00Z", "segment": "loyal", "stage": "returning",
        "days_active": {"web": days, "store": days, "order": days},
        "windows": {"1h": window, "24h": window, "7d": window, "30d": window}, "orders": 12, "revenue_minor": 123_456,
        "currency": "GBP", "average_order_minor": 10_288, "participation": {"reviews": 1, "shares": 0, "referrals": 2},
        "cart": ["p1", "p2"], "pending_action": {"action": "win_back", "expires_at": "2026-03-04T00:00:00Z"},
        "last_actions": {"win_back": "2026-03-01T00:00:00Z", "milestone_thanks": "2025-11-01T00:00:00Z"},
    }  # fmt: skip
    return msgspec.convert(fields | changes, CustomerDocument)


def risk(**changes: object) -> Heard:
    """A churn risk with everything that it may carry."""
    fields = {
        "signal_id": "0" * 32, "customer_id": "c1", "anonymous_id": None, "as_of": "2026-03-01T07:05:00Z",
        "horizon_days": 28, "risk": 0.5134, "band": "high", "previous_band": "medium", "calibrated": True,
        "reasons": [{"code": "silence", "text": "No visit for 19 days."}, {"code": "web", "text": "Never on the web."}],
        "counterfactuals": [{"act": "visit", "risk": 0.311}, {"act": "order", "risk": 0.094}],
        "expected_value": 2430, "value_at_risk": 1248, "currency": "GBP", "next_crossing": None,
        "model_version": "hazard-2026-02-23", "n_labels": 12_345, "segment": "at-risk", "stage": "returning",
        "cause": {"topic": "recheck", "event_id": None, "at": "2026-03-01T07:05:00Z"},
        "expires_at": "2026-03-02T07:05:00Z",
    }  # fmt: skip
    return heard("churn-risk", msgspec.json.encode(msgspec.convert(fields | changes, ChurnRisk)))


def test_instants_are_in_utc() -> None:
    """Whatever the zone of a record, people compare like with like."""
    assert "1 March 2026, 07:05" == moment(datetime(2026, 3, 1, 7, 5, tzinfo=UTC))


@pytest.mark.parametrize(("probability", "text"), [
    (0.0, "0%"), (0.005, "under 1%"), (0.006, "1%"), (0.317, "32%"), (0.995, "over 99%"), (1.0, "100%"),
])  # fmt: skip
def test_what_is_not_certain_is_not_said_to_be(probability: float, text: str) -> None:
    """Whoever reads 0 % or 100 % would believe it."""
    assert text == percent(probability)


def test_a_customer_is_one_page() -> None:
    """Risk with its date, life, days, windows, cart, what is waiting and what was said, newest first."""
    text = page(document(), horizon_days=28)

    assert "32% not to come within 28 days: medium" in text
    assert "high from 9 March 2026, 01:02 if nothing happens" in text
    assert "Segment  loyal; stage: returning" in text
    assert "12 for 1,234.56 GBP, 102.88 GBP each" in text
    assert "  web             1      2     30" in text
    assert "  orders         -1     -1     -1     -1" in text
    assert "p1, p2" in text
    assert text.index("win_back on 1 March") < text.index("milestone_thanks on 1 November")


def test_a_visitor_without_acts_is_a_page_too() -> None:
    """Nothing known yet is said as such."""
    text = page(
        document(customer_id=None, anonymous_id="a7", risk=None, band=None, next_crossing=None, last_act=None,
                 average_order_minor=None, cart=[], pending_action=None, last_actions={}),
        horizon_days=28,
    )  # fmt: skip

    assert "Customer a7 (not signed in)" in text
    assert "not assessed yet" in text
    assert "nothing yet" in text


def test_a_risk_is_a_line() -> None:
    """When, who, from which band to which, where they belong, why, what an act would change, money, and the source."""
    said = "2026-03-01 07:05:00  c1  medium → high 51%  at-risk, returning  No visit for 19 days.  "
    said += "A visit today would bring it to 31%; an order to 9%.  12.48 GBP of 24.30 GBP at risk.  hazard-2026-02-23"

    assert said == line(risk())


def test_a_risk_of_a_worker_that_knew_no_segments_is_a_line() -> None:
    """It stays on the topic for as long as the retention: when, who, from which band to which, and the first reason."""
    value = b'{"as_of":"2026-03-01T07:05:00Z","customer_id":null,"anonymous_id":"a7","risk":0.5134,'
    value += b'"band":"high","previous_band":"medium","reasons":[{"text":"No visit for 19 days."}]}'
    said = "2026-03-01 07:05:00  ~a7  medium → high 51%  No visit for 19 days."

    assert (said, [said]) == (line(heard("churn-risk", value)), explained(heard("churn-risk", value)))


def test_a_risk_is_explained_in_sentences() -> None:
    """All reasons, what an act would change, what is at risk, and what the model has learned from."""
    assert [
        "2026-03-01 07:05:00  c1  medium → high 51%  at-risk, returning  No visit for 19 days.",
        "  Never on the web.",
        "  A visit today would bring it to 31%; an order to 9%.",
        "  Expected to spend 24.30 GBP within 28 days; 12.48 GBP of it is at risk.",
        "  Told by the model hazard-2026-02-23, which has learned from 12,345 customer weeks.",
    ] == explained(risk())


def test_a_risk_by_the_own_rhythm_says_so() -> None:
    """To a rhythm a visit and an order are the same, and of who never ordered nothing is expected."""
    same = [{"act": act, "risk": 0.2} for act in ("visit", "order")]
    young = risk(
        calibrated=False, model_version="mbg-nbd-1", n_labels=0, expected_value=0, value_at_risk=0,
        counterfactuals=same, segment="new", stage="discovering",
    )  # fmt: skip

    assert line(young).endswith("No visit for 19 days.  A visit or an order today would bring it to 20%.  own rhythm")
    assert [
        "  A visit or an order today would bring it to 20%.",
        "  Not expected to spend anything.",
        "  Told by the customer's own rhythm (mbg-nbd-1); the shop's past is too short for a learned model.",
    ] == explained(young)[2:]


def test_a_decision_is_a_line() -> None:
    """When, who, what to do, at which moment, and why."""
    value = b'{"as_of":"2026-03-01T07:05:00Z","customer_id":"c1","action":"nothing",'
    value += b'"moment":"cart_abandoned","reason":"All resting."}'

    assert "2026-03-01 07:05:00  c1  nothing  (cart_abandoned)  All resting." == line(heard("next-best-actions", value))


def test_a_decision_that_weighed_something_says_by_which_channel_and_how_surely() -> None:
    """And until when somebody is to answer."""
    value = msgspec.json.encode({
        "as_of": "2026-03-01T07:05:00Z", "customer_id": "c1", "action": "call_back", "channel": "phone",
        "would_have": None, "moment": "complaint", "reason": "Complained.", "candidates": [{}, {}, {}],
        "probability": 0.731, "respond_by": "2026-03-02T07:05:00Z",
    })  # fmt: skip
    said = "2026-03-01 07:05:00  c1  call_back by phone  (complaint)  Complained.  Drawn with 73% among 3."

    assert f"{said}  Answer by 2026-03-02 07:05:00." == line(heard("next-best-actions", value))


def test_what_the_holdout_kept_back_is_on_the_line() -> None:
    """Nothing is done, and it is said what would have been."""
    value = msgspec.json.encode({
        "as_of": "2026-03-01T07:05:00Z", "customer_id": "c1", "action": "nothing", "channel": None,
        "would_have": "gift", "moment": "complaint", "reason": "Held out.", "candidates": [{}], "probability": 1.0,
    })  # fmt: skip

    assert "  c1  nothing instead of gift  (complaint)  Held out." in line(heard("next-best-actions", value))


def test_how_a_customer_may_be_reached_is_on_the_page() -> None:
    """What is allowed and liked, what is left of the limits, what is open, what was promised, and what was decided."""
    at = "2026-03-01T00:00:00Z"
    text = page(
        document(
            consents=[
                {"channel": "email", "purpose": "marketing", "state": "given"},
                {"channel": "sms", "purpose": "relation", "state": "withdrawn"},
            ],
            preferences={"language": "de", "quiet_from": "21:00", "quiet_until": "08:00"},
            contacts=[{"action": "gift", "channel": "email", "at": at}],
            waiting=[{"action": "vote", "channel": "push", "until": at}],
            limits=[
                {"channel": None, "most": 3, "days": 7, "left": 1},
                {"channel": "email", "most": 1, "days": 1, "left": 0},
            ],
            moments=[{"moment": "survey_due", "moment_id": "0" * 16, "since": at, "expires_at": at}],
            response_clock={"moment": "complaint", "since": "2026-02-27T00:00:00Z", "due": "2026-02-28T00:00:00Z"},
            last_decisions=[{"decision_id": "0" * 32, "moment": "survey_due", "action": "nothing", "at": at}],
        ),
        horizon_days=28,
    )

    for said in (
        "Allowed  email (marketing)",
        "Refused  sms (relation)",
        "Likes    in de, quiet from 21:00 to 08:00",
        "Reached  by email with gift on 1 March 2026, 00:00",
        "Waiting  vote by push until 1 March 2026, 00:00",
        "Left     1 of 3 in 7 days over all channels\n         0 of 1 in 1 day email",
        "Open     survey_due until 1 March 2026, 00:00",
        "Answer   to a complaint of 27 February 2026, 00:00: overdue since 28 February 2026, 00:00",
        f"Decided  nothing (survey_due) on 1 March 2026, 00:00  {'0' * 32}",
    ):
        assert said in text


def test_a_dead_letter_is_a_line_without_its_value() -> None:
    """Why and where from; what it holds may be personal and is not shown."""
    headers = {
        CODE_HEADER: "schema",
        MESSAGE_HEADER: "Expected.",
        TOPIC_HEADER: "orders",
        PARTITION_HEADER: "3",
        OFFSET_HEADER: "9",
    }

    said = line(heard("dead-letters", b'{"customer_id":"ada@example.org"}', **headers))

    assert "2026-01-01 00:00:00  schema  orders/3@9  33 bytes  Expected." == said


@pytest.mark.parametrize("value", [None, b"", b"\xff\xfe", b"[1]", b"{}", b'{"event_type":1}'])
@pytest.mark.parametrize("topic", ["churn-risk", "next-best-actions", "customers", "clickstream", "dead-letters"])
def test_any_record_is_a_line(topic: str, value: bytes | None) -> None:
    """Whatever somebody wrote to a topic, following it goes on."""
    assert line(heard(topic, value)).startswith("2026-01-01 00:00:00")
    assert [line(heard(topic, value))] == explained(heard(topic, value))
