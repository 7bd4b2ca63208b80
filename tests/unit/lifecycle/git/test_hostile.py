"""Repositories that want more than to be read: each is refused, with file and reason, and what decides stays."""

import random
from dataclasses import dataclass
from pathlib import Path

import pytest

from pdp.core.bundle.content import ContentLimits
from pdp.lifecycle.activate import ActiveBundle
from pdp.lifecycle.git.command import GitLimits
from pdp.lifecycle.git.source import GitBounds
from pdp.lifecycle.standing import MAX_TOLD, Trouble
from tests.git_repository import FORBID, Repository

SMALL = ContentLimits(max_file_bytes=10_000, max_files=20, max_bytes=100_000)
BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{new}: &{new} [{','.join([f'*{old}'] * 9)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)


@dataclass
class Victim:
    """A decision point that had a good bundle before the repository turned."""

    repository: Repository
    active: ActiveBundle
    folder: Path

    def refused(self, trouble: Trouble = Trouble.REFUSED) -> list[str]:
        """Look at what the repository has now, which must change nothing; what is told about it."""
        before = self.active.bundle
        self.active.refresh()
        assert self.active.bundle is before
        assert self.active.standing.trouble is trouble
        assert not (self.folder / "pwned").exists()
        return str(self.active.standing.error).splitlines()


def victim_of(folder: Path, bounds: GitBounds) -> Victim:
    repository = Repository(folder / "policies.git")
    repository.commit()
    active = repository.active(folder / "state", repository.source(folder / "copy", bounds=bounds))
    active.activate()
    return Victim(repository, active, folder)


@pytest.fixture
def victim(tmp_path: Path) -> Victim:
    return victim_of(tmp_path, GitBounds(content=SMALL))


def test_a_link_is_not_followed_wherever_it_leads(victim: Victim) -> None:
    link = victim.repository.blob
    entries = [
        ("120000", link("/etc/passwd"), b"evil.cedar"),
        ("120000", link("../../.."), b"folder"),
        ("120000", link("a.cedar"), b"same.cedar"),
    ]
    victim.repository.commit_tree(victim.repository.with_policies(*entries))
    assert victim.refused() == [
        f"policies/{name}: a source must be a regular file, not a link [not_a_file]"
        for name in ("evil.cedar", "folder", "same.cedar")
    ]


def test_a_folder_that_is_a_link_is_no_folder(victim: Victim) -> None:
    schemas = victim.repository.crafted([("100644", victim.repository.blob(""), b".keep")])
    link = victim.repository.blob("/etc")
    victim.repository.commit_tree(
        victim.repository.crafted([("120000", link, b"policies"), ("40000", schemas, b"schemas")])
    )
    assert victim.refused() == [
        "policies: there is no folder `policies` for `policies` in the repository [directory_missing]"
    ]


def test_a_submodule_is_not_fetched(victim: Victim) -> None:
    entries = ("160000", "1" * 40, b"vendor")
    victim.repository.commit_tree(victim.repository.with_policies(entries))
    assert victim.refused() == ["policies/vendor: a source must be a regular file, not a submodule [not_a_file]"]


def test_a_giant_file_is_refused_by_its_size_alone(victim: Victim) -> None:
    victim.repository.commit({"policies/giant.cedar": b"/" * 30_000_000, "policies/large.cedar": "/" * 10_001})
    assert victim.refused() == [
        "policies/giant.cedar: a source has at most 10000 bytes [too_large]",
        "policies/large.cedar: a source has at most 10000 bytes [too_large]",
    ]


def test_files_that_are_together_too_large_are_refused_before_they_are_read(victim: Victim) -> None:
    victim.repository.commit({f"policies/{n:02}.cedar": b"/" * 9_999 for n in range(15)})
    assert victim.refused()[-1] == "policies: a bundle has at most 100000 bytes [too_large]"


def test_too_many_files_are_refused(victim: Victim) -> None:
    victim.repository.commit({f"policies/{n:02}.cedar": f"// {n}" for n in range(30)})
    assert victim.refused() == ["policies: a bundle has at most 20 files [too_many_files]"]


def test_of_thousands_of_problems_some_are_told(tmp_path: Path) -> None:
    victim = victim_of(tmp_path, GitBounds())
    victim.repository.commit({f"policies/{n}.yaml": "x" for n in range(3_000)})
    told = victim.refused()
    assert len(told) == MAX_TOLD + 1
    assert told[0] == "bundle: at most 100 problems are told [too_many_problems]"


def test_five_thousand_small_files_are_read(tmp_path: Path) -> None:
    victim = victim_of(tmp_path, GitBounds())
    text = '@id("p{0}") permit (principal == Mcp::User::"corp|u{0}", action, resource);'
    victim.repository.commit({f"policies/{n % 50}/{n}.cedar": text.format(n) for n in range(5_000)})
    source = victim.repository.source(tmp_path / "other")
    assert len(source.fetch(source.look())) == 5_002


def test_folders_that_hold_each_other_a_thousand_million_times_are_not_listed(tmp_path: Path) -> None:
    limits = GitLimits(max_listing_bytes=1_000_000)
    victim = victim_of(tmp_path, GitBounds(content=SMALL, git=limits))
    tree = victim.repository.crafted([("100644", victim.repository.blob("x"), f"f{n}".encode()) for n in range(10)])
    for _ in range(8):
        tree = victim.repository.crafted([("40000", tree, f"d{n}".encode()) for n in range(10)])
    victim.repository.commit_tree(victim.repository.with_policies(("40000", tree, b"bomb")))
    assert victim.refused() == ["policies: the list of its files is over 1000000 bytes [too_many_files]"]


def test_folders_that_are_very_deep_are_refused(victim: Victim) -> None:
    deep = "/".join(["d"] * 1_500)
    victim.repository.commit({f"policies/{deep}/x.cedar": "x"})
    (told,) = victim.refused()
    assert told.endswith("of at most 1024 characters [name_invalid]")


def test_bytes_that_are_no_text_are_named_with_their_place(victim: Victim) -> None:
    binary, latin = b"\x7fELF\x00\xff\xfe", b"// a\n// \xe9\n"
    victim.repository.commit(
        {"policies/binary.cedar": binary, "policies/latin.cedar": latin, "schemas/s/t.json": b"\xff"}
    )
    assert victim.refused() == [
        "policies/binary.cedar:1: the file is not UTF-8 at byte 5 [encoding]",
        "policies/latin.cedar:2: the file is not UTF-8 at byte 8 [encoding]",
        "schemas/s/t.json:1: the file is not UTF-8 at byte 0 [encoding]",
    ]


@pytest.mark.parametrize("file", ["catalog.yaml", "identity.yaml", "x.links.yaml"])
@pytest.mark.parametrize(
    "text", [BOMB, "version: !!python/object/apply:os.system ['touch pwned']\n", "version: !x 1\n", "<<: {a: 1}\n"]
)
def test_yaml_that_grows_or_acts_is_refused_with_its_line(victim: Victim, file: str, text: str) -> None:
    victim.repository.commit({f"policies/{file}": text})
    told = victim.refused()
    assert all(line.startswith(f"policies/{file}:1:") for line in told[:1])


NAMES = [
    *(b"a\nb.cedar", b"a\x1b[2Jb.cedar", b"a\\b.cedar", b"x\\..\\y.cedar", b"\xff.cedar"),
    "e\u0301.cedar".encode(),  # not in Unicode's form NFC
    "a\u202ecedar.cedar".encode(),  # turns the direction of what follows
]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_is_no_plain_name_is_refused_on_one_line(victim: Victim, name: bytes) -> None:
    blob = victim.repository.blob("// x")
    victim.repository.commit_tree(victim.repository.with_policies(("100644", blob, name)))
    (told,) = victim.refused()
    assert told.startswith("policies/")
    assert told.endswith("[name_invalid]")
    assert told.isprintable()


@pytest.mark.parametrize("name", [b".", b".."])
def test_a_folder_that_would_lead_out_is_refused(victim: Victim, name: bytes) -> None:
    inner = victim.repository.crafted([("100644", victim.repository.blob("// x"), b"x.cedar")])
    victim.repository.commit_tree(victim.repository.with_policies(("40000", inner, name)))
    assert victim.refused() == [
        f"policies/{name.decode()}/x.cedar: no part of a name is empty or begins with a dot [name_invalid]"
    ]


def test_names_that_differ_in_case_only_are_refused(victim: Victim) -> None:
    victim.repository.commit({"policies/A.cedar": FORBID})
    (told,) = victim.refused()
    assert told.endswith("differs in case only, so on some machines it is one file [name_collision]")


def test_two_files_of_one_name_are_refused_by_git(victim: Victim) -> None:
    blobs = [victim.repository.blob(text) for text in ("// 1", "// 2")]
    victim.repository.commit_tree(victim.repository.with_policies(*(("100644", one, b"x.cedar") for one in blobs)))
    (told,) = victim.refused(Trouble.UNAVAILABLE)
    assert "duplicateEntries" in told


def test_a_yaml_file_that_means_nothing_is_named(victim: Victim) -> None:
    victim.repository.commit({"policies/extra.yaml": "x"})
    (told,) = victim.refused()
    assert told.startswith("policies/extra.yaml: policies are `*.cedar`")


def test_every_problem_is_told_at_once(victim: Victim) -> None:
    link, text = victim.repository.blob("/etc/passwd"), victim.repository.blob
    entries = [
        ("120000", link, b"evil.cedar"),
        ("100644", text("x"), b"extra.yaml"),
        ("100644", text("/" * 20_000), b"large.cedar"),
        ("100644", text(b"\xff"), b"no-text.cedar"),
    ]
    victim.repository.commit_tree(victim.repository.with_policies(*entries))
    assert [line.rpartition("[")[2] for line in victim.refused()] == [
        "not_a_file]",
        "file_unknown]",
        "too_large]",
        "encoding]",
    ]


def test_files_that_steer_git_steer_nothing(victim: Victim) -> None:
    victim.repository.commit(
        {
            ".gitattributes": "* filter=evil ident working-tree-encoding=UTF-16\n",
            "policies/.gitattributes": "*.cedar filter=evil export-ignore\n",
            ".lfsconfig": "[lfs]\n url = http://127.0.0.1:1\n",
            "policies/b.cedar": FORBID,
            "hooks/post-checkout": "#!/bin/sh\ntouch pwned\n",
        }
    )
    victim.active.refresh()
    assert (victim.active.bundle.manifest.serial, victim.active.standing.trouble) == (2, None)
    assert victim.active.bundle.manifest.parts.keys() == {
        f"policies/{name}" for name in ("a.cedar", "b.cedar", "catalog.yaml")
    }


def test_hooks_and_settings_of_a_repository_on_this_machine_run_nothing(victim: Victim) -> None:
    pwned = victim.folder / "pwned"
    for name in ("post-update", "pre-receive", "post-checkout", "reference-transaction", "fsmonitor"):
        hook = victim.repository.path / "hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\ntouch {pwned}\n")
        hook.chmod(0o700)
    for key in ("uploadpack.packObjectsHook", "core.fsmonitor", "core.sshCommand", "core.alternateRefsCommand"):
        victim.repository.git("config", key, f"touch {pwned};")
    victim.repository.commit({"policies/b.cedar": FORBID})
    pwned.unlink(missing_ok=True)  # what our own commands set off there
    victim.active.refresh()
    assert victim.active.bundle.manifest.serial == 2
    assert not pwned.exists()


@pytest.mark.parametrize("url", ["-u./payload", "ext::sh -c touch% pwned"])
def test_a_submodule_whose_address_is_a_command_is_refused_by_git(victim: Victim, url: str) -> None:
    victim.repository.commit({".gitmodules": f'[submodule "x"]\n path = x\n url = {url}\n'})
    victim.active.refresh()
    assert not (victim.folder / "pwned").exists()
    assert victim.active.bundle.manifest.serial == 1


def test_a_settings_folder_of_git_in_the_tree_is_refused_by_git(victim: Victim) -> None:
    inner = victim.repository.crafted([("100644", victim.repository.blob("[core]\n"), b"config")])
    victim.repository.commit_tree(victim.repository.with_policies(("40000", inner, b".git")))
    (told,) = victim.refused(Trouble.UNAVAILABLE)
    assert "hasDotgit" in told


def test_an_object_that_is_not_what_its_name_says_is_refused(victim: Victim) -> None:
    repository = victim.repository
    repository.commit({"policies/a.cedar": FORBID})
    blob = repository.git("rev-parse", "main:policies/a.cedar")
    repository.git("repack", "-a", "-d", "-q")
    (pack,) = (repository.path / "objects" / "pack").glob("*.pack")
    unpacked = pack.with_name("moved")
    pack.rename(unpacked)
    pack.with_suffix(".idx").unlink()
    repository.git("unpack-objects", "-q", stdin=unpacked.read_bytes())
    other = repository.blob("permit (principal, action, resource); // forged")
    objects = repository.path / "objects"
    target = objects / blob[:2] / blob[2:]
    target.chmod(0o600)
    target.write_bytes((objects / other[:2] / other[2:]).read_bytes())
    victim.refused(Trouble.UNAVAILABLE)


def test_what_would_fill_the_disk_ends_the_fetch(tmp_path: Path) -> None:
    victim = victim_of(tmp_path, GitBounds(git=GitLimits(max_pack_bytes=200_000)))
    noise = random.Random(1).randbytes(400_000)
    victim.repository.commit({"assets/noise": noise, "policies/b.cedar": FORBID})
    (told,) = victim.refused(Trouble.UNAVAILABLE)
    assert told.endswith("cannot be read: one fetch may bring at most 200000 bytes")
    assert sum(path.stat().st_size for path in (tmp_path / "copy").rglob("*") if path.is_file()) < 100_000


def test_a_branch_that_is_named_like_an_option_is_only_a_name(victim: Victim) -> None:
    commit = victim.repository.commit({"policies/b.cedar": FORBID})
    packed = victim.repository.path / "packed-refs"
    packed.write_text(f"{commit} refs/heads/--upload-pack=touch${{IFS}}{victim.folder}/pwned;\n")
    victim.active.refresh()
    assert victim.active.bundle.manifest.serial == 2
    assert not (victim.folder / "pwned").exists()


def test_replaced_and_grafted_objects_are_what_they_were(victim: Victim) -> None:
    old, new = victim.repository.git("rev-parse", "main"), victim.repository.commit({"policies/a.cedar": FORBID})
    victim.repository.git("update-ref", f"refs/replace/{new}", old)
    victim.active.refresh()
    assert victim.active.bundle.manifest.serial == 2
