"""The JSON Schema of records, made from their types; `docs/record.schema.json` is what it makes."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from pdp.core.contract.record import RECORD_VERSION, Record

SCHEMA_ID: Final = f"urn:toolgate:record:{RECORD_VERSION}"
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

DESCRIPTIONS: Final[Mapping[str, str]] = {
    "active": "what the active bundle answered",
    "actor": "the agent that acted for the principal, or is said to have been asked for",
    "approved": "the digest of the approved definition",
    "arguments": "what was decided on, but for what `withheld` names",
    "arguments_digest": "`sha256:` over the canonical JSON of all of them, `hmac-sha256:` where something is withheld",
    "asked": "the question, by its options",
    "attributes": "attributes of the principal, in their normal form",
    "boot": "one run of the writer",
    "bundle": "the digest of the bundle that decided",
    "change": "the first way in which the two differ",
    "changes": "how many differ, by the first way in which they do",
    "client_ip": "the caller's address, as the enforcer saw it",
    "command": "the command that read",
    "compared": "requests that both bundles answered",
    "count": "how many it stands for",
    "decided_at": "the time that policies saw, by the decision point's clock",
    "decision": "of an outcome: the `id` of the decision record, by the same writer; of an answer: allow or deny",
    "decision_id": "the answer that decided; a cached decision has that of the one it repeats",
    "decision_us": "microseconds that the answer took",
    "delegation": "the agents that act for the principal, nearest first",
    "detail": "the cause, for whoever operates this; never a token",
    "different": "requests on which the two bundles differ",
    "differences": "the first of these",
    "digest": "of the canonical JSON of the whole",
    "effect": "what was decided",
    "errors": "ids of the policies that could not be evaluated, sorted",
    "failure": "what kind of error the shadow met",
    "fate": "what became of the request",
    "found": "how many records the reader was given",
    "generation": "the serial of the bundle that decided",
    "groups": "groups of the principal, with the issuer's alias",
    "id": "the record's own, a UUIDv7",
    "incomparable": "requests of which the canary can say nothing",
    "issuer": "who vouches for the principal: the token's `iss`",
    "kind": "what the record is about",
    "latency_us": "microseconds from the request, or from forwarding it, to the record",
    "left_out": "members of which too much was there: how many items were left out, and the digest of all",
    "mapping": "the digest of the claims mapping that made the principal",
    "method": "the MCP method",
    "more": "how many policies besides those named",
    "not_replayable": "why the decision cannot be made again from the record and its bundle; without it, it can",
    "obligation_states": "what became of each obligation",
    "obligations": "what the answer obliged the enforcer to",
    "offered": "the digest of the definition that the server offers",
    "offered_digest": "the definition that the server offered where it is another, or that an unknown caller named",
    "origin": "where the decision came from",
    "percent": "on how many of the requests the canary is tried",
    "policies": "ids of the policies that decided, sorted",
    "previous": "the digest of the record before it in its writer's chain; without it, one begins",
    "principal": "who asked, with the issuer's alias (`corp|alice`)",
    "principal_type": "`user` or `agent`",
    "reader": "who read, as the reading program knows it",
    "reason_code": "why it was decided so",
    "request_id": "the JSON-RPC id of the request",
    "result_bytes": "the size of the result in canonical JSON",
    "result_digest": "the digest of the result's canonical JSON",
    "roles": "roles of the principal, with the issuer's alias",
    "schema_digest": "the approved definition of the tool that was decided on",
    "scopes": "scopes that the principal was granted, with those that they imply",
    "sequence": "counts a run's records from 1",
    "server": "the server",
    "session": "the session",
    "shadow": "the canary: its digest, or what it answered",
    "shown": "of a list: what the principal got to see",
    "since": "from when on requests were counted",
    "skipped": "requests that could not be looked at",
    "state": "what became of the tool",
    "tenant": "the tenant of the principal, with the issuer's alias",
    "time": "when it was made, by the writer's clock: UTC, RFC 3339 with milliseconds",
    "tool": "the tool, without its server",
    "trace_id": "of the W3C trace that the request is part of",
    "transport": "how the request came; `authzen` from a caller without a credential",
    "twin": "the approved tool whose name a reader could take this one's for",
    "upstream_error": "the code of the JSON-RPC error that the server answered",
    "upstream_failure": "how the server failed to answer",
    "version": "the version of this schema",
    "withheld": "places of the arguments, as JSON Pointers, that are not what was decided on, and why",
    "writer": "who recorded",
}
"""What each member says; the one place for it."""

_TIME: Final = "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[.][0-9]{3}Z$"
_TIMES: Final = frozenset({"time", "decided_at", "since"})


def record_schema() -> dict[str, Any]:
    """The schema of every kind of record, in JSON Schema 2020-12."""
    (root,), components = msgspec.json.schema_components((Record,), ref_template="#/$defs/{name}")
    defs = {name: _described(definition) for name, definition in sorted(components.items())}
    return {
        "$schema": DIALECT,
        "$id": SCHEMA_ID,
        "title": "A record of Toolgate's decision log",
        "description": "In canonical form: names sorted, members that have their default left out.",
        "oneOf": root["anyOf"],
        "$defs": defs,
    }


def _described(definition: Mapping[str, Any]) -> dict[str, Any]:
    described = {**definition, "description": " ".join(definition["description"].split())}
    properties = definition.get("properties")
    if properties is None:
        return described
    described |= {
        "properties": {name: _member(name, schema) for name, schema in properties.items()},
        "additionalProperties": False,
    }
    if "version" in properties:
        described["required"] = [*definition["required"], "version"]
    return described


def _member(name: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    member: dict[str, Any] = {"description": DESCRIPTIONS[name], **schema}
    if name == "version":
        return {"description": DESCRIPTIONS[name], "const": RECORD_VERSION}
    if name in _TIMES:
        member |= {"format": "date-time", "pattern": _TIME}
    if name == "sequence":
        member["minimum"] = 1
    return member
