from pathlib import Path

import pytest

from pdp.core.contract.errors import ConfigurationError
from pdp.lifecycle.git.location import Location, Wanted, wanted

BASE = Path("/etc/toolgate")
FOLDERS = {"policies": "policies", "schemas": "schemas"}


def asked(
    url: str = "https://git.example.com/p.git", *, reference: str = "refs/heads/main", policies: str = "policies"
) -> Wanted:
    folders = FOLDERS | {"policies": policies}
    return wanted(url, reference=reference, folders=folders, base=BASE, setting="pdp.bundles.git")


@pytest.mark.parametrize(
    "url",
    [
        "https://git.example.com/team/policies.git",
        "https://git.example.com:8443/p",
        "http://127.0.0.1:8080/p.git",
        "http://[::1]/p.git",
        "http://localhost/p.git",
        "ssh://git.example.com/p.git",
        "ssh://git@git.example.com:2222/~/p.git",
        "git@git.example.com:team/policies.git",
        "git.example.com:p.git",
        "git@[2001:db8::1]:p.git",
    ],
)
def test_an_url_is_taken_as_it_is(url: str) -> None:
    assert asked(url).location == Location(url)


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("/srv/p.git", "/srv/p.git"),
        ("p.git", "/etc/toolgate/p.git"),
        ("./team/p.git", "/etc/toolgate/team/p.git"),
        ("a/b:c", "/etc/toolgate/a/b:c"),
        ("file:///srv/a%20b.git", "/srv/a b.git"),
    ],
)
def test_a_path_is_one_of_this_machine_relative_to_the_settings(url: str, path: str) -> None:
    assert asked(url).location == Location(path, Path(path))


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("--upload-pack=touch /tmp/x", "hyphen"),
        ("ext::sh -c touch% /tmp/x", "an URL is"),
        ("ext::sh", "an URL is"),
        ("fd::17", "an URL is"),
        ("-oProxyCommand=x:p", "hyphen"),
        ("a@-oProxyCommand=x:p", "an URL is"),
        ("host:-oX", "an URL is"),
        ("ssh://-oProxyCommand=x/p", "an URL is"),
        ("ssh://-oX@host/p", "hyphen"),
        ("git://git.example.com/p.git", "an URL is"),
        ("ftp://git.example.com/p.git", "an URL is"),
        ("https:///p.git", "an URL is"),
        ("http://git.example.com/p.git", "this machine only"),
        ("http://127.0.0.1.example.com/p.git", "this machine only"),
        ("https://alice:secret@git.example.com/p.git", "credentials"),
        ("https://token@git.example.com/p.git", "credentials"),
        ("ssh://git:secret@git.example.com/p.git", "credentials"),
        ("https://git.example.com/p.git?x=1", "no query"),
        ("https://git.example.com/p.git#x", "no query"),
        ("file://host/p.git", "file:"),
        ("/srv/p\n.git", "printable"),
        ("https://git.example.com/\x1b[2J", "printable"),
        ("https://[::1/p", "Invalid IPv6"),
    ],
)
def test_an_url_that_git_could_take_for_something_else_is_refused_without_being_quoted(url: str, reason: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        asked(url)
    (problem,) = refused.value.problems
    assert (problem.file, problem.code) == ("pdp.bundles.git", "git_invalid")
    assert reason in problem.message
    assert "secret" not in problem.message
    assert "token" not in problem.message


@pytest.mark.parametrize("name", ["main", "release/1.0", "users/alice/x-y", "v1.2.3", "grün", "a/-b"])
def test_a_reference_has_the_name_that_git_gives_it(name: str) -> None:
    assert asked(reference=f"refs/tags/{name}").short == name


@pytest.mark.parametrize(
    "name",
    [
        *("--upload-pack=x", "-x", "a..b", "a b", "a~1", "a^", "a:b", "a?", "a*", "[a", "a\\b", "a@{1}", "a//b", "/a"),
        *("a/", ".a", "a/.b", "a.lock", "a.lock/b", "a.", "@", "a\nb", "a\x00b", "+refs/heads/x:refs/heads/y"),
    ],
)
def test_a_reference_that_means_more_than_a_name_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError):
        asked(reference=f"refs/heads/{name}")


@pytest.mark.parametrize("folder", ["", ".", "..", "/", "/policies", "a/../b", "a//b", ".git", "a/.b", "a\\b", "a\nb"])
def test_a_folder_that_is_no_plain_path_below_the_root_is_refused(folder: str) -> None:
    with pytest.raises(ConfigurationError):
        asked(policies=folder)


def test_a_folder_may_have_a_slash_at_its_end() -> None:
    assert asked(policies="etc/policies/").folders["policies"] == "etc/policies"


def test_everything_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(ConfigurationError) as refused:
        asked("ext::sh", reference="refs/heads/-x", policies="..")
    assert len(refused.value.problems) == 3
