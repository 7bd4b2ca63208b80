"""A batch while its records are counted: its tree, and the heads of the runs in it. No IO."""

from pdp.audit.evidence.merkle import CompactRange, leaf_hash
from pdp.audit.evidence.statement import Batch, Head, Heads, hash_text


class Gathering:
    """Takes the records of one batch in the order of their positions, in memory of its runs.

    `first` is the index of the first one in the log, `reached` the position up to which records are covered.
    """

    def __init__(self, *, first: int, reached: int) -> None:
        self._first = first
        self._tree = CompactRange()
        self._heads: dict[tuple[str, str], tuple[int, bytes]] = {}
        self.low, self.high = 0, reached

    @property
    def count(self) -> int:
        """How many records it has."""
        return self._tree.size

    def add(self, position: int, digest: bytes) -> None:
        """Take the record with the content of this digest."""
        self._tree.add(leaf_hash(digest))
        self.low = self.low or position
        self.high = position

    def place(self, writer: str, boot: str, sequence: int, digest: bytes) -> None:
        """Say where that record stands in its run; one that nobody can read has no place."""
        run = (writer, boot)
        known = self._heads.get(run)
        if known is None or known[0] < sequence:
            self._heads[run] = (sequence, digest)

    def batch(self) -> Batch:
        """What a statement says of them."""
        return Batch(self._first, self.count, hash_text(self._tree.root()), self.low, self.high)

    def heads(self) -> Heads:
        """The heads of the runs."""
        found = self._heads.items()
        return Heads.of([Head(*run, sequence, hash_text(digest)) for run, (sequence, digest) in found])
