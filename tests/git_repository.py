"""Real Git repositories, made file by file and tree by tree, and sources over them."""

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pdp.core.contract.clock import Clock
from pdp.lifecycle.activate import ActiveBundle, BundleRules
from pdp.lifecycle.archive_directory import DirectoryArchive
from pdp.lifecycle.git.command import Commands
from pdp.lifecycle.git.environment import GitAccess, git_environment
from pdp.lifecycle.git.location import wanted
from pdp.lifecycle.git.signature import Signers
from pdp.lifecycle.git.source import GitBounds, GitSource
from pdp.lifecycle.state import BundleState

FOLDERS = {"policies": "policies", "schemas": "schemas"}
CLOCK = Clock(lambda: 1_785_229_200.0, time.perf_counter, bytes)
PERMIT = '@id("all") permit (principal, action, resource);'
FORBID = '@id("none") forbid (principal, action, resource);'
FILES = {"README.md": "hello", "policies/a.cedar": PERMIT, "policies/catalog.yaml": "version: 1\n", "schemas/.keep": ""}
ENVIRONMENT = {"PATH": os.environ["PATH"]}  # noqa: TID251 - a child gets what we have
IDENTITY = {
    "GIT_AUTHOR_NAME": "Alice",
    "GIT_AUTHOR_EMAIL": "alice@example.com",
    "GIT_COMMITTER_NAME": "Alice",
    "GIT_COMMITTER_EMAIL": "alice@example.com",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
}


@dataclass
class Repository:
    """A bare repository in `path`; `files` is what the next commit has, by path; a `Link` is a symbolic one."""

    path: Path
    kind: str = "sha1"
    files: dict[str, str | bytes] = field(default_factory=lambda: dict(FILES))

    def __post_init__(self) -> None:
        if not self.path.exists():
            run("git", "init", "--quiet", "--bare", f"--object-format={self.kind}", "-b", "main", str(self.path))

    def git(self, *arguments: str, stdin: bytes = b"", **environment: str) -> str:
        return run("git", f"--git-dir={self.path}", *arguments, stdin=stdin, **environment)

    def commit(
        self,
        changes: Mapping[str, str | bytes | None] | None = None,
        *,
        branch: str = "main",
        parents: Sequence[str] | None = None,
        key: Path | None = None,
        at: str = "2026-07-28T09:00:00Z",
    ) -> str:
        """Commit the files with `changes` (None removes one), on top of `branch` or of `parents`."""
        for path, content in (changes or {}).items():
            if content is None:
                del self.files[path]
            else:
                self.files[path] = content
        return self.commit_tree(self.tree(self.files), branch=branch, parents=parents, key=key, at=at)

    def commit_tree(
        self,
        tree: str,
        *,
        branch: str = "main",
        parents: Sequence[str] | None = None,
        key: Path | None = None,
        at: str = "2026-07-28T09:00:00Z",
    ) -> str:
        if parents is None:
            tip = self.git("for-each-ref", "--format=%(objectname)", f"refs/heads/{branch}")
            parents = [tip] if tip else []
        signing = [] if key is None else ["-c", "gpg.format=ssh", "-c", f"user.signingKey={key}"]
        options = [*([] if key is None else ["-S"]), *(word for parent in parents for word in ("-p", parent))]
        command = (*signing, "commit-tree", tree, "-m", "a change", *options)
        commit = self.git(*command, GIT_AUTHOR_DATE=at, GIT_COMMITTER_DATE=at)
        self.point(branch, commit)
        return commit

    def point(self, branch: str, commit: str) -> None:
        """Force `branch` to `commit`."""
        self.git("update-ref", f"refs/heads/{branch}", commit)

    def tree(self, files: Mapping[str, str | bytes]) -> str:
        stream = [b"feature done\ncommit refs/scratch\ncommitter A <a@example.com> 1 +0000\ndata 0\ndeleteall\n"]
        for path, content in files.items():
            raw = content.encode() if isinstance(content, str) else content
            stream.append(f'M 100644 inline "{path}"\ndata {len(raw)}\n'.encode() + raw + b"\n")
        self.git("fast-import", "--quiet", "--force", stdin=b"".join([*stream, b"done\n"]))
        return self.git("rev-parse", "refs/scratch^{tree}")

    def blob(self, content: str | bytes) -> str:
        raw = content.encode() if isinstance(content, str) else content
        return self.git("hash-object", "-w", "--stdin", stdin=raw)

    def crafted(self, entries: Sequence[tuple[str, str, bytes]]) -> str:
        """A tree with exactly these entries, mode, object and name, whatever `git` thinks of them."""
        raw = b"".join(mode.encode() + b" " + name + b"\0" + bytes.fromhex(one) for mode, one, name in entries)
        return self.git("hash-object", "-w", "-t", "tree", "--literally", "--stdin", stdin=raw)

    def with_policies(self, *entries: tuple[str, str, bytes]) -> str:
        """A whole tree whose policies are the usual ones and `entries`."""
        names = ("a.cedar", "catalog.yaml")
        usual = [("100644", self.blob(FILES[f"policies/{name}"]), name.encode()) for name in names]
        policies = self.crafted(sorted([*usual, *entries], key=lambda entry: entry[2]))
        schemas = self.crafted([("100644", self.blob(""), b".keep")])
        return self.crafted([("40000", policies, b"policies"), ("40000", schemas, b"schemas")])

    def source(
        self,
        folder: Path,
        *,
        url: str | None = None,
        branch: str = "main",
        tag: str | None = None,
        folders: Mapping[str, str] = FOLDERS,
        signers: Path | None = None,
        access: GitAccess | None = None,
        bounds: GitBounds | None = None,
    ) -> GitSource:
        """A source over this repository, or what is at `url`, whose copy is in `folder`."""
        url, access, bounds = url or str(self.path), access or GitAccess(), bounds or GitBounds()
        reference = f"refs/heads/{branch}" if tag is None else f"refs/tags/{tag}"
        asked = wanted(url, reference=reference, folders=folders, base=folder, setting="pdp.bundles.git")
        environment = git_environment(access, url=asked.location.url, environment=ENVIRONMENT)
        commands = Commands(environment, folder=folder, limits=bounds.git, secrets=access.secrets)
        allowed = None if signers is None else Signers(signers, commands)
        return GitSource(asked, folder=folder, commands=commands, clock=CLOCK, signers=allowed, bounds=bounds)

    def active(self, state: Path, source: GitSource | None = None) -> ActiveBundle:
        """What decides by this repository, with its state in `state`; nothing is active yet."""
        return ActiveBundle(
            source or self.source(state / "git"),
            state=BundleState(state),
            archive=DirectoryArchive(state / "bundles"),
            rules=BundleRules(answer_max_age=5),
            clock=CLOCK,
        )


def run(*command: str, stdin: bytes = b"", **environment: str) -> str:
    env = ENVIRONMENT | IDENTITY | environment
    done = subprocess.run(command, input=stdin, capture_output=True, env=env, check=False, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode().strip()
