from enforcers.cli.schemas_folder import Snapshots
from enforcers.cli.schemas_review import State, review
from enforcers.gateway.upstreams.listing import Listing
from pdp.core.catalog.definitions.admission import Allowances
from pdp.core.catalog.definitions.definition import Kind, definition_of

TOOL: dict[str, object] = {"name": "read", "inputSchema": {"type": "object"}}
APPROVED = definition_of(Kind.TOOL, server="files", content=TOOL)


def states(offered: dict[Kind, list[dict[str, object]]]) -> list[tuple[Kind, str | None, State]]:
    inventory = {kind: Listing(tuple(offered.get(kind, ()))) for kind in Kind}
    found = review(
        "files",
        snapshots=Snapshots(approved={"files/read": APPROVED}, broken={}),
        inventory=inventory,
        allowances=Allowances(),
    )
    return [(finding.kind, finding.name, finding.state) for finding in found]


def test_names_are_compared_within_one_kind() -> None:
    prompt: dict[str, object] = {"name": "Read"}
    assert states({Kind.TOOL: [TOOL], Kind.PROMPT: [prompt]}) == [
        (Kind.TOOL, "read", State.APPROVED),
        (Kind.PROMPT, "Read", State.NEW),
    ]


def test_a_name_like_an_approved_one_is_refused_and_the_approved_one_is_not() -> None:
    assert states({Kind.TOOL: [TOOL, {**TOOL, "name": "Read"}]}) == [
        (Kind.TOOL, "Read", State.REFUSED),
        (Kind.TOOL, "read", State.APPROVED),
    ]


def test_uris_that_differ_in_case_are_two_resources() -> None:
    resources: list[dict[str, object]] = [{"uri": uri, "name": "a"} for uri in ("a:b", "a:B")]
    assert states({Kind.TOOL: [TOOL], Kind.RESOURCE: resources}) == [
        (Kind.TOOL, "read", State.APPROVED),
        (Kind.RESOURCE, "a:B", State.NEW),
        (Kind.RESOURCE, "a:b", State.NEW),
    ]


def test_what_is_no_longer_offered_is_gone() -> None:
    assert states({}) == [(Kind.TOOL, "read", State.GONE)]
