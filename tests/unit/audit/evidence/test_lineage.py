import hashlib

from hypothesis import given
from hypothesis import strategies as st

from pdp.audit.evidence.lineage import Line, Link


def digest(number: int) -> bytes:
    return hashlib.sha256(b"%d" % number).digest()


def take(line: Line, number: int, *, names: int | None = None) -> Link:
    previous = digest(number - 1 if names is None else names) if number > 1 or names is not None else None
    return line.take(number, previous=previous, digest=digest(number), is_chained=True)


@given(st.permutations(range(1, 12)))
def test_a_chain_fits_in_whatever_order_it_comes_and_has_no_gaps(order: list[int]) -> None:
    line = Line()
    assert [take(line, number) for number in order] == [Link.FITTING] * len(order)
    assert (line.last, line.head, line.records) == (11, digest(11), 11)
    assert [(one.first, one.last) for one in line.stretches] == [(1, 11)]
    assert list(line.gaps(after=0, upto=11)) == []


@given(st.sets(st.integers(1, 40), min_size=1), st.randoms())
def test_gaps_are_exactly_the_numbers_that_did_not_come(numbers: set[int], random: object) -> None:
    line, order = Line(), sorted(numbers)
    random.shuffle(order)  # type: ignore[attr-defined]
    for number in order:
        take(line, number)
    missing = {number for first, last in line.gaps(after=0, upto=45) for number in range(first, last + 1)}
    assert missing == set(range(1, 46)) - numbers


@given(st.permutations(range(1, 9)), st.integers(2, 8))
def test_a_record_that_names_another_one_is_noticed_in_whatever_order_it_comes(order: list[int], bad: int) -> None:
    line = Line()
    links = [take(line, number, names=99 if number == bad else None) for number in order]
    assert len(links) - links.count(Link.FITTING) == 1


def test_a_number_that_comes_again_is_repeated() -> None:
    line = Line()
    assert [take(line, number) for number in (1, 2, 2, 1)] == [*[Link.FITTING] * 2, *[Link.REPEATED] * 2]


def test_a_chained_record_that_names_none_is_unlinked_unless_it_is_the_first() -> None:
    line = Line()
    assert line.take(5, previous=None, digest=digest(5), is_chained=True) is Link.UNLINKED
    assert Line().take(1, previous=None, digest=digest(1), is_chained=True) is Link.FITTING
    assert Line().take(5, previous=None, digest=digest(5), is_chained=False) is Link.FITTING
