import pytest

from pdp.core.bundle.content import LIMITS
from pdp.lifecycle.git.tree import Blob, Listed, contents

A, B = "a" * 40, "b" * 40


def listed(*entries: str) -> Listed:
    found = Listed(LIMITS)
    found.add("policies", "".join(f"{entry}\0" for entry in entries).encode())
    return found


def test_a_listing_is_files_with_their_sizes() -> None:
    found = listed(f"100644 blob {A}      12\tx.cedar", f"100755 blob {B}       0\tteam/y z.cedar")
    assert found.blobs == {"policies/x.cedar": Blob(A, 12), "policies/team/y z.cedar": Blob(B, 0)}
    assert found.problems == []


def test_two_files_of_one_name_are_a_problem() -> None:
    found = listed(f"100644 blob {A} 1\tx.cedar", f"100644 blob {B} 1\tx.cedar")
    assert [problem.code for problem in found.problems] == ["name_collision"]


def test_what_git_does_not_know_is_no_file() -> None:
    found = listed(f"140000 blob {A} 1\tsocket.cedar")
    assert [str(problem) for problem in found.problems] == [
        "policies/socket.cedar: a source must be a regular file, not something else [not_a_file]"
    ]


def test_contents_are_what_was_listed_whatever_is_in_them() -> None:
    blobs = {"x": Blob(A, 3), "y": Blob(B, 0), "z": Blob(A, 3)}
    answer = f"{A} blob 3\n\n\0\n\n{B} blob 0\n\n{A} blob 3\n\n\0\n\n".encode()
    assert contents(answer, blobs) == {"x": b"\n\0\n", "y": b"", "z": b"\n\0\n"}


@pytest.mark.parametrize(
    "answer",
    [
        "",
        f"{A} missing\n",
        f"{B} blob 3\nabc\n",
        f"{A} tree 3\nabc\n",
        f"{A} blob 4\nabcd\n",
        f"{A} blob 3\nabcd\n",
        f"{A} blob 3\nabc",
    ],
)
def test_an_answer_about_something_else_is_none(answer: str) -> None:
    with pytest.raises(ValueError, match="`x` is not the object that was listed"):
        contents(answer.encode(), {"x": Blob(A, 3)})
