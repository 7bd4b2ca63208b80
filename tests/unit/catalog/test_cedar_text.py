from typing import Any

import pytest

from pdp.core.catalog.cedar_text import cedar_text

RECORD: dict[str, Any] = {"type": "Record", "attributes": {}}


def test_a_schema_reads_as_one_would_write_it() -> None:
    attributes = {
        "path": {"type": "String"},
        "if": {"type": "Boolean", "required": False},
        "free form": {"type": "Record", "attributes": {}},
        "edits": {"type": "Set", "element": {"type": "Record", "attributes": {"line": {"type": "Long"}}}},
        "share": {"type": "Extension", "name": "decimal", "required": False},
        "owner": {"type": "Entity", "name": "User"},
    }
    applies = {"principalTypes": ["User"], "resourceTypes": ["Tool"], "context": {**RECORD, "attributes": attributes}}
    form = {
        "Mcp": {
            "entityTypes": {"User": {"memberOfTypes": ["Group"]}, "Group": {}, "Tool": {"shape": RECORD}},
            "actions": {"tools/call": {}, 'a"b\n': {"memberOf": [{"id": "tools/call"}], "appliesTo": applies}},
        }
    }
    assert cedar_text(form) == (
        "namespace Mcp {\n"
        "  entity User in [Group];\n"
        "  entity Group;\n"
        "  entity Tool {};\n"
        '  action "tools/call";\n'
        '  action "a\\"b\\n" in ["tools/call"] appliesTo {\n'
        "    principal: [User],\n"
        "    resource: [Tool],\n"
        "    context: {\n"
        "      path: String,\n"
        '      "if"?: Bool,\n'
        '      "free form": {},\n'
        "      edits: Set<{\n"
        "        line: Long\n"
        "      }>,\n"
        "      share?: decimal,\n"
        "      owner: User\n"
        "    }\n"
        "  };\n"
        "}\n"
    )


@pytest.mark.parametrize(
    "parts",
    [
        {"entityTypes": {}, "actions": {}, "commonTypes": {}},
        {"entityTypes": {"User": {"tags": {"type": "String"}}}, "actions": {}},
        {"entityTypes": {"User": {"shape": {**RECORD, "additionalAttributes": True}}}, "actions": {}},
        {"entityTypes": {"User": {"shape": {"type": "EntityOrCommon", "name": "Name"}}}, "actions": {}},
        {"entityTypes": {}, "actions": {"a": {"memberOf": [{"id": "b", "type": "Other::Action"}]}}},
    ],
)
def test_what_would_be_lost_in_the_text_is_refused(parts: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="has no form in Cedar's syntax"):
        cedar_text({"Mcp": parts})
