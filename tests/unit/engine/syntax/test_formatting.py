import pytest

from pdp.core.contract.errors import ConfigurationError, Problem
from pdp.core.engine.syntax.formatting import formatted


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", ""),
        ("\n \n", ""),
        ("// only", "// only\n"),
        ("\n\n// a\n\n\n\n// b  \n\n", "// a\n\n// b\n"),
        ("permit(principal,action,resource);", "permit (principal, action, resource);\n"),
        (
            "// head\r\n\r\n// a\r\npermit(principal,action,resource);//b\r\n"
            "permit(principal,action,resource);\r\n// c\r\n",
            "// head\n\n// a\npermit (principal, action, resource); //b\n\n"
            "permit (principal, action, resource);\n\n// c\n",
        ),
        (
            '@id("a")@note forbid(principal is User in ?principal,action in [Action::"a",Action::"b",],resource)'
            'when{context.a==007&&context["b"]}unless{"two\nlines"=="x;"};',
            '@id("a")\n@note\nforbid (\n    principal is User in ?principal,\n'
            '    action in [Action::"a", Action::"b"],\n    resource\n)\n'
            'when { context.a == 7 && context["b"] }\nunless { "two\nlines" == "x;" };\n',
        ),
        (
            "permit(principal,action,resource)when{// who\ncontext.a // what\n==1};",
            "permit (principal, action, resource)\nwhen\n{ // who\n    context.a // what\n     == 1\n};\n",
        ),
    ],
)
def test_policies_get_one_layout_and_keep_their_comments(before: str, after: str) -> None:
    assert formatted(before.encode(), file="p.cedar") == after
    assert formatted(after.encode(), file="p.cedar") == after


def test_every_policy_that_would_lose_a_comment_is_reported_with_it() -> None:
    text = (
        'permit(principal, action in [Action::"a", // one\n], resource);\n'
        "permit(principal, action, resource);\n"
        'permit(principal, action in [\n  Action::"a", // two\n], resource);\n'
    )
    with pytest.raises(ConfigurationError) as refused:
        formatted(text.encode(), file="p.cedar")
    message = "Cedar's formatter would lose this: put the comment on another line"
    assert refused.value.problems == (
        Problem("p.cedar", 1, 43, "not_formattable", message),
        Problem("p.cedar", 5, 16, "not_formattable", message),
    )


def test_what_cannot_be_read_is_not_formatted() -> None:
    with pytest.raises(ConfigurationError) as refused:
        formatted(b"permit(principal, action, resource);\npermit;\n\xff", file="p.cedar")
    assert [(problem.line, problem.code) for problem in refused.value.problems] == [(3, "encoding")]
