import pytest

from tests.conftest import Require, RequireTool


def test_a_missing_tool_skips_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch, require_tool: RequireTool
) -> None:
    monkeypatch.delenv("TOOLGATE_REQUIRE_ALL", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no `no-such-tool` here: apt-get install no-such-tool"):
        require_tool("no-such-tool", install="apt-get install no-such-tool")


def test_where_everything_is_required_a_missing_tool_fails(
    monkeypatch: pytest.MonkeyPatch, require: Require, require_tool: RequireTool
) -> None:
    monkeypatch.setenv("TOOLGATE_REQUIRE_ALL", "1")
    with pytest.raises(pytest.fail.Exception, match="no `no-such-tool` here"):
        require_tool("no-such-tool", install="apt-get install no-such-tool")
    with pytest.raises(pytest.fail.Exception, match="needs root"):
        require(None, reason="needs root")


def test_a_tool_that_is_there_is_found(require: Require, require_tool: RequireTool) -> None:
    assert require_tool("sh", install="").endswith("/sh")
    require("anything", reason="never told")
