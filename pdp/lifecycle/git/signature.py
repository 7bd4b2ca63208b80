"""Who signed a commit: read from the commit itself, judged by `ssh-keygen` and the keys that are allowed now.

As `git verify-commit`, except for time: `git` asks which keys were allowed at the date that the commit claims, so
whoever has a stolen key that has expired would claim an earlier one.
"""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pdp.core.contract.errors import BundleError
from pdp.core.contract.reason_code import ReasonCode
from pdp.lifecycle.git.command import Commands, Done
from pdp.lifecycle.git.deadline import Deadline

_HEADERS: Final = {40: b"gpgsig", 64: b"gpgsig-sha256"}
_SSH: Final = b"-----BEGIN SSH SIGNATURE-----\n"
_NAMESPACE: Final = "git"


@dataclass(frozen=True, slots=True)
class SignedCommit:
    """What is signed of a commit, and the signature; None without one."""

    payload: bytes
    signature: bytes | None


def signed_commit(raw: bytes, *, object_id: str) -> SignedCommit:
    """The parts of the commit object `raw`.

    Raises:
        ValueError: it has two signatures, so that two readers could take different ones.

    """
    wanted = _HEADERS[len(object_id)]
    head, gap, message = raw.partition(b"\n\n")
    kept: list[bytes] = []
    found: list[bytes] = []
    inside = False
    for line in head.split(b"\n"):
        if inside and line.startswith(b" "):
            found.append(line[1:])
            continue
        name, _, rest = line.partition(b" ")
        inside = name == wanted
        if inside and not found:
            found.append(rest)
        elif name in _HEADERS.values():
            raise ValueError("it has more than one signature, or one for objects with other ids")
        else:
            kept.append(line)
    signature = b"\n".join(found) + b"\n" if found else None
    return SignedCommit(b"\n".join(kept) + gap + message, signature)


class Signers:
    """Those who may sign commits: the file `allowed`, in the format of `ssh-keygen`'s allowed signers."""

    def __init__(self, allowed: Path, commands: Commands) -> None:
        self._allowed = allowed
        self._commands = commands

    def check(self, raw: bytes, *, object_id: str, deadline: Deadline) -> None:
        """Pass the commit object `raw` where one of them signed it.

        Raises:
            BundleError: `bundle_untrusted`, saying why not.
            CommandError: that took too long.

        """
        try:
            commit = signed_commit(raw, object_id=object_id)
        except ValueError as error:
            raise _untrusted(object_id, str(error)) from error
        if commit.signature is None:
            raise _untrusted(object_id, "it is not signed")
        if not commit.signature.startswith(_SSH):
            text = "it has no signature of SSH, and no other kind is read: see `gpg.format` of `git config`"
            raise _untrusted(object_id, text)
        with tempfile.NamedTemporaryFile() as file:
            file.write(commit.signature)
            file.flush()
            self._verify(commit.payload, file.name, object_id, deadline)

    def _verify(self, payload: bytes, signature: str, object_id: str, deadline: Deadline) -> None:
        # (1) whether it is a signature of this at all
        done = self._keygen("check-novalidate", "-s", signature, payload=payload, deadline=deadline)
        if done.code != 0:
            raise _untrusted(object_id, f"its signature does not fit it ({done.said})")
        key = done.output.decode("utf-8", "replace").strip().rpartition(" ")[2]
        # (2) whose key it is, now
        allowed = str(self._allowed)
        done = self._keygen("find-principals", "-s", signature, "-f", allowed, payload=payload, deadline=deadline)
        if done.code != 0:
            raise _untrusted(object_id, f"it is signed with {key}, which is no key of a signer now ({done.said})")
        # (3) whether that key may sign commits
        for principal in done.output.decode("utf-8", "replace").splitlines():
            command = ("verify", "-s", signature, "-f", allowed, "-I", principal)
            done = self._keygen(*command, payload=payload, deadline=deadline)
            if done.code == 0:
                return
        raise _untrusted(object_id, f"it is signed with {key}, which may not sign commits ({done.said})")

    def _keygen(self, action: str, *options: str, payload: bytes, deadline: Deadline) -> Done:
        command = ("ssh-keygen", "-Y", action, "-n", _NAMESPACE, *options)
        return self._commands.run(*command, stdin=payload, seconds=deadline.left())


def _untrusted(object_id: str, reason: str) -> BundleError:
    return BundleError(ReasonCode.BUNDLE_UNTRUSTED, f"commit {object_id[:12]} is not believed: {reason}")
