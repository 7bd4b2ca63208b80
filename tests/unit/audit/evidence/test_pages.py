from typing import Any

import pytest
from sqlalchemy import text

from pdp.audit.evidence.cells import blob
from pdp.audit.evidence.pages import digests_of, page_of
from pdp.audit.log_database import Hold
from pdp.database.sqlite_file import Access
from tests.unit.audit.evidence.scene import Scene, Writer


def pages(scene: Scene, *, limit: int) -> list[tuple[int, bytes, bytes]]:
    found: list[tuple[int, bytes, bytes]] = []
    with scene.open(Access.READ).transaction(Hold.NOTHING) as connection:
        while page := page_of(connection, after=found[-1][0] if found else 0, upto=8, limit=limit):
            assert len(page) <= limit
            found += page
    return found


@pytest.mark.parametrize("limit", [1, 3, 8, 100])
def test_pages_have_what_the_rows_have(scene: Scene, limit: int) -> None:
    scene.put(Writer().write(10))
    rows = scene.ask("SELECT position, digest, content FROM records WHERE position <= 8 ORDER BY position")
    assert pages(scene, limit=limit) == [tuple(row) for row in rows]
    assert len(rows) == 8
    with scene.open(Access.READ).transaction(Hold.NOTHING) as connection:
        assert digests_of(connection, low=3, high=8) == [digest for _, digest, _ in rows[2:]]
        assert digests_of(connection, low=11, high=20) == []


@pytest.mark.parametrize(
    "value", [b"", b" ", "", "text \N{BELL} \u00e9", 7, -7, 2**62, "0 00 00", b"\x00\xff", "\x00a"], ids=repr
)
@pytest.mark.parametrize("column", ["digest", "content"])
def test_pages_have_whatever_somebody_put_into_a_row(scene: Scene, column: str, value: Any) -> None:
    scene.put(Writer().write(3))
    scene.tamper(f"UPDATE records SET {column} = :value WHERE position = 2", value=value)
    with scene.open(Access.READ).transaction(Hold.NOTHING) as connection:
        (_, digest, content) = connection.execute(
            text("SELECT position, digest, content FROM records WHERE position = 2")
        ).one()
    assert pages(scene, limit=8)[1] == (2, blob(digest), blob(content))
    assert [position for position, _, _ in pages(scene, limit=8)] == [1, 2, 3]
