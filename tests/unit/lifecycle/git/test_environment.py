import base64
import shlex
import stat
from pathlib import Path

import pytest

from pdp.lifecycle.git.command import Commands, GitLimits
from pdp.lifecycle.git.environment import GitAccess, git_environment
from pdp.lifecycle.git.location import wanted
from pdp.lifecycle.git.source import GitSource
from pdp.lifecycle.source import SourceError
from tests.git_repository import CLOCK, ENVIRONMENT, FOLDERS, Repository

URL = "https://git.example.com/p.git"

SSH = """\
#!/bin/sh
printf '%s\\n' "$@" > "{told}"
for last; do :; done
exec sh -c "$last"
"""


def config(environment: dict[str, str]) -> dict[str, str]:
    count = int(environment["GIT_CONFIG_COUNT"])
    return {environment[f"GIT_CONFIG_KEY_{n}"]: environment[f"GIT_CONFIG_VALUE_{n}"] for n in range(count)}


def test_credentials_are_a_header_for_that_url_alone() -> None:
    environment = git_environment(GitAccess(user="ci", password="hunter2"), url=URL, environment={})
    header = "Authorization: Basic " + base64.b64encode(b"ci:hunter2").decode()
    assert config(environment)[f"http.{URL}.extraHeader"] == header
    assert "hunter2" not in repr(environment)


def test_without_a_password_there_is_no_header() -> None:
    assert not any("extraHeader" in key for key in config(git_environment(GitAccess(), url=URL, environment={})))


def test_settings_of_others_do_not_reach_git() -> None:
    ours = {"PATH": "/bin", "GIT_DIR": "/x", "GIT_SSH": "/x", "GIT_TRACE_CURL": "1", "https_proxy": "http://proxy"}
    environment = git_environment(GitAccess(), url=URL, environment=ours)
    assert (environment["PATH"], environment["https_proxy"]) == ("/bin", "http://proxy")
    assert not {"GIT_DIR", "GIT_SSH", "GIT_TRACE_CURL"} & environment.keys()
    assert (environment["GIT_CONFIG_NOSYSTEM"], environment["GIT_CONFIG_GLOBAL"]) == ("1", "/dev/null")


def test_http_is_a_way_only_where_it_was_asked_for() -> None:
    assert git_environment(GitAccess(), url=URL, environment={})["GIT_ALLOW_PROTOCOL"] == "https:ssh:file"
    loopback = git_environment(GitAccess(), url="http://127.0.0.1/p", environment={})
    assert loopback["GIT_ALLOW_PROTOCOL"] == "https:ssh:file:http"


def source(folder: Path, url: str, access: GitAccess, *, path: Path) -> GitSource:
    environment = {"PATH": f"{path}:{ENVIRONMENT['PATH']}"}
    asked = wanted(url, reference="refs/heads/main", folders=FOLDERS, base=folder, setting="pdp.bundles.git")
    commands = Commands(
        git_environment(access, url=asked.location.url, environment=environment), folder=folder, limits=GitLimits()
    )
    return GitSource(asked, folder=folder, commands=commands, clock=CLOCK)


@pytest.fixture
def ssh(tmp_path: Path) -> Path:
    """A program `ssh` that writes down its arguments and runs the command here."""
    program = tmp_path / "bin" / "ssh"
    program.parent.mkdir()
    program.write_text(SSH.format(told=tmp_path / "told"))
    program.chmod(stat.S_IRWXU)
    return program.parent


@pytest.mark.parametrize("form", ["ssh://git@git.example.com:2222{path}", "git@git.example.com:{path}"])
def test_over_ssh_no_unknown_host_is_believed_and_nobody_is_asked(tmp_path: Path, ssh: Path, form: str) -> None:
    repository = Repository(tmp_path / "policies.git")
    repository.commit()
    odd = tmp_path / 'a "b" 100%;id'
    access = GitAccess(ssh_key=odd / "key", known_hosts=odd / "hosts")
    seen = source(tmp_path / "copy", form.format(path=repository.path), access, path=ssh).look()
    assert seen.serial == 1
    words = (tmp_path / "told").read_text().splitlines()
    quoted = str(odd).replace("%", "%%").replace('"', '\\"')
    assert words[:2] == ["-F", "none"]
    options = {words[n + 1] for n, word in enumerate(words) if word == "-o"}
    assert options >= {
        "BatchMode=yes",
        "StrictHostKeyChecking=yes",
        "ForwardAgent=no",
        "IdentitiesOnly=yes",
        f'IdentityFile="{quoted}/key"',
        f'UserKnownHostsFile="{quoted}/hosts"',
        "GlobalKnownHostsFile=none",
    }
    assert words[-2:] == ["git@git.example.com", f"git-upload-pack {shlex.quote(str(repository.path))}"] or words[
        -1
    ] == (f"git-upload-pack '{repository.path}'")


def test_ssh_itself_takes_the_options(tmp_path: Path) -> None:
    """Nothing listens there, and that is what the real program says, not that it knows no such option."""
    access = GitAccess(ssh_key=tmp_path / "key 1%", known_hosts=tmp_path / "hosts")
    with pytest.raises(SourceError) as refused:
        source(tmp_path / "copy", "ssh://git@127.0.0.1:1/p.git", access, path=tmp_path).look()
    assert "port 1: Connection refused" in str(refused.value)
