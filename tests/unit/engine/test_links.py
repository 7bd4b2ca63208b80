"""Templates and their links."""

import pytest

from pdp.core.contract.authzen import Action, EvaluationRequest, Resource, Subject
from pdp.core.contract.errors import ConfigurationError
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.engine.cedar import EntityUid
from pdp.core.engine.compile import CompiledPolicies, compile_policies
from pdp.core.engine.evaluate import Engine
from pdp.core.engine.explain import Values
from pdp.core.engine.scope import uid_of
from tests.unit.engine.checks.problems import CATALOG, found

TEMPLATE = """@id("team-reads")
@owner("platform")
permit (principal in ?principal, action in Mcp::Action::"tools/call", resource in ?resource)
when { resource.readOnly };
"""


def links(*entries: str) -> str:
    return (
        "version: 1\nlinks:" + "".join(f"\n  - {{{entry}}}" for entry in entries or ()) + (" []" if not entries else "")
    )


def link(key: str, group: str, server: str) -> str:
    return (
        f"""id: {key}, template: team-reads, principal: 'Mcp::Group::"{group}"', resource: 'Mcp::Server::"{server}"'"""
    )


def compiled(policies: str, yaml: str, *, previous: CompiledPolicies | None = None) -> CompiledPolicies:
    sources = {"policies/a.cedar": policies.encode(), "policies/a.links.yaml": yaml.encode()}
    return compile_policies(sources, catalog=CATALOG, previous=previous)


TWO = links(link("eng", "corp|eng", "git"), link("ops", "corp|ops", "files"))


def test_each_link_is_a_policy_under_its_own_id() -> None:
    policies = compiled(TEMPLATE, TWO).policies
    scopes = {
        key: (uid_of(policy.scope.principal.entity), uid_of(policy.scope.resource.entity))  # type: ignore[union-attr]
        for key, policy in policies.items()
    }
    assert scopes == {
        "eng": (EntityUid("Mcp::Group", "corp|eng"), EntityUid("Mcp::Server", "git")),
        "ops": (EntityUid("Mcp::Group", "corp|ops"), EntityUid("Mcp::Server", "files")),
    }
    assert policies["eng"].tree.annotations == {"id": "eng", "owner": "platform"}
    assert policies["eng"].tree.id == "eng"
    assert policies["eng"].clauses == policies["ops"].clauses


def test_a_template_by_itself_decides_nothing_and_says_so() -> None:
    alone = compile_policies({"policies/a.cedar": TEMPLATE.encode()}, catalog=CATALOG)
    assert alone.policies == {}
    assert [str(problem) for problem in alone.warnings] == [
        "policies/a.cedar:3:1: no link uses template `team-reads`, so it decides nothing [template_unused]"
    ]
    assert compiled(TEMPLATE, TWO).warnings == ()


def test_links_of_what_is_known_make_the_same_policies_again() -> None:
    first = compiled(TEMPLATE, TWO)
    assert compiled(TEMPLATE, TWO, previous=first).policies == first.policies


def test_a_policy_with_the_text_of_a_link_is_another_policy() -> None:
    first = compiled(TEMPLATE, links(link("eng", "corp|eng", "git")))
    text = TEMPLATE.replace("?principal", 'Mcp::Group::"corp|eng"').replace("?resource", 'Mcp::Server::"git"')
    assert list(compiled(text, links(), previous=first).policies) == ["team-reads"]


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        (
            link("eng", "corp|eng", "git").replace("team-reads", "team-raeds"),
            ("template_unknown", "", "template `team-raeds` is not there; did you mean `team-reads`?"),
        ),
        (
            link("eng", "corp|eng", "gti"),
            ("name_unknown", "", "there is no server `gti` in the catalog; did you mean `git`?"),
        ),
        (
            link("eng", "eng", "git"),
            ("name_unknown", "", "no group is called `eng`: ids begin with their issuer's alias, as in `corp|eng`"),
        ),
        (
            """id: eng, template: team-reads, principal: 'Mcp::Group::"corp|eng"'""",
            ("link_invalid", "", "template `team-reads` has a slot `?resource`: give a `resource`"),
        ),
        (
            link("eng", "corp|eng", "git").replace("Mcp::Server", "Mcp::Group").replace('"git"', '"corp|x"'),
            ("never_matches", "", "no call has this resource: calls have tools, and lists of tools have servers"),
        ),
        *(
            (
                f"id: eng, template: team-reads, principal: '{text}', resource: 'Mcp::Server::\"git\"'",
                ("link_invalid", "", "`principal` is no entity: write it as in `'Mcp::Group::\"corp|staff\"'`"),
            )
            for text in (
                "corp|eng",
                "Mcp::Group::corp",
                'Mcp::Group::"a", action, resource) when { true }; permit(principal',
                'Mcp::Group::"a" // x',
                'Mcp::Group::"\\q"',
                "",
            )
        ),
        (
            "id: eng, template: team-reads, who: x",
            ("link_invalid", "", "the link is not as it must be: Object contains unknown field `who`"),
        ),
        (
            link("team-reads", "corp|eng", "git"),
            ("id_duplicate", "", "`team-reads` is also at policies/a.cedar:1"),
        ),
        (
            link("bad id", "corp|eng", "git"),
            (
                "id_invalid",
                "",
                "an id has letters, digits, `.`, `_`, `/` and `-`, at most 128, and starts with a letter or digit",
            ),
        ),
    ],
)
def test_a_link_that_would_not_do_what_it_says_is_refused(entry: str, problem: tuple[str, str, str]) -> None:
    problems = found(TEMPLATE, links=links(entry))
    assert [one for one in problems if one[0] != "template_unused"] == [problem]


def test_a_slot_too_many_and_a_policy_without_slots_are_refused() -> None:
    one_slot = '@id("t") permit (principal in ?principal, action, resource);'
    entry = """id: e, template: t, principal: 'Mcp::Group::"corp|g"', resource: 'Mcp::Server::"git"'"""
    assert found(one_slot, links=links(entry)) == [("link_invalid", "", "template `t` has no slot `?resource`")]
    policy = '@id("t") permit (principal, action, resource);'
    assert found(policy, links=links(entry)) == [
        ("template_unknown", "", "template `t` is no template: it has no slot"),
    ]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("links: []", "link_invalid"),
        ("version: 2\nlinks: []", "link_invalid"),
        ("version: 1\nversion: 1", "yaml_key_repeated"),
        ("version: 1\nlinks: {", "yaml_invalid"),
        ("version: 1\nlinks: [*a]", "yaml_alias"),
    ],
)
def test_a_file_that_holds_no_links_is_refused(text: str, code: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        compiled("", text)
    assert {problem.code for problem in refused.value.problems} == {code}
    assert {problem.file for problem in refused.value.problems} == {"policies/a.links.yaml"}


def test_problems_of_links_have_the_place_of_what_is_wrong() -> None:
    yaml = links(link("eng", "corp|eng", "git")).replace("team-reads", "nothing")
    with pytest.raises(ConfigurationError) as refused:
        compiled(TEMPLATE, yaml)
    assert [(problem.line, problem.column) for problem in refused.value.problems] == [(3, 25)]
    yaml = links(link("eng", "corp|eng", "gti"))
    with pytest.raises(ConfigurationError) as refused:
        compiled(TEMPLATE, yaml)
    column = yaml.split("\n")[2].index("'Mcp::Server") + 1
    assert [(problem.line, problem.column) for problem in refused.value.problems] == [(3, column)]


def test_what_is_wrong_with_a_template_is_told_once() -> None:
    broken = TEMPLATE.replace("resource.readOnly", "resource.raedOnly")
    assert [(code, text) for code, text, _ in found(broken, links=TWO)] == [("validation", "resource.raedOnly")]


def test_a_link_is_shadowed_like_any_policy() -> None:
    forbid = '@id("f") forbid (principal, action, resource in Mcp::Server::"git");'
    assert [(code, message) for code, _, message in found(TEMPLATE + forbid, links=TWO)] == [
        ("shadowed", "`forbid` `f` at policies/a.cedar:5 covers all that this policy permits")
    ]


def test_a_link_decides_is_found_by_its_scope_and_explained_at_its_place() -> None:
    open_to_all = TEMPLATE.replace("when { resource.readOnly };", "unless { context has ip };")
    deciding = Engine(compiled(open_to_all, TWO), catalog=CATALOG)

    def asked(group: str, **context: str) -> EvaluationRequest:
        subject = Subject("user", "corp|ann", {"groups": [group]})
        return EvaluationRequest(subject, Action("tools/call"), Resource("tool", "git/log"), {**context})

    allowed = deciding.decide(asked("corp|eng"), now=0.0)
    assert (allowed.code, allowed.policies) == (ReasonCode.ALLOWED, ("eng",))
    assert deciding.decide(asked("corp|ops"), now=0.0).code is ReasonCode.NO_POLICY_ALLOWS
    explained = deciding.explain(asked("corp|eng", ip="10.0.0.1"), now=0.0, values=Values.MASKED).slice
    assert explained is not None
    (policy,) = explained.policies
    assert (policy.id, policy.file, policy.line) == ("eng", "policies/a.links.yaml", 3)
    assert [(part.text, part.line) for part in policy.clauses[0].parts] == [("context has ip", 4)]
