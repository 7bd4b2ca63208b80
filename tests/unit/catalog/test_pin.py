import pytest

from pdp.core.catalog.definitions.definition import pin_of

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
        {"icons": [{"src": "https://example.com/x.svg"}]},
        {"_meta": {"ui": "ui://other"}},
        {"x-unheard-of": 1},
    ],
)
def test_a_change_in_anything_that_is_passed_on_changes_the_pin(change: dict[str, object]) -> None:
    assert pin_of({**DEFINITION, **change}) != pin_of(DEFINITION)


def test_the_pin_does_not_depend_on_order_or_on_members_that_are_null() -> None:
    shuffled = dict(reversed(DEFINITION.items()))
    assert pin_of({**shuffled, "icons": None, "outputSchema": None}) == pin_of(DEFINITION)
