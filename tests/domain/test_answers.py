"""Reading answers: every form, every default, and a way out of every mistake."""

from __future__ import annotations

from datetime import time, timedelta

import pytest

from holdfast.domain.answers import (
    BusinessDuration,
    CalendarAnswer,
    Quorum,
    Value,
    parse_answer,
    parse_calendar,
    parse_duration,
)
from holdfast.domain.questions import BY_NAME, QUESTIONS, Question
from holdfast.errors import HoldfastError

OF_A_KIND = {question.answer: question for question in QUESTIONS}


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda q: q.name)
def test_every_default_is_an_answer(question: Question) -> None:
    """Each question's default can be read in the form that the question asks for."""
    parse_answer(question, question.default)


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("90 s", timedelta(seconds=90)),
        ("5 min", timedelta(minutes=5)),
        ("26 h", timedelta(hours=26)),
        ("365 d", timedelta(days=365)),
        ("1 day", timedelta(days=1)),
        ("2 hours", timedelta(hours=2)),
        ("30min", timedelta(minutes=30)),
        ("0.3 s", timedelta(milliseconds=300)),
        ("1.5 h", timedelta(minutes=90)),
    ],
)
def test_durations(text: str, length: timedelta) -> None:
    """Durations are whole or decimal numbers of a unit, read without rounding."""
    assert parse_duration(text) == length


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("rto_of_function_2", "8 business hours", BusinessDuration(timedelta(hours=8))),
        (
            "rto_of_function_2",
            "90 business minutes",
            BusinessDuration(timedelta(hours=1.5)),
        ),
        ("people_per_role", "3", 3),
        ("vantage_quorum", "2 of 3", Quorum(2, 3)),
        ("vantage_quorum", "1 of 1", Quorum(1, 1)),
        ("critical_functions", "2, 1", (1, 2)),
        ("critical_functions", "1", (1,)),
        ("availability_window", "rolling 30 days", "rolling 30 days"),
    ],
)
def test_other_forms(name: str, text: str, value: Value) -> None:
    """Business durations, counts, quorums, ranks and choices mean what they say."""
    assert parse_answer(BY_NAME[name], text) == value


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (
            "Mon-Fri 09:00-17:00 Australia/Melbourne AU-VIC",
            CalendarAnswer(
                frozenset(range(5)), time(9), time(17), "Australia/Melbourne", "AU-VIC"
            ),
        ),
        (
            "Sun-Thu,Sat 22:00-06:30 Asia/Dubai AE",
            CalendarAnswer(
                frozenset({6, 0, 1, 2, 3, 5}), time(22), time(6, 30), "Asia/Dubai", "AE"
            ),
        ),
        (
            "Mon-Sun 00:00-24:00 UTC",
            CalendarAnswer(frozenset(range(7)), time(0), time(0), "UTC", None),
        ),
    ],
)
def test_calendars(text: str, answer: CalendarAnswer) -> None:
    """Calendars name days, hours, zone and region; nights and whole days work too."""
    assert parse_calendar(text) == answer


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("duration", "5"),
        ("duration", "five min"),
        ("duration", "5 fortnights"),
        ("duration", "-5 min"),
        ("duration", "٥ min"),
        ("duration", "0 s"),
        ("duration", "3661 d"),
        ("duration", "999999999 d"),
        ("duration", "0.0001 s"),
        ("business_duration", "8 h"),
        ("business_duration", "8 business days"),
        ("business_duration", "1.2.3 business hours"),
        ("count", "0"),
        ("count", "two"),
        ("count", "1.5"),
        ("quorum", "3 of 2"),
        ("quorum", "0 of 2"),
        ("quorum", "2/3"),
        ("ranks", "1, 1"),
        ("ranks", "1,"),
        ("ranks", ""),
        ("calendar", "Mon-Fri 9-5"),
        ("calendar", "Mon-Fri 9-5 UTC"),
        ("calendar", "Mo-Fr 09:00-17:00 UTC"),
        ("calendar", "Mon- 09:00-17:00 UTC xx"),
        ("calendar", "Mon-Fri 09:00-25:00 UTC"),
        ("calendar", "Mon-Fri 24:30-17:00 UTC"),
        ("calendar", "Mon-Fri 09:00-17:00 localtime"),
        ("calendar", "Mon-Fri 09:00-17:00 Australia/Nowhere"),
        ("calendar", "Mon-Fri 09:00-17:00 ../../etc/passwd"),
        ("calendar", "Mon-Fri 09:00-17:00 /etc/passwd"),
        ("calendar", "Mon-Fri 09:00-17:00 Europe/London gb"),
        ("calendar", "Mon-Fri 09:00-17:00 Europe/London XX"),
        ("calendar", "Mon-Fri 09:00-17:00 Europe/London GB-ZZZ"),
        ("choice", "whenever"),
    ],
)
def test_unreadable_answers_say_how_to_write_them(form: str, text: str) -> None:
    """What cannot be read is refused with a hint, never with a crash."""
    question = next(q for kind, q in OF_A_KIND.items() if kind == form)
    with pytest.raises(HoldfastError) as caught:
        parse_answer(question, text)
    assert caught.value.hint


def test_a_misspelt_zone_is_recognised() -> None:
    """The hint names the time zone that was probably meant."""
    with pytest.raises(HoldfastError) as caught:
        parse_calendar("Mon-Fri 09:00-17:00 Australia/Melborne")
    assert caught.value.hint == 'Did you mean "Australia/Melbourne"?'


def test_hints_show_an_example() -> None:
    """The hint of an unreadable answer is an answer that can be read."""
    with pytest.raises(HoldfastError) as caught:
        parse_duration("soon")
    assert '"5 min"' in caught.value.hint
