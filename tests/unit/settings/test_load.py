import contextlib
import errno
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pdp.core.contract.errors import ConfigurationError, UnusableError
from pdp.core.settings.decision_point import EnforcerSettings, LogMode
from pdp.core.settings.gateway import DecisionMode
from pdp.core.settings.load import LoadedSettings, load, read_settings
from pdp.core.settings.model import Settings, UpstreamSettings
from pdp.core.settings.origin import Origin, OriginKind

FILE = "toolgate.yaml"
LEAST = "version: 1\n"


def loaded(text: str, **environ: str) -> LoadedSettings:
    return load(text, file=FILE, environ=environ)


def problems(text: str, **environ: str) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        load(text, file=FILE, environ=environ)
    return [str(problem) for problem in caught.value.problems]


CANARY = "pdp: {bundles: {canary: {percent: 10, channel: {url: 'file:x'}}%s}}"


def test_a_canary_from_a_channel_needs_a_root_of_trust_as_the_active_bundle_does() -> None:
    (problem,) = problems(LEAST + CANARY % "")
    assert "a `channel` needs `trust`" in problem
    assert loaded(LEAST + CANARY % ", trust: root.json").settings.pdp.bundles.canary is not None
    assert loaded(LEAST + CANARY % ", unsafe_unsigned: true").settings.pdp.bundles.canary is not None
    (problem,) = problems(
        f"{LEAST}pdp: {{bundles: {{trust: root.json, canary: {{percent: 1, policies: a, schemas: b}}}}}}"
    )
    assert "`trust` goes with a `channel`" in problem


def test_the_least_file_gives_the_defaults() -> None:
    assert loaded(LEAST).settings == Settings(version=1)


def test_every_problem_is_told_at_once_in_the_order_of_the_file() -> None:
    text = """\
version: 2
pdp:
  lisen: 127.0.0.1:1
  log: {mode: fast, url: 5}
gatewy: {}
identity:
  leeway: 5
  issuers:
    - alias: Corp
      issuer: ""
    - 3
mcpServers:
  Bad_Name: {command: x}
  tools: {command: x}
  both: {command: a, url: b}
  odd: {command: a, args: -x}
gateway: {cache_entries: 1.5, session_idle: 10, max_message_depth: 201, decisions: guess, pdp: x}
"""
    assert problems(text, TOOLGATE__PDP__LISTN="x", TOOLGATE__GATEWAY__NAME="No!") == [
        "environment:TOOLGATE__GATEWAY__NAME: `gateway.name`: must match `^[a-z0-9][a-z0-9-]*$` [setting_invalid]",
        "environment:TOOLGATE__PDP__LISTN: `LISTN` is not a setting, did you mean `listen` [setting_unknown]",
        "toolgate.yaml:1:10: `version`: must be 1 [setting_invalid]",
        "toolgate.yaml:3:3: `pdp.lisen` is not a setting, did you mean `listen` [setting_unknown]",
        "toolgate.yaml:4:15: `pdp.log.mode`: must be one of 'spooled' or 'durable' [setting_invalid]",
        "toolgate.yaml:4:26: `pdp.log.url`: must be text [setting_invalid]",
        "toolgate.yaml:5:1: `gatewy` is not a setting, did you mean `gateway` [setting_unknown]",
        "toolgate.yaml:7:11: `identity.leeway`: a duration is a number with a unit: "
        "`500ms`, `10s`, `5m`, `24h` [setting_invalid]",
        "toolgate.yaml:9:7: `identity.issuers[0].audience` is required [setting_missing]",
        "toolgate.yaml:9:14: `identity.issuers[0].alias`: must match `^[a-z0-9][a-z0-9-]*$` [setting_invalid]",
        "toolgate.yaml:10:15: `identity.issuers[0].issuer`: must have at least 1 character [setting_invalid]",
        "toolgate.yaml:11:7: `identity.issuers[1]`: must be a section of `key: value` lines [setting_invalid]",
        "toolgate.yaml:13:3: `mcpServers.Bad_Name`: a server's name has lower-case letters, digits and hyphens only "
        "[setting_invalid]",
        "toolgate.yaml:14:3: `mcpServers.tools`: a server must not be called like the first part of an MCP method "
        "[setting_invalid]",
        "toolgate.yaml:15:9: `mcpServers.both`: a server has either a `command` or a `url` [setting_invalid]",
        "toolgate.yaml:16:27: `mcpServers.odd.args`: must be a list [setting_invalid]",
        "toolgate.yaml:17:26: `gateway.cache_entries`: must be a whole number [setting_invalid]",
        "toolgate.yaml:17:45: `gateway.session_idle`: a duration is a number with a unit: "
        "`500ms`, `10s`, `5m`, `24h` [setting_invalid]",
        "toolgate.yaml:17:68: `gateway.max_message_depth`: must be at most 200 [setting_invalid]",
        "toolgate.yaml:17:84: `gateway.decisions`: must be one of 'auto', 'remote' or 'embedded' [setting_invalid]",
        "toolgate.yaml:17:96: `gateway.pdp`: must be a list [setting_invalid]",
    ]


def test_faults_of_the_yaml_and_of_what_it_says_are_told_together() -> None:
    assert problems("version: 1\npdp: &p {listen: 5, listen: x}\n") == [
        "toolgate.yaml:2:6: anchors are not supported, write the value out where it is needed [yaml_anchor]",
        "toolgate.yaml:2:18: `pdp.listen`: must be text [setting_invalid]",
        "toolgate.yaml:2:21: key `listen` stands here again, first in line 2 [yaml_key_repeated]",
    ]


def test_what_only_follows_from_a_reported_problem_is_not_told() -> None:
    assert problems("version: 1\nmcpServers: {a: {command: *x}}\n") == [
        "toolgate.yaml:2:27: aliases are not supported, write the value out [yaml_alias]",
    ]
    assert problems("version: 1\nidentity: {issuers: [{alias: '${A}', issuer: i, audience: a, jwks: j}]}\n") == [
        "toolgate.yaml:2:30: environment variable `A` is not set [variable_missing]",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "toolgate.yaml: the file says nothing, it needs at least `version: 1` [setting_missing]"),
        ("- a\n", "toolgate.yaml:1: the file must be a section of `key: value` lines [setting_invalid]"),
        ("just text", "toolgate.yaml:1: the file must be a section of `key: value` lines [setting_invalid]"),
        ("{}", "toolgate.yaml:1:1: `version` is required [setting_missing]"),
        ("version: '1'", "toolgate.yaml:1:10: `version`: must be 1 [setting_invalid]"),
        ("version: 1\npdp:\n", "toolgate.yaml:2:5: `pdp`: must be a section of `key: value` lines [setting_invalid]"),
        ("version: 1\nmcpServers: []\n", "toolgate.yaml:2:13: `mcpServers`: must be a section of `key: value` lines "
         "[setting_invalid]"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_section_says_so(text: str, problem: str) -> None:
    assert problems(text) == [problem]


def test_a_file_that_is_no_yaml_says_only_that() -> None:
    assert problems("version: [1\npdp: {\n") == ["toolgate.yaml:2:4: did not find expected ',' or ']' [yaml_invalid]"]


@pytest.mark.parametrize(
    ("server", "problem"),
    [
        ("{}", "a server has either a `command` or a `url`"),
        ("{url: u, args: [a]}", "`args`, `env` and `cwd` go with a `command`"),
        ("{url: u, env: {A: b}}", "`args`, `env` and `cwd` go with a `command`"),
        ("{url: u, cwd: d}", "`args`, `env` and `cwd` go with a `command`"),
        ("{command: c, headers: {A: b}}", "`headers` go with a `url`"),
    ],
)
def test_a_server_has_one_transport(server: str, problem: str) -> None:
    assert problems(f"version: 1\nmcpServers: {{a: {server}}}\n") == [
        f"toolgate.yaml:2:17: `mcpServers.a`: {problem} [setting_invalid]"
    ]


def test_variables_fill_whole_values_and_parts_and_the_escape_stays() -> None:
    text = 'version: 1\nmcpServers: {a: {url: "${U}/mcp", headers: {X: "a ${T} $${T} $T ${T}", Y: "${EMPTY}"}}}\n'
    found = loaded(text, U="https://h", T="s", EMPTY="")
    assert found.settings.mcpServers["a"].url == "https://h/mcp"
    assert found.settings.mcpServers["a"].headers == {"X": "a s ${T} $T s", "Y": ""}
    assert found.written["mcpServers", "a", "headers", "X"] == "a ${T} $${T} $T ${T}"


@pytest.mark.parametrize("template", ["${", "${}", "${1A}", "${A B}", "${A:-x}", "${é}", "x ${A"])
def test_a_reference_that_is_none_is_a_problem(template: str) -> None:
    found = problems(f"version: 1\npdp: {{listen: '{template}'}}\n", A="a")
    assert found == ["toolgate.yaml:2:15: `${` starts no variable, write `${NAME}`, or `$${` for `${` itself "
                     "[variable_malformed]"]  # fmt: skip


def test_what_a_variable_brings_is_text_and_is_not_read_again() -> None:
    text = 'version: 1\nmcpServers: {a: {command: "${A}", args: ["${B}"]}}\n'
    found = loaded(text, A="!!python/object:os.system {}", B="${A}").settings.mcpServers["a"]
    assert (found.command, found.args) == ("!!python/object:os.system {}", ["${A}"])
    assert problems('version: 1\ngateway: {cache_entries: "${N}"}\n', N="5") == [
        "toolgate.yaml:2:26: `gateway.cache_entries`: must be a whole number [setting_invalid]",
    ]


def test_no_problem_shows_a_variables_value() -> None:
    text = (
        'version: 1\nidentity: {leeway: "${S}"}\ngateway: {name: "${S}", decisions: "${S}"}\nmcpServers: {a: "${S}"}\n'
    )
    told = "\n".join(problems(text, S="hunter2\x1b", TOOLGATE__GATEWAY__LISTEN="hunter2\x00"))
    assert "hunter2" not in told
    assert told.count("environment variable `S` holds character U+001B") == 4
    told = "\n".join(problems(text, S="hunter2", TOOLGATE__PDP__LOG__MODE="hunter2", TOOLGATE__GATEWAY__PDP="hunter2"))
    assert "hunter2" not in told


def test_keys_are_never_interpolated() -> None:
    found = loaded('version: 1\nmcpServers: {a: {command: x, env: {"${K}": v}}}\n').settings
    assert found.mcpServers["a"].env == {"${K}": "v"}


def test_overrides_reach_every_kind_of_setting() -> None:
    text = "version: 1\ngateway: {pdp: [http://old]}\nmcpServers: {my-git: {command: g, args: [a, b]}}\n"
    found = loaded(
        text,
        TOOLGATE__GATEWAY__MAX_STALENESS="7s",
        TOOLGATE__gateway__Cache_Entries="5",
        TOOLGATE__GATEWAY__PDP="[http://a:1, http://b:2]",
        TOOLGATE__GATEWAY__DECISIONS="embedded",
        TOOLGATE__PDP__LOG__MODE="durable",
        TOOLGATE__PDP__STATE="/var/lib/x",
        TOOLGATE__PDP__ENFORCERS__edge="{key: edge.key, servers: [git]}",
        TOOLGATE__MCPSERVERS__MY_GIT__ARGS__1="12",
        TOOLGATE__MCPSERVERS__MY_GIT__ENV__A__B="x: [y",
        TOOLGATE__MCPSERVERS__NEW_ONE__URL="https://h/mcp",
        TOOLGATE__MCPSERVERS__NEW_ONE__HEADERS__AUTHORIZATION="0123 #456",
        TOOLGATE__IDENTITY__UNSAFE_DEV_ISSUER="{}",
    ).settings
    assert (found.gateway.max_staleness, found.gateway.cache_entries) == (7.0, 5)
    assert found.gateway.pdp == ["http://a:1", "http://b:2"]
    assert (found.gateway.decisions, found.pdp.log.mode) == (DecisionMode.EMBEDDED, LogMode.DURABLE)
    assert (found.pdp.state, found.pdp.enforcers) == (
        Path("/var/lib/x"),
        {"edge": EnforcerSettings(key=Path("edge.key"), servers=["git"])},
    )
    assert found.mcpServers == {
        "my-git": UpstreamSettings(command="g", args=["a", "12"], env={"A__B": "x: [y"}),
        "new-one": UpstreamSettings(url="https://h/mcp", headers={"AUTHORIZATION": "0123 #456"}),
    }
    assert found.identity.unsafe_dev_issuer is not None


def test_an_inner_override_wins_over_an_outer_one_and_both_over_the_file() -> None:
    found = loaded(
        "version: 1\npdp: {listen: '1.1.1.1:1', state: s, policies: p}\n",
        TOOLGATE__PDP="{listen: '2.2.2.2:2', state: t}",
        TOOLGATE__PDP__LISTEN="3.3.3.3:3",
    )
    assert found.settings.pdp.listen == "3.3.3.3:3"
    assert (found.settings.pdp.state, found.settings.pdp.policies) == (Path("t"), Path("policies"))
    assert [str(found.origins["pdp", name]) for name in ("listen", "state", "policies")] == [
        "environment:TOOLGATE__PDP__LISTEN",
        "environment:TOOLGATE__PDP",
        "default",
    ]


def test_an_override_makes_the_variable_it_replaces_unnecessary() -> None:
    found = loaded("version: 1\npdp: {listen: '${GONE}'}\n", TOOLGATE__PDP__LISTEN="127.0.0.1:5")
    assert found.settings.pdp.listen == "127.0.0.1:5"


def test_an_override_is_taken_literally() -> None:
    assert loaded(LEAST, TOOLGATE__PDP__LISTEN="${HOME}").settings.pdp.listen == "${HOME}"


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("TOOLGATE__", "x", "`` is not a setting [setting_unknown]"),
        ("TOOLGATE__NOPE", "x", "`NOPE` is not a setting [setting_unknown]"),
        ("TOOLGATE__PDP__LISTEN__X", "x", "there is no setting `X` at this place [setting_unknown]"),
        ("TOOLGATE__GATEWAY__PDP__0", "x", "there is no setting `0` at this place [setting_unknown]"),
        ("TOOLGATE__GATEWAY__PDP__" + "9" * 5000, "x", f"there is no setting `{'9' * 64}` at this place "
         "[setting_unknown]"),
        ("TOOLGATE__GATEWAY__PDP", "[a", "did not find expected ',' or ']' [yaml_invalid]"),
        ("TOOLGATE__GATEWAY__PDP", "&a [b]", "anchors are not supported, write the value out where it is needed "
         "[yaml_anchor]"),
        ("TOOLGATE__GATEWAY__PDP", "!!python/name:os.system ''", "tags are not supported [yaml_tag]"),
        ("TOOLGATE__GATEWAY__CACHE_ENTRIES", "'5'", "`gateway.cache_entries`: must be a whole number "
         "[setting_invalid]"),
        ("TOOLGATE__GATEWAY__CACHE_ENTRIES", "", "`gateway.cache_entries`: must be a whole number [setting_invalid]"),
        ("TOOLGATE__MCPSERVERS__A__URL", "x\x1b", "character U+001B is not allowed [unprintable]"),
        ("TOOLGATE__MCPSERVERS__É__URL", "x", "`mcpServers.é`: a server's name has lower-case letters, digits and "
         "hyphens only [setting_invalid]"),
    ],
)  # fmt: skip
def test_a_wrong_override_is_a_problem_with_its_variables_name(name: str, value: str, problem: str) -> None:
    (found,) = problems(LEAST, **{name: value})
    place, _, message = found.partition(": ")
    assert place.startswith(f"environment:{name}")
    assert message == problem


def test_two_variables_for_one_setting_are_a_problem() -> None:
    assert problems(LEAST, TOOLGATE__PDP__LISTEN="a", TOOLGATE__pdp__listen="b") == [
        "environment:TOOLGATE__pdp__listen: the same setting as `TOOLGATE__PDP__LISTEN` [override_repeated]",
    ]


def test_an_override_below_something_that_is_no_section_is_a_problem() -> None:
    assert problems("version: 1\npdp: x\n", TOOLGATE__PDP__LISTEN="a") == [
        "environment:TOOLGATE__PDP__LISTEN: the file has no section where this setting belongs [override_unusable]",
        "toolgate.yaml:2:6: `pdp`: must be a section of `key: value` lines [setting_invalid]",
    ]


def test_other_variables_of_the_environment_mean_nothing() -> None:
    environ = {"TOOLGATE_PDP__LISTEN": "x", "toolgate__PDP__LISTEN": "x", "PDP__LISTEN": "x"}
    assert loaded(LEAST, **environ).settings == Settings(version=1)


def test_every_leaf_has_an_origin_and_a_written_value() -> None:
    found = loaded("version: 1\nmcpServers: {a: {command: x}}\n", TOOLGATE__GATEWAY__PDP_TIMEOUT="1s")
    assert found.origins["version",] == Origin(OriginKind.FILE, FILE, 1, 10)
    assert found.origins["mcpServers", "a", "command"] == Origin(OriginKind.FILE, FILE, 2, 27)
    assert found.origins["gateway", "pdp_timeout"] == Origin(
        OriginKind.ENVIRONMENT, "environment:TOOLGATE__GATEWAY__PDP_TIMEOUT"
    )
    assert found.origins["gateway", "max_staleness"] == Origin(OriginKind.DEFAULT)
    assert (found.written["gateway", "max_staleness"], found.written["pdp", "log", "mode"]) == ("10s", "spooled")
    assert found.origins.keys() == found.written.keys()


def test_the_leaves_of_a_list_of_sections_have_origins_too() -> None:
    text = "version: 1\nidentity:\n  issuers:\n  - {alias: a, issuer: i, audience: x, jwks: k}\n"
    found = loaded(text, TOOLGATE__IDENTITY__ISSUERS__0__JWKS="https://h/keys")
    names = ("alias", "issuer", "audience", "jwks", "algorithms")
    assert {name: str(found.origins["identity", "issuers", 0, name]) for name in names} == {
        "alias": "toolgate.yaml:4:13",
        "issuer": "toolgate.yaml:4:24",
        "audience": "toolgate.yaml:4:37",
        "jwks": "environment:TOOLGATE__IDENTITY__ISSUERS__0__JWKS",
        "algorithms": "default",
    }


def test_a_missing_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UnusableError, match=r"write one .* or name another file with `--config`"):
        read_settings(tmp_path / "toolgate.yaml", environ={})


def test_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    with pytest.raises(UnusableError, match=os.strerror(errno.EISDIR)):
        read_settings(tmp_path, environ={})


def test_a_file_is_read_with_its_name_in_the_problems(tmp_path: Path) -> None:
    file = tmp_path / "t.yaml"
    file.write_bytes(b"\xef\xbb\xbfversion: 1\n")
    assert read_settings(file, environ={}).settings == Settings(version=1)
    file.write_text("version: 2\n")
    with pytest.raises(ConfigurationError, match=f"^{file}:1:10: "):
        read_settings(file, environ={})


@pytest.mark.parametrize("raw", [b"x" * 10_000_000, "é".encode() * 5_000_000, b"\xff" * 2_000_000])
def test_a_huge_file_is_refused_by_its_size(tmp_path: Path, raw: bytes) -> None:
    file = tmp_path / "t.yaml"
    file.write_bytes(raw)
    with pytest.raises(ConfigurationError, match="more than 1048576 bytes"):
        read_settings(file, environ={})


@given(st.dictionaries(st.sampled_from(["version", "pdp", "gateway", "mcpServers", "x"]), st.integers() | st.text()))
def test_no_tree_makes_loading_fail_otherwise(tree: dict[str, object]) -> None:
    text = "\n".join(f"{key}: {value!r}" for key, value in tree.items())
    with contextlib.suppress(ConfigurationError):
        assert load(text, file=FILE, environ={}).settings.version == 1
