"""The files below a folder of a commit, as `git ls-tree` lists them: what is a source, and what cannot be one. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from pdp.core.bundle.content import ContentLimits, path_problem, shown
from pdp.core.contract.errors import Problem

_SUFFIXES: Final = {"policies": (".cedar", ".yaml"), "schemas": (".json",)}
_REGULAR: Final = {"100644", "100664", "100755"}
_MAX_PROBLEMS: Final = 100
"""Problems that are told at once."""
_KINDS: Final = {"120000": "a link", "160000": "a submodule"}


@dataclass(frozen=True, slots=True)
class Blob:
    """The object of a file, and its size in bytes."""

    object_id: str
    size: int


@dataclass(slots=True)
class Listed:
    """What was listed: sources by their path in the bundle, and all that is wrong with the list."""

    limits: ContentLimits
    blobs: dict[str, Blob] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    _bytes: int = 0

    def add(self, folder: str, listing: bytes) -> None:
        """Take what `git ls-tree -r -z -l` printed for what is `folder` in the bundle.

        Hidden files and those of other kinds are passed over, as in a folder of this machine; links are not.
        """
        for mode, blob, path in _entries(listing):
            if len(self.problems) >= _MAX_PROBLEMS:
                text = f"at most {_MAX_PROBLEMS} problems are told"
                self.problems[_MAX_PROBLEMS:] = [Problem("bundle", 0, 0, "too_many_problems", text)]
                return
            if any(part.startswith(".") for part in path.split("/") if part.strip(".")):
                continue
            is_file = mode in _REGULAR
            if is_file and not path.endswith(_SUFFIXES[folder]):
                continue
            if len(self.blobs) >= self.limits.max_files:
                text = f"a bundle has at most {self.limits.max_files} files"
                self.problems.append(Problem(folder, 0, 0, "too_many_files", text))
                return
            if self._bytes > self.limits.max_bytes:
                text = f"a bundle has at most {self.limits.max_bytes} bytes"
                self.problems.append(Problem(folder, 0, 0, "too_large", text))
                return
            self._take(f"{folder}/{path}", blob, None if is_file else _KINDS.get(mode, "something else"))

    def _take(self, path: str, blob: Blob, kind: str | None) -> None:
        found = list(self._problems(path, blob, kind))
        self.problems += found
        if not found:
            self._bytes += blob.size
            self.blobs[path] = blob

    def _problems(self, path: str, blob: Blob, kind: str | None) -> Iterator[Problem]:
        if kind is not None:
            yield Problem(shown(path), 0, 0, "not_a_file", f"a source must be a regular file, not {kind}")
            return
        if (problem := path_problem(path)) is not None:
            yield problem
        if path in self.blobs:
            yield Problem(shown(path), 0, 0, "name_collision", "the folder has two files of this name")
        if blob.size > self.limits.max_file_bytes:
            text = f"a source has at most {self.limits.max_file_bytes} bytes"
            yield Problem(shown(path), 0, 0, "too_large", text)


def contents(answer: bytes, blobs: Mapping[str, Blob]) -> dict[str, bytes]:
    """The bytes of `blobs` from what `git cat-file --batch` answered when it was asked for them in that order.

    Raises:
        ValueError: it answered something else.

    """
    found: dict[str, bytes] = {}
    position = 0
    for path, blob in blobs.items():
        head = f"{blob.object_id} blob {blob.size}\n".encode("ascii")
        start, end = position + len(head), position + len(head) + blob.size
        if answer[position:start] != head or answer[end : end + 1] != b"\n":
            raise ValueError(f"`{shown(path)}` is not the object that was listed")
        found[path], position = answer[start:end], end + 1
    return found


def _entries(listing: bytes) -> Iterator[tuple[str, Blob, str]]:
    """Mode, object and path of each entry; what is no UTF-8 in a path stays visible as what it is."""
    for entry in filter(None, listing.split(b"\0")):
        facts, _, name = entry.partition(b"\t")
        mode, _, object_id, size = facts.decode("ascii").split()
        yield mode, Blob(object_id, 0 if size == "-" else int(size)), name.decode("utf-8", "surrogateescape")
