from pdp.core.bundle.content import content_digest
from pdp.core.bundle.manifest import manifest_of

SOURCES = {"policies/a.cedar": b"a", "schemas/s/t.json": b"b"}


def test_the_same_sources_have_the_same_digest_in_any_order() -> None:
    assert content_digest(SOURCES) == content_digest(dict(reversed(SOURCES.items())))
    assert manifest_of(SOURCES, serial=1).digest == manifest_of(SOURCES, serial=2).digest


def test_a_name_a_byte_or_a_boundary_that_differs_changes_the_digest() -> None:
    others = [
        {"policies/a.cedar": b"a"},
        {"policies/a.cedar": b"b", "schemas/s/t.json": b"b"},
        {"policies/b.cedar": b"a", "schemas/s/t.json": b"b"},
        {"policies/a.cedar": b"ab", "schemas/s/t.json": b""},
        {"policies/a.cedar": b"b", "schemas/s/t.json": b"a"},
    ]
    assert len({content_digest(one) for one in [SOURCES, *others]}) == 6
