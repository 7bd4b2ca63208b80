import hashlib
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pdp.audit.evidence.merkle import (
    EMPTY_ROOT,
    CompactRange,
    PathError,
    check_consistency,
    consistency_path,
    inclusion_path,
    leaf_hash,
    root_by_inclusion,
    root_of,
)

# The eight leaves that implementations of RFC 6962 are commonly tried with.
DATA = [
    b"",
    b"\x00",
    b"\x10",
    b"\x20\x21",
    b"\x30\x31",
    b"\x40\x41\x42\x43",
    b"\x50\x51\x52\x53\x54\x55\x56\x57",
    b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
LEAVES = [leaf_hash(data) for data in DATA]

trees = st.integers(min_value=1, max_value=70).map(lambda size: [leaf_hash(b"%d" % number) for number in range(size)])


def naive(leaves: Sequence[bytes]) -> bytes:
    """As the RFC defines it."""
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return leaves[0]
    half = 1
    while half * 2 < len(leaves):
        half *= 2
    return hashlib.sha256(b"\x01" + naive(leaves[:half]) + naive(leaves[half:])).digest()


def test_the_roots_of_the_known_leaves_are_the_known_ones() -> None:
    assert [root_of(LEAVES[:size]).hex() for size in range(1, 9)] == ROOTS
    assert EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_paths_between_the_known_trees_are_the_known_ones() -> None:
    assert [one.hex()[:16] for one in inclusion_path(LEAVES, 0)] == [
        "96a296d224f285c6",
        "5f083f0a1a33ca07",
        "6b47aaf29ee3c2af",
    ]
    assert [one.hex()[:16] for one in inclusion_path(LEAVES, 5)] == [
        "bc1a0643b12e4d2d",
        "ca854ea128ed050b",
        "d37ee418976dd957",
    ]
    assert [one.hex()[:16] for one in consistency_path(LEAVES, 6)] == [
        "0ebc5d3437fbe2db",
        "ca854ea128ed050b",
        "d37ee418976dd957",
    ]
    assert consistency_path(LEAVES, 8) == []


@given(trees)
def test_a_growing_tree_has_the_root_that_the_definition_gives(leaves: list[bytes]) -> None:
    tree = CompactRange()
    for size, leaf in enumerate(leaves, 1):
        tree.add(leaf)
        assert tree.root() == naive(leaves[:size])
    assert CompactRange(tree.size, tree.nodes).root() == tree.root()


@given(trees, st.data())
def test_every_leaf_leads_to_the_root_by_its_path_and_to_no_other(leaves: list[bytes], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(leaves) - 1))
    path = inclusion_path(leaves, index)
    assert root_by_inclusion(leaves[index], index, len(leaves), path) == naive(leaves)
    if path:
        place = data.draw(st.integers(0, len(path) - 1))
        bent = [*path[:place], bytes([path[place][0] ^ 1]) + path[place][1:], *path[place + 1 :]]
        assert root_by_inclusion(leaves[index], index, len(leaves), bent) != naive(leaves)
        with pytest.raises(PathError):
            root_by_inclusion(leaves[index], index, len(leaves), path[:-1])
    with pytest.raises(PathError):
        root_by_inclusion(leaves[index], index, len(leaves), [*path, leaves[0]])


@given(trees, st.data())
def test_an_older_tree_is_shown_to_be_the_beginning_and_a_forked_one_is_not(
    leaves: list[bytes], data: st.DataObject
) -> None:
    before = data.draw(st.integers(0, len(leaves)))
    old, new = naive(leaves[:before]), naive(leaves)
    path = consistency_path(leaves, before)
    check_consistency(before, len(leaves), old, new, path)
    for wrong_old, wrong_new in ((leaf_hash(b"other"), new), (old, leaf_hash(b"other"))):
        if before == 0 and wrong_old == old:
            continue  # every tree begins with the empty one
        with pytest.raises(PathError):
            check_consistency(before, len(leaves), wrong_old, wrong_new, path)
    with pytest.raises(PathError):
        check_consistency(before, len(leaves), old, new, [*path, new])
    for place, node in enumerate(path):
        bent = [*path[:place], bytes([node[0] ^ 1]) + node[1:], *path[place + 1 :]]
        with pytest.raises(PathError):
            check_consistency(before, len(leaves), old, new, bent)


@pytest.mark.parametrize(("size", "nodes"), [(1, []), (0, [b"x" * 32]), (2, [b"short"]), (-1, [b"x" * 32])])
def test_a_compact_range_that_fits_no_tree_is_refused(size: int, nodes: list[bytes]) -> None:
    with pytest.raises(PathError):
        CompactRange(size, nodes)


@pytest.mark.parametrize(("index", "size"), [(-1, 3), (3, 3), (0, 0)])
def test_leaves_that_are_not_there_have_no_path(index: int, size: int) -> None:
    with pytest.raises(PathError):
        inclusion_path(LEAVES[:size], index)
    with pytest.raises(PathError):
        root_by_inclusion(LEAVES[0], index, size, [])
