"""A server whose lists are hostile in the way that its first argument names.

Over standard streams it is of the 2025-11-25 revision; with `http` as its second argument it is of the
2026-07-28 one, listens on a port of its own and prints it. The trick `shifting` has a file for its last
argument. Nothing but the standard library, so that every byte it writes is here.
"""

import json
import sys
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

SCHEMA: dict[str, Any] = {"type": "object", "properties": {"text": {"type": "string"}}}
GOOD: dict[str, Any] = {"name": "good", "description": "does good", "inputSchema": SCHEMA}


def tool(name: str, **members: Any) -> dict[str, Any]:
    return {**GOOD, "name": name, **members}


def argument(schema: Any) -> dict[str, Any]:
    return {"inputSchema": {"type": "object", "properties": {"text": schema}}}


MEBIBYTE = "x" * 1024 * 1024
BAD_TOOLS: dict[str, dict[str, Any]] = {
    "book": {"description": MEBIBYTE},
    "wide": {"inputSchema": {"type": "object", "properties": {f"p{n}": {} for n in range(100_000)}}},
    "number-as-description": {"description": 7},
    "annotations-as-text": {"annotations": {"readOnlyHint": "yes"}},
    "array-of-arguments": {"inputSchema": {"type": "array"}},
    "output-as-list": {"outputSchema": []},
    "own-digest": {"digest": "sha256:" + "0" * 64},
    "zero-width": {"description": "does\u200bgood"},
    "bidi": {"description": "does \u202egood"},
    "tags": {"description": "does good" + "".join(chr(0xE0000 + ord(c)) for c in "and evil")},
    "hidden-deeper": argument({"type": "string", "description": "a\u2063b"}),
    "hidden-key": {"inputSchema": {"type": "object", "properties": {"te\u200dxt": {"type": "string"}}}},
    "escapes": {"description": "\x1b]0;owned\x07\x1b[2J"},
    "remote-reference": argument({"$ref": "https://example.com/schema.json"}),
    "reference-to-nowhere": argument({"$ref": "#/$defs/none"}),
    "unknown-type": argument({"type": "strnig"}),
    "no-pattern": argument({"type": "string", "pattern": "("}),
}
NAMES = {
    "fine": ("../../x", "..", "a/b", "CON", "dots..", ".hidden", "-rf", "ünï", "prompts", "x" * 128),
    "refused": ("nul\0", "es\x1b[31mcape", "line\nend", "zero\u200bwidth", "x" * 300),
}

Page = dict[str, Any]


def plain(method: str, tools: Any) -> Page:
    return {"tools": tools} if method == "tools/list" else {}


def everything_bad(method: str, _cursor: Any) -> Page:
    bad = [tool(name, **members) for name, members in BAD_TOOLS.items()]
    return plain(method, [*bad[:5], GOOD, *bad[5:], "neither", {"name": 7}, {"name": "no-schema"}])


def every_kind(method: str, _cursor: Any) -> Page:
    match method:
        case "prompts/list":
            bad = {"name": "bad", "arguments": [{"name": 7}]}
            return {"prompts": [{"name": "greet", "arguments": [{"name": "who", "required": True}]}, bad, {}]}
        case "resources/list":
            return {"resources": [{"uri": "note://../../a b?\u00fc", "name": "note"}, {"uri": "note://b", "name": []}]}
        case "resources/templates/list":
            return {"resourceTemplates": [{"uriTemplate": "note://{id}", "name": "notes"}, {"name": "none"}]}
        case _:
            return {"tools": [GOOD]}


def endless(method: str, cursor: Any) -> Page:
    page = int(cursor or 0)
    return {**plain(method, [tool(f"t{page}")]), "nextCursor": str(page + 1)}


def duplicates(method: str, cursor: Any) -> Page:
    if cursor is None:
        return {**plain(method, [GOOD, tool("twice"), tool("echo")]), "nextCursor": "2"}
    return plain(method, [tool("twice", description="another"), tool("Echo"), tool("\u0435cho")])


def prompts_only(method: str, _cursor: Any) -> Page | None:
    return {"prompts": [{"name": "greet"}]} if method == "prompts/list" else None


def shifting(method: str, _cursor: Any) -> Page:
    """What stands in the file at the time."""
    return plain(method, [GOOD, *json.loads(Path(sys.argv[-1]).read_text())])


def nested(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(levels):
        schema = {"type": "object", "properties": {"a": schema}}
    return schema


TRICKS: dict[str, Callable[[str, Any], Page | None]] = {
    "everything_bad": everything_bad,
    "every_kind": every_kind,
    "duplicates": duplicates,
    "unannounced": every_kind,
    "prompts_only": prompts_only,
    "shifting": shifting,
    "restless": lambda method, _: plain(method, [GOOD]),
    "names": lambda method, _: plain(method, [tool(name) for names in NAMES.values() for name in names]),
    "endless": lambda method, cursor: {
        **plain(method, [tool(f"t{cursor or 0}")]),
        "nextCursor": str(int(cursor or 0) + 1),
    },
    "repeating": lambda method, _: {**plain(method, [GOOD]), "nextCursor": "again"},
    "number_cursor": lambda method, _: {**plain(method, [GOOD]), "nextCursor": 7},
    "object_cursor": lambda method, _: {**plain(method, [GOOD]), "nextCursor": {"page": 2}},
    "many": lambda method, _: plain(method, [{"name": f"t{n}", "inputSchema": {}} for n in range(20_000)]),
    "deep": lambda method, _: plain(method, [tool("well", **argument(nested(80))), GOOD]),
    "bottomless": lambda method, _: plain(method, [tool("well", **argument(nested(400))), GOOD]),
    "no_list": lambda method, _: {"tools": {"good": GOOD}},
}

LISTS = ("tools/list", "prompts/list", "resources/list", "resources/templates/list")
CAPABILITIES: dict[str, Any] = {
    "every_kind": {"tools": {}, "prompts": {}, "resources": {}},
    "prompts_only": {"prompts": {}},
}
CHANGED = {"jsonrpc": "2.0", "method": "notifications/tools/list_changed"}


def answer(trick: str, message: dict[str, Any]) -> dict[str, Any]:
    """The response to a request."""
    method, params = message["method"], message.get("params", {})
    capabilities = CAPABILITIES.get(trick, {"tools": {"listChanged": True}})
    result: dict[str, Any] | None = None
    if method == "initialize" and "http" not in sys.argv:
        info = {"name": "hostile", "version": "1"}
        result = {"protocolVersion": "2025-11-25", "capabilities": capabilities, "serverInfo": info}
    elif method == "server/discover" and "http" in sys.argv:
        result = {"supportedVersions": ["2026-07-28"], "capabilities": capabilities, "resultType": "complete"}
    elif method in LISTS:
        result = TRICKS[trick](method, params.get("cursor"))
    if result is None:
        return {"jsonrpc": "2.0", "id": message["id"], "error": {"code": -32601, "message": "no"}}
    return {"jsonrpc": "2.0", "id": message["id"], "result": result}


def serve_streams(trick: str) -> None:
    for line in sys.stdin:
        message = json.loads(line)
        if "id" in message:
            if trick == "restless" and message["method"] in LISTS:
                print(json.dumps(CHANGED), flush=True)
            print(json.dumps(answer(trick, message)), flush=True)


def serve_http(trick: str) -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            body = json.dumps(answer(trick, message)).encode() if "id" in message else b""
            self.send_response(200 if body else 202)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    (serve_http if "http" in sys.argv else serve_streams)(sys.argv[1])
