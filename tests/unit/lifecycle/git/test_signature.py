import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pdp.core.contract.errors import BundleError
from pdp.core.contract.reason_code import ReasonCode
from pdp.lifecycle.git.signature import signed_commit
from pdp.lifecycle.standing import Trouble
from tests.git_repository import FORBID, Repository, run

ID = "a" * 40


@dataclass
class Keys:
    """Keys of `ssh-keygen`, made when they are asked for, and files of allowed signers."""

    folder: Path
    made: dict[str, Path] = field(default_factory=dict)

    def of(self, name: str, kind: str = "ed25519") -> Path:
        if name not in self.made:
            self.made[name] = self.folder / name
            run("ssh-keygen", "-q", "-t", kind, "-N", "", "-C", name, "-f", str(self.made[name]))
        return self.made[name]

    def allowed(self, lines: Mapping[str, str]) -> Path:
        """The file in which the key of each name has these options."""
        file = self.folder / "allowed"
        text = [f"{name}@example.com {options} {self._public(name)}\n" for name, options in lines.items()]
        file.write_text("".join(text))
        return file

    def _public(self, name: str) -> str:
        return self.of(name).with_name(f"{name}.pub").read_text().strip()


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "policies.git")


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    (tmp_path / "keys").mkdir()
    return Keys(tmp_path / "keys")


def refusal(repository: Repository, signers: Path, tmp_path: Path) -> str:
    with pytest.raises(BundleError) as refused:
        repository.source(tmp_path / "copy", signers=signers).look()
    assert refused.value.code is ReasonCode.BUNDLE_UNTRUSTED
    tip = repository.git("rev-parse", "main")[:12]
    assert refused.value.detail.startswith(f"commit {tip} is not believed: ")
    return refused.value.detail.partition(": ")[2]


@pytest.mark.parametrize("kind", ["ed25519", "rsa", "ecdsa"])
def test_a_commit_of_a_signer_is_believed(repository: Repository, keys: Keys, tmp_path: Path, kind: str) -> None:
    repository.commit(key=keys.of("alice", kind))
    signers = keys.allowed({"bob": "", "alice": 'namespaces="git"'})
    source = repository.source(tmp_path / "copy", signers=signers)
    assert len(source.fetch(source.look())) == 2


def test_a_commit_of_a_signer_is_believed_where_ids_are_longer(keys: Keys, tmp_path: Path) -> None:
    repository = Repository(tmp_path / "policies.git", kind="sha256")
    repository.commit(key=keys.of("alice"))
    assert repository.source(tmp_path / "copy", signers=keys.allowed({"alice": ""})).look().serial == 1


def test_a_commit_without_a_signature_is_not(repository: Repository, keys: Keys, tmp_path: Path) -> None:
    repository.commit()
    assert refusal(repository, keys.allowed({"alice": ""}), tmp_path) == "it is not signed"


def test_signed_parents_do_not_stand_for_a_commit(repository: Repository, keys: Keys, tmp_path: Path) -> None:
    repository.commit(key=keys.of("alice"))
    repository.commit({"policies/a.cedar": FORBID})
    assert refusal(repository, keys.allowed({"alice": ""}), tmp_path) == "it is not signed"


def test_a_stranger_s_signature_is_none(repository: Repository, keys: Keys, tmp_path: Path) -> None:
    repository.commit(key=keys.of("mallory"))
    told = refusal(repository, keys.allowed({"alice": ""}), tmp_path)
    assert re.match(r"it is signed with SHA256:\S+, which is no key of a signer now", told)


def test_a_key_for_something_else_signs_no_commit(repository: Repository, keys: Keys, tmp_path: Path) -> None:
    repository.commit(key=keys.of("alice"))
    assert "signed with SHA256:" in refusal(repository, keys.allowed({"alice": 'namespaces="file"'}), tmp_path)


@pytest.mark.parametrize("at", ["2026-07-28T09:00:00Z", "2019-01-01T00:00:00Z"])
def test_an_expired_key_signs_nothing_whatever_date_the_commit_claims(
    repository: Repository, keys: Keys, tmp_path: Path, at: str
) -> None:
    """`git verify-commit` believes the second one: whoever stole the key chose its date."""
    repository.commit(key=keys.of("alice"), at=at)
    told = refusal(repository, keys.allowed({"alice": 'valid-before="20200101"'}), tmp_path)
    assert "which is no key of a signer now" in told
    assert "expired" in told


def test_a_key_that_is_not_valid_yet_signs_nothing(repository: Repository, keys: Keys, tmp_path: Path) -> None:
    repository.commit(key=keys.of("alice"), at="2099-01-01T00:00:00Z")
    assert "now" in refusal(repository, keys.allowed({"alice": 'valid-after="20980101"'}), tmp_path)


def test_a_signer_who_was_taken_off_the_list_signs_nothing_any_more(
    repository: Repository, keys: Keys, tmp_path: Path
) -> None:
    repository.commit(key=keys.of("alice"))
    keys.allowed({"alice": "", "bob": ""})
    active = repository.active(
        tmp_path / "state", repository.source(tmp_path / "copy", signers=keys.folder / "allowed")
    )
    active.activate()
    keys.allowed({"bob": ""})
    repository.commit({"policies/a.cedar": FORBID}, key=keys.of("alice"))
    active.refresh()
    assert (active.bundle.manifest.serial, active.standing.trouble) == (1, Trouble.UNTRUSTED)
    repository.commit(key=keys.of("bob"))
    active.refresh()
    assert (active.bundle.manifest.serial, active.standing.trouble) == (2, None)


def test_a_signature_moved_to_another_commit_does_not_fit_it(
    repository: Repository, keys: Keys, tmp_path: Path
) -> None:
    signed = repository.commit(key=keys.of("alice"))
    forged = repository.commit({"policies/a.cedar": FORBID})
    raw = {commit: repository.git("cat-file", "commit", commit) for commit in (signed, forged)}
    signature = re.search(r"(?ms)^gpgsig .*?-----END SSH SIGNATURE-----\n", raw[signed])
    assert signature is not None
    head, _, rest = raw[forged].partition("\n\n")
    text = f"{head}\n{signature[0]}\n{rest}\n".encode()
    repository.point("main", repository.git("hash-object", "-w", "-t", "commit", "--stdin", stdin=text))
    told = refusal(repository, keys.allowed({"alice": ""}), tmp_path)
    assert told.startswith("its signature does not fit it")


def test_a_commit_with_two_signatures_is_not_read_as_either(repository: Repository, keys: Keys, tmp_path: Path) -> None:
    raw = repository.git("cat-file", "commit", repository.commit(key=keys.of("alice")))
    twice = re.sub(r"(?ms)^(gpgsig .*?-----END SSH SIGNATURE-----\n)", r"\1\1", raw) + "\n"
    commit = repository.git("hash-object", "-w", "-t", "commit", "--literally", "--stdin", stdin=twice.encode())
    repository.point("main", commit)
    assert refusal(repository, keys.allowed({"alice": ""}), tmp_path).startswith("it has more than one signature")


def test_a_signature_that_was_taken_away_is_missed(repository: Repository, keys: Keys, tmp_path: Path) -> None:
    signed = repository.commit(key=keys.of("alice"))
    raw = repository.git("cat-file", "commit", signed)
    stripped = re.sub(r"(?ms)^gpgsig .*?-----END SSH SIGNATURE-----\n", "", raw) + "\n"
    commit = repository.git("hash-object", "-w", "-t", "commit", "--stdin", stdin=stripped.encode())
    repository.point("main", commit)
    assert refusal(repository, keys.allowed({"alice": ""}), tmp_path) == "it is not signed"


def test_an_openpgp_signature_is_refused_with_what_would_do(repository: Repository, keys: Keys, tmp_path: Path) -> None:
    raw = repository.git("cat-file", "commit", repository.commit())
    head, _, rest = raw.partition("\n\n")
    pgp = "gpgsig -----BEGIN PGP SIGNATURE-----\n \n iQEzBAABCAAd\n -----END PGP SIGNATURE-----"
    text = f"{head}\n{pgp}\n\n{rest}\n".encode()
    repository.point("main", repository.git("hash-object", "-w", "-t", "commit", "--stdin", stdin=text))
    told = refusal(repository, keys.allowed({"alice": ""}), tmp_path)
    assert told == "it has no signature of SSH, and no other kind is read: see `gpg.format` of `git config`"


def test_an_empty_list_of_signers_is_nobody(repository: Repository, keys: Keys, tmp_path: Path) -> None:
    repository.commit(key=keys.of("alice"))
    assert "which is no key of a signer now" in refusal(repository, keys.allowed({}), tmp_path)


def test_the_commit_of_a_tag_is_what_must_be_signed(repository: Repository, keys: Keys, tmp_path: Path) -> None:
    commit, key = repository.commit(), keys.of("alice")
    signing = ("-c", "gpg.format=ssh", "-c", f"user.signingKey={key}")
    repository.git(*signing, "tag", "-s", "-m", "release", "v1", commit)
    signers = keys.allowed({"alice": ""})
    with pytest.raises(BundleError, match="it is not signed"):
        repository.source(tmp_path / "copy", tag="v1", signers=signers).look()


def test_what_is_signed_is_the_commit_without_its_signature() -> None:
    raw = b"tree 1\nauthor a\ngpgsig X\n Y\n \n Z\nencoding b\n\ngpgsig of the message\n"
    found = signed_commit(raw, object_id=ID)
    assert found.payload == b"tree 1\nauthor a\nencoding b\n\ngpgsig of the message\n"
    assert found.signature == b"X\nY\n\nZ\n"


def test_a_signature_within_another_header_is_part_of_that() -> None:
    raw = b"tree 1\nmergetag object 2\n gpgsig X\n Y\n\nmessage\n"
    found = signed_commit(raw, object_id=ID)
    assert (found.payload, found.signature) == (raw, None)


@pytest.mark.parametrize(
    "heads", [b"gpgsig X\ngpgsig Y", b"gpgsig X\n X\ngpgsig-sha256 Y", b"gpgsig-sha256 Y", b"gpgsig X\na b\ngpgsig Y"]
)
def test_two_signatures_are_none(heads: bytes) -> None:
    with pytest.raises(ValueError, match="more than one"):
        signed_commit(b"tree 1\n" + heads + b"\n\nmessage\n", object_id=ID)
