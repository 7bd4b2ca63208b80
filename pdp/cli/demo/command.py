"""The demo's story: sets the scene, starts the programs, performs the acts, shows the record."""

import asyncio
import signal
import sys
import time
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.markup import escape

from pdp.cli.demo.acts import CALLS, Seen, knock, perform, tools_seen
from pdp.cli.demo.programs import ask, console_script, running
from pdp.cli.demo.scene import Scene, set_scene

_ALICE: Final = (
    "--sub=alice", "--group=eng", "--tenant=acme", "--scope=git:read", "--scope=git:write", "--scope=files:write",
)  # fmt: skip
_BOB: Final = ("--sub=bob", "--group=support", "--scope=git:read")

FolderOption = Annotated[Path, typer.Option("--folder", help="Where the demo lays out its files.", metavar="FOLDER")]
RepositoryOption = Annotated[
    Path, typer.Option("--repository", help="The policy repository: policies/ and schemas/.", metavar="FOLDER")
]
OnceOption = Annotated[bool, typer.Option("--once", help="End after the acts instead of staying up.")]


def demo(
    *,
    once: OnceOption = False,
    folder: FolderOption = Path(".toolgate-demo"),
    repository: RepositoryOption = Path(),
) -> None:
    """Watch calls being allowed and denied: a decision point, a gateway, real servers, a real MCP client.

    Example: toolgate demo --once
    """
    signal.signal(signal.SIGTERM, _end)  # the programs must not outlive us
    console = Console(soft_wrap=True, highlight=False)
    scene = set_scene(folder, repository=repository)
    _tell_scene(console, scene)
    with running("serve", config=scene.config, ready=f"{scene.pdp}/readyz"):
        console.print(f"decision point at {scene.pdp}")
        with running("gateway", config=scene.config, ready=scene.gateway.removesuffix("/mcp") + "/readyz"):
            console.print(f"gateway at {scene.gateway}\n")
            missed = _perform(console, scene)
            console.print("\n[bold]The decision log[/] (toolgate log tail)")
            sys.stdout.write(ask("log", "tail", "-n", "14", "--config", str(scene.config)))
            if not once:
                _stay(console, scene)
    if missed:
        console.print(f"[red]{missed} acts did not go as they must[/]")
        raise typer.Exit(1)


def _perform(console: Console, scene: Scene) -> int:
    """Every act, shown as it goes; returns how many went otherwise than they must."""
    config = ("--config", str(scene.config))
    alice = ask("dev", "token", *_ALICE, *config).strip()
    bob = ask("dev", "token", *_BOB, *config).strip()
    listed = {name: asyncio.run(tools_seen(scene.gateway, token)) for name, token in (("alice", alice), ("bob", bob))}
    seen = [_lists_differ(listed)]
    _tell(console, seen[-1])
    for call in CALLS:
        if call.needs_files and not scene.has_files:
            continue
        seen.append(asyncio.run(perform(scene.gateway, alice, call)))
        _tell(console, seen[-1])
    seen.append(knock(scene.gateway))
    _tell(console, seen[-1])
    return sum(not act.met for act in seen)


def _lists_differ(listed: dict[str, list[str]]) -> Seen:
    alice, bob = set(listed["alice"]), set(listed["bob"])
    only = sorted(alice - bob)
    got = f"alice sees {len(alice)} tools, bob {len(bob)}; only alice: {', '.join(only[:4])}"
    return Seen("two people see different lists", "tools/list", got, met=bool(only) and bool(bob) and alice != bob)


def _tell(console: Console, seen: Seen) -> None:
    mark = "[green]as it must[/]" if seen.met else "[red]not as it must[/]"
    console.print(f"[bold]{escape(seen.title)}[/]  {mark}")
    console.print(f"  asked  {escape(seen.asked)}\n  got    {escape(seen.got)}")


def _tell_scene(console: Console, scene: Scene) -> None:
    console.print(f"[bold]Toolgate demo[/] in {escape(str(scene.folder))}")
    if not scene.has_files:
        console.print("  without the file server, which needs Node: apt-get install nodejs npm, then make setup")


def _end(*_: object) -> None:
    raise KeyboardInterrupt


def _stay(console: Console, scene: Scene) -> None:
    config, toolgate = escape(str(scene.config)), escape(console_script())
    console.print(
        "\n[bold]Still up; try next[/] (another terminal; Ctrl-C here ends it)\n"
        f"  {toolgate} log query --principal alice --decision deny --since 1h --config {config}\n"
        f"  TOKEN=$({toolgate} dev token --sub carol --config {config})\n"
        f"  point any MCP client at {escape(scene.gateway)} with the header `Authorization: Bearer $TOKEN`\n"
        "  change a file in policies/ and call again: it is in force within two seconds\n"
        f"  curl {escape(scene.pdp)}/metrics"
    )
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        console.print("\nended")
