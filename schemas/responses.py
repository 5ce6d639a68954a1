"""What comes back from customers: what became of an action, and what they say when asked, or unasked."""

from typing import Annotated, ClassVar, Final, Literal

from msgspec import Meta

from schemas.common import Channel, Event, Id, Label, Text
from schemas.contacts import ActionName, ContactChannel, Purpose
from schemas.signals import SignalId

Survey = Literal["nps", "csat", "ces"]
SURVEYS: Final[tuple[Survey, ...]] = ("nps", "csat", "ces")
"""The index is the number that records keep. Append only."""

SCORES: Final[dict[Survey, tuple[int, int]]] = {"nps": (0, 10), "csat": (1, 5), "ces": (1, 7)}
"""The lowest and the highest score of each survey; the highest is the best."""

Score = Annotated[int, Meta(ge=0, le=10, description="nps: 0 to 10, csat: 1 to 5, ces: 1 to 7; the highest is best.")]
Sentiment = Annotated[float, Meta(ge=-1.0, le=1.0, description="From -1, against us, to 1, for us.")]


class ResponseEvent(Event, frozen=True, kw_only=True):
    """Something that came back from a customer, or from a channel on the way there."""

    customer_act: ClassVar[bool] = False
    source_topic: ClassVar[str] = "responses"


class ActionEvent(ResponseEvent, frozen=True, kw_only=True):
    """What became of an action that was decided; `decision_id` is the decision's `signal_id`."""

    decision_id: SignalId
    action: ActionName
    channel: ContactChannel


class ActionDelivered(ActionEvent, frozen=True, kw_only=True):
    """The action reached the customer: from now on it counts as a contact."""


class ActionOpened(ActionEvent, frozen=True, kw_only=True):
    """A message was opened; mail programs fetch by themselves, so it is no act."""


class ActionClicked(ActionEvent, frozen=True, kw_only=True):
    """A customer followed what was sent or shown."""

    customer_act: ClassVar[bool] = True
    act_channel: ClassVar[Channel | None] = "web"
    weight: ClassVar[int] = 1


class ActionConverted(ActionEvent, frozen=True, kw_only=True):
    """What the action was for happened; the act itself is told by its own event, such as the order."""


class ActionDismissed(ActionEvent, frozen=True, kw_only=True):
    """The action was waved away, or whoever was to carry it out did not."""


class Unsubscribed(ResponseEvent, frozen=True, kw_only=True):
    """A customer wants no more of this channel; without a purpose: nothing but service."""

    channel: ContactChannel
    purpose: Purpose | None = None


class ComplaintMade(ResponseEvent, frozen=True, kw_only=True):
    """A customer complained."""

    customer_act: ClassVar[bool] = True
    act_channel: ClassVar[Channel | None] = "web"
    weight: ClassVar[int] = 1

    channel: ContactChannel | None = None
    topic: Label | None = None
    text: Text | None = None
    order_id: Id | None = None


class SurveyAnswered(ResponseEvent, frozen=True, kw_only=True):
    """A customer answered how likely they recommend us (nps), how content (csat) or how easy (ces) it was."""

    customer_act: ClassVar[bool] = True
    act_channel: ClassVar[Channel | None] = "web"
    weight: ClassVar[int] = 2

    survey: Survey
    score: Score
    text: Text | None = None
    sentiment: Sentiment | None = None

    def __post_init__(self) -> None:
        """Refuse a score that the survey does not have."""
        lowest, highest = SCORES[self.survey]
        if not lowest <= self.score <= highest:
            raise ValueError("the survey has no such score")
