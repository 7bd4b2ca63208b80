"""Merkle trees as RFC 9162 (section 2.1) has them, over SHA-256; hashes are 32 bytes. No IO.

A tree over n leaves splits at the largest power of two below n. A tree that grows is kept as its compact range: the
roots of the full subtrees it consists of, largest first, at most one for each bit of n.
"""

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Final

HASH_BYTES: Final = 32
EMPTY_ROOT: Final = sha256(b"").digest()
MAX_PATH: Final = 64
"""Hashes of the longest path; no tree here has 2^64 leaves."""


class PathError(ValueError):
    """A path does not have the hashes that it must have between those two trees."""


def leaf_hash(data: bytes) -> bytes:
    """The hash of the leaf with `data`."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of the node over two subtrees."""
    return sha256(b"\x01" + left + right).digest()


class CompactRange:
    """A tree that grows by one leaf after the other, in memory of its height.

    Raises:
        PathError: `nodes` are not those of a tree with `size` leaves.

    """

    def __init__(self, size: int = 0, nodes: Iterable[bytes] = ()) -> None:
        self.size = size
        self._nodes = list(nodes)
        if size < 0 or len(self._nodes) != size.bit_count() or any(len(node) != HASH_BYTES for node in self._nodes):
            raise PathError("a compact range has one hash for each bit of its size")

    @property
    def nodes(self) -> tuple[bytes, ...]:
        """The roots of its full subtrees, largest first."""
        return tuple(self._nodes)

    def add(self, leaf: bytes) -> None:
        """Add the leaf whose hash is `leaf`."""
        nodes, carry = self._nodes, self.size
        while carry & 1:
            leaf = sha256(b"\x01" + nodes.pop() + leaf).digest()
            carry >>= 1
        nodes.append(leaf)
        self.size += 1

    def root(self) -> bytes:
        """The root of the tree."""
        if not self._nodes:
            return EMPTY_ROOT
        root = self._nodes[-1]
        for node in reversed(self._nodes[:-1]):
            root = node_hash(node, root)
        return root

    def copy(self) -> "CompactRange":
        """The same tree, to grow apart from this one."""
        return CompactRange(self.size, self._nodes)


def root_of(leaves: Iterable[bytes]) -> bytes:
    """The root of the tree over leaves with these hashes."""
    tree = CompactRange()
    for leaf in leaves:
        tree.add(leaf)
    return tree.root()


def inclusion_path(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """The hashes, lowest first, that lead from the leaf at `index` (from 0) to the root (section 2.1.3.1).

    Raises:
        PathError: there is no such leaf.

    """
    if not 0 <= index < len(leaves):
        raise PathError("there is no such leaf")
    path: list[bytes] = []
    low, high = 0, len(leaves)
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            path.append(root_of(leaves[middle:high]))
            high = middle
        else:
            path.append(root_of(leaves[low:middle]))
            low = middle
    path.reverse()
    return path


def root_by_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """The root of the tree of `size` leaves in which `leaf` is at `index`, by its path (section 2.1.3.2).

    Raises:
        PathError: the path is not as long as it must be.

    """
    if not 0 <= index < size or len(path) > MAX_PATH:
        raise PathError("there is no such leaf")
    position, last, node = index, size - 1, leaf
    for step in path:
        if last == 0:
            raise PathError("the path is too long")
        if position & 1 or position == last:
            node = node_hash(step, node)
            while position and not position & 1:
                position >>= 1
                last >>= 1
        else:
            node = node_hash(node, step)
        position >>= 1
        last >>= 1
    if last != 0:
        raise PathError("the path is too short")
    return node


def consistency_path(leaves: Sequence[bytes], before: int) -> list[bytes]:
    """The hashes that show that the tree of the first `before` leaves is a part of the one of all (section 2.1.4.1).

    Raises:
        PathError: `before` is not from 0 to the number of leaves.

    """
    if not 0 <= before <= len(leaves):
        raise PathError("there is no such tree")
    if before in {0, len(leaves)}:
        return []
    path: list[bytes] = []
    low, high, is_known = 0, len(leaves), True
    while before != high:
        middle = low + _split(high - low)
        if before <= middle:
            path.append(root_of(leaves[middle:high]))
            high = middle
        else:
            path.append(root_of(leaves[low:middle]))
            low, is_known = middle, False
    if not is_known:
        path.append(root_of(leaves[low:high]))
    path.reverse()
    return path


def check_consistency(before: int, after: int, old: bytes, new: bytes, path: Sequence[bytes]) -> None:
    """Pass where `path` shows that the tree of `after` leaves, root `new`, begins with that of `before`, root `old`.

    Raises:
        PathError: it does not (section 2.1.4.2).

    """
    if not 0 <= before <= after or len(path) > 2 * MAX_PATH:
        raise PathError("there are no such trees")
    if before in {0, after}:
        _check_same(old, EMPTY_ROOT if before == 0 else new, path)
        return
    steps = list(path) if before & (before - 1) else [old, *path]
    if not steps:
        raise PathError("the path is too short")
    position, last = before - 1, after - 1
    while position & 1:
        position >>= 1
        last >>= 1
    first = second = steps[0]
    for step in steps[1:]:
        if last == 0:
            raise PathError("the path is too long")
        if position & 1 or position == last:
            first, second = node_hash(step, first), node_hash(step, second)
            while position and not position & 1:
                position >>= 1
                last >>= 1
        else:
            second = node_hash(second, step)
        position >>= 1
        last >>= 1
    if last != 0 or first != old or second != new:
        raise PathError("one tree is not the beginning of the other")


def _check_same(old: bytes, expected: bytes, path: Sequence[bytes]) -> None:
    if path or old != expected:
        raise PathError("the trees are not the same")


def _split(size: int) -> int:
    """The largest power of two below `size`."""
    return 1 << ((size - 1).bit_length() - 1)
