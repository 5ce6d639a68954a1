"""
The voice: whether what a customer said of us speaks for us or against us.

Law: of each survey the latest answer counts; it takes back the one before. Scores are judged as the surveys define
it: NPS 0 to 6 is a detractor, 9 and 10 a promoter; CSAT 1 and 2 of 5 is against us, 5 for us; CES (7 is the least
effort) 1 to 3 of 7 is against us, and nobody is for us because it was easy.
"""

from functools import lru_cache
from typing import Final

from schemas import Survey
from streams.core.engagement import Engagement
from streams.core.replies import Answer, answers

AGAINST: Final[dict[Survey, int]] = {"nps": 6, "csat": 2, "ces": 3}
"""The highest score that speaks against us."""

FOR: Final[dict[Survey, int]] = {"nps": 9, "csat": 5}
"""The lowest score that speaks for us."""


def is_against(answer: Answer) -> bool:
    """Say whether an answer is a detractor's."""
    return answer.score <= AGAINST[answer.survey]


def is_for(answer: Answer) -> bool:
    """Say whether an answer is a promoter's."""
    return answer.survey in FOR and answer.score >= FOR[answer.survey]


def latest_answers(engagement: Engagement) -> tuple[Answer, ...]:
    """Say the latest answer to each survey, the latest first."""
    return _latest_of(engagement.surveys) if engagement.surveys else ()


@lru_cache(maxsize=256)  # several moments, a clock and a gate ask one after another of the same customer
def _latest_of(surveys: bytes) -> tuple[Answer, ...]:
    latest: dict[Survey, Answer] = {}
    for answer in answers(surveys):
        latest.setdefault(answer.survey, answer)
    return tuple(latest.values())


def latest_against(engagement: Engagement) -> Answer | None:
    """Say the latest answer that speaks against us and was not taken back."""
    return next((answer for answer in latest_answers(engagement) if is_against(answer)), None)


def latest_for(engagement: Engagement) -> Answer | None:
    """Say the latest answer that speaks for us and was not taken back."""
    return next((answer for answer in latest_answers(engagement) if is_for(answer)), None)
