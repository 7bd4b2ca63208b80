import pytest

from pdp.core.catalog.tool import pin_of

DEFINITION = {
    "name": "read",
    "title": "Read",
    "description": "reads",
    "inputSchema": {"type": "object", "properties": {"path": {"type": "string"}}},
    "annotations": {"readOnlyHint": True},
}


@pytest.mark.parametrize(
    "change",
    [
        {"name": "Read"},
        {"title": "Rd"},
        {"description": "reads\u200b"},
        {"inputSchema": {"type": "object"}},
        {"outputSchema": {"type": "object"}},
        {"annotations": {"readOnlyHint": False}},
    ],
)
def test_a_change_in_what_a_model_or_policy_sees_changes_the_pin(change: dict[str, object]) -> None:
    assert pin_of({**DEFINITION, **change}) != pin_of(DEFINITION)


def test_the_pin_does_not_depend_on_order_or_on_what_nobody_sees() -> None:
    shuffled = dict(reversed(DEFINITION.items()))
    assert pin_of({**shuffled, "_meta": {"x": 1}, "title": "Read", "outputSchema": None}) == pin_of(DEFINITION)
