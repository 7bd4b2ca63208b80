from pathlib import Path

import pytest

from pdp.core.bundle.content import ContentLimits
from pdp.core.contract.errors import ConfigurationError
from pdp.lifecycle import tree
from pdp.lifecycle.directory import DirectorySource


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    for path, text in {
        "policies/a.cedar": "// a",
        "policies/team/b.cedar": "// b",
        "policies/catalog.yaml": "version: 1\n",
        "policies/README.md": "not a source",
        "policies/.hidden.cedar": "x",
        "policies/.git/c.cedar": "x",
        "schemas/time/now.json": "{}",
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    return tmp_path


def source(repository: Path) -> DirectorySource:
    return DirectorySource(policies=repository / "policies", schemas=repository / "schemas")


def codes(repository: Path) -> list[tuple[str, str]]:
    with pytest.raises(ConfigurationError) as refused:
        source(repository).fetch()
    return [(problem.file, problem.code) for problem in refused.value.problems]


def test_sources_have_the_same_names_wherever_the_directories_are(repository: Path) -> None:
    assert dict(source(repository).fetch()) == {
        "policies/a.cedar": b"// a",
        "policies/team/b.cedar": b"// b",
        "policies/catalog.yaml": b"version: 1\n",
        "schemas/time/now.json": b"{}",
    }


def test_a_link_out_of_the_tree_is_refused(repository: Path) -> None:
    (repository / "policies" / "evil.cedar").symlink_to("/etc/passwd")
    (repository / "schemas" / "time" / "gone.json").symlink_to("nowhere")
    assert codes(repository) == [("policies/evil.cedar", "not_a_file"), ("schemas/time/gone.json", "not_a_file")]


def test_a_linked_folder_is_refused_since_its_policies_would_be_missing(
    repository: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "x.cedar").write_text("// x")
    (repository / "policies" / "linked").symlink_to(elsewhere)
    (repository / "policies" / "LICENSE").symlink_to("/etc/hostname")
    (repository / "policies" / "gone").symlink_to("nowhere")
    assert codes(repository) == [("policies/linked", "not_a_file")]


def test_every_missing_or_too_large_source_is_named(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree, "LIMITS", ContentLimits(max_file_bytes=10))
    (repository / "policies" / "large.cedar").write_text("/" * 11)
    (repository / "schemas" / "time" / "now.json").unlink()
    (repository / "schemas" / "time").rmdir()
    (repository / "schemas").rmdir()
    found = codes(repository)
    assert ("policies/large.cedar", "too_large") in found
    assert [code for _, code in found if code == "directory_missing"] == ["directory_missing"]


def test_the_fingerprint_changes_with_any_source_and_with_nothing_else(repository: Path) -> None:
    before = source(repository).look().state
    (repository / "policies" / "README.md").write_text("changed")
    assert source(repository).look().state == before
    seen = {before}
    (repository / "policies" / "a.cedar").write_text("// A")
    seen.add(source(repository).look().state)
    (repository / "policies" / "new.cedar").write_text("")
    seen.add(source(repository).look().state)
    (repository / "policies" / "team" / "b.cedar").unlink()
    seen.add(source(repository).look().state)
    assert len(seen) == 4
