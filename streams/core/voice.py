"""
The voice: whether what a customer said of us speaks for us or against us.

Law: of each survey the latest answer counts; it takes back the one before. Scores are judged as the surveys define
it: NPS 0 to 6 is a detractor, 9 and 10 a promoter; CSAT 1 and 2 of 5 is against us, 5 for us; CES (7 is the least
effort) 1 to 3 of 7 is against us, and nobody is for us because it was easy.
"""

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


def latest_answers(engagement: Engagement) -> list[Answer]:
    """Say the latest answer to each survey, the latest first."""
    latest: dict[Survey, Answer] = {}
    for answer in answers(engagement.surveys):
        latest.setdefault(answer.survey, answer)
    return list(latest.values())


def latest_against(engagement: Engagement) -> Answer | None:
    """Say the latest answer that speaks against us and was not taken back."""
    return next((answer for answer in latest_answers(engagement) if is_against(answer)), None)


def latest_for(engagement: Engagement) -> Answer | None:
    """Say the latest answer that speaks for us and was not taken back."""
    return next((answer for answer in latest_answers(engagement) if is_for(answer)), None)
