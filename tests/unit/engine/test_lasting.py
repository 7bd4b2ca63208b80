import math
from datetime import UTC, datetime

import pytest

from pdp.core.engine.cedar import read_tree
from pdp.core.engine.lasting import flips_of, next_flip
from tests.unit.engine.sample import call, engine

_NOW = "2026-07-28T12:00:00.000Z"


def _unix(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _until(condition: str, *, now: str = _NOW) -> str | None:
    policy = read_tree(f"permit(principal, action, resource) when {{ {condition} }};")
    flip = next_flip(flips_of([policy]), now=_unix(now))
    return None if math.isinf(flip) else datetime.fromtimestamp(flip, UTC).isoformat(timespec="milliseconds")[:-6]


@pytest.mark.parametrize(
    ("condition", "until"),
    [
        ("context.arguments.x == 1", None),
        ("context has now", None),
        ("resource has now && resource.now == 1", None),
        ('context.now < datetime("2026-07-28T13:00:00Z")', "2026-07-28T13:00:00.000"),
        ('datetime("2026-07-28T13:00:00Z") <= context.now', "2026-07-28T13:00:00.000"),
        ('context.now <= datetime("2026-07-28T12:00:00Z")', "2026-07-28T12:00:00.001"),
        ('context.now == datetime("2026-07-28")', None),
        (
            'context.now > datetime("2026-07-28T10:00:00Z") && context.now < datetime("2030-01-01")',
            "2030-01-01T00:00:00.000",
        ),
        ('context.now.toTime() < duration("18h")', "2026-07-28T18:00:00.000"),
        ('context.now.toTime() >= duration("9h")', "2026-07-29T00:00:00.000"),
        ('context.now.toTime() > duration("12h")', "2026-07-28T12:00:00.001"),
        ('context.now.toDate() == datetime("2026-08-01")', "2026-07-29T00:00:00.000"),
        ('context.now.offset(duration("-1h")) < datetime("2026-07-28T12:00:00Z")', "2026-07-28T13:00:00.000"),
        ('context.now.durationSince(datetime("2026-07-28")) < duration("13h")', "2026-07-28T13:00:00.000"),
        ('if context.now < datetime("2027-01-01") then true else false', "2027-01-01T00:00:00.000"),
        ("context.now < resource.deadline", "2026-07-28T12:00:00.000"),
        ("context.now.toTime().toHours() < 18", "2026-07-28T12:00:00.000"),
        ('[context.now].contains(datetime("2027-01-01"))', "2026-07-28T12:00:00.000"),
        ("context == context", "2026-07-28T12:00:00.000"),
        ('context.now < datetime("garbage")', "2026-07-28T12:00:00.000"),
    ],
)
def test_a_decision_holds_up_to_the_next_instant_at_which_the_clock_can_change_it(
    condition: str, until: str | None
) -> None:
    assert _until(condition) == until


def test_a_date_before_1970_and_a_time_past_a_day_are_followed() -> None:
    assert _until('context.now > datetime("1960-01-01")', now="1959-12-31T23:00:00Z") == "1960-01-01T00:00:00.000"
    assert _until('context.now.toTime() < duration("30h")') == "2026-07-29T00:00:00.000"


@pytest.mark.parametrize(
    "condition",
    [
        'context.now < datetime("2026-07-28T12:00:00.007Z")',
        'context.now <= datetime("2026-07-28T12:00:00.007Z")',
        'context.now == datetime("2026-07-28T12:00:00.007Z")',
        'context.now.toTime() < duration("12h8ms")',
        'context.now.toTime() == duration("12h8ms")',
        'context.now.offset(duration("5ms")) >= datetime("2026-07-28T12:00:00.011Z")',
        'datetime("2026-07-28T12:00:00.003Z") != context.now',
        'context.now.durationSince(datetime("2026-07-28T11:59:59Z")) > duration("1s4ms")',
    ],
)
def test_between_two_flips_the_engine_answers_alike(condition: str) -> None:
    policy = f'@id("p") permit(principal, action, resource) when {{ {condition} }};'
    deciding, request = engine(policy), call()
    start = round(_unix(_NOW) * 1000)
    answers = {ms: deciding.decide(request, now=ms / 1000) for ms in range(start, start + 20)}
    changes = [ms for ms in range(start + 1, start + 20) if answers[ms].code != answers[ms - 1].code]
    assert changes
    for at, answer in answers.items():
        following = [ms for ms in changes if ms > at]
        assert at / 1000 < answer.holds.until
        if following:
            assert answer.holds.until <= following[0] / 1000
