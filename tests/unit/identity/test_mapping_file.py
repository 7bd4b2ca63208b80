import pytest

from pdp.core.identity.attribute import AttributeType
from pdp.core.identity.path import ClaimPath, read_path
from tests.unit.identity.mappings import mapping, problems


def test_every_problem_of_a_file_is_told_with_its_line() -> None:
    assert problems(
        """
        version: 2
        attributes:
          email: string
          groups: string
          shoe-size: long
          badge: text
        scopes: {implies: {a: [b], b: [a]}}
        issuers:
          Corp:
            id: {claim: sub, default: nobody}
          corp:
            id: {claim: a.b}
            groups:
              - {claim: groups, dflt: []}
              - {claim: "$.roles.*"}
            tenant: {claim: "$.tenants[*]"}
            scopes: {default: 7}
            actor: {claim: azp, split: " "}
            attributes:
              emial: {claim: email}
              email: {claim: email, default: 7}
            agent: {id: {claim: azp}}
            delegation: {claim: act, issuers: {"https://x": "Not-An-Alias"}}
            refuse:
              - {when: {claim: a}, message: no}
              - {when: {claim: a, equals: b, is: present}, message: "two\\nlines"}
              - {when: {all: []}, message: ok}
          empty: {groups: {claim: groups}}
        extra: 1
        """
    ) == [
        "1: `version` is not as it must be: Invalid enum value 2",
        "4: `groups` cannot be an attribute: letters, digits and `_`, at most 64 and none of `groups`, `mapping`, "
        "`roles`, `tenant`",
        "5: `shoe-size` cannot be an attribute: letters, digits and `_`, at most 64 and none of `groups`, `mapping`, "
        "`roles`, `tenant`",
        "6: the type of an attribute is one of `string`, `long`, `boolean`, `decimal`, `datetime`, `ip`, "
        "`set of string`, `set of long`",
        "7: scope `a` implies itself",
        "9: `Corp` cannot be an issuer's alias: lower-case letters, digits and `-`",
        "10: an `id` has no default: many would be one",
        "12: `a.b` is neither a claim's name nor a path: write `$['a.b']` for a name like this",
        "14: `dflt` means nothing here; did you mean `default`?",
        "15: `$.roles.*` is no path of names and indexes, with `[*]` at its end at most",
        "16: one value is wanted here, and `[*]` is several",
        "17: `issuers.corp.scopes.default` is not as it must be: Expected `array`, got `int`",
        "18: only texts of which several are wanted are split",
        "20: `emial` is not declared in `attributes`",
        "21: `issuers.corp.attributes.email.default` must be a text of at most 4096 characters",
        "22: `issuers.corp.agent` needs `when`",
        "23: `Not-An-Alias` cannot be an issuer's alias: lower-case letters, digits and `-`",
        "25: a condition is `claim` with one of `equals`, `equals_claim`, `starts_with`, `ends_with`, `has` and `is`, "
        "or else one of `all`, `any` and `not`",
        "26: a condition is `claim` with one of `equals`, `equals_claim`, `starts_with`, `ends_with`, `has` and `is`, "
        "or else one of `all`, `any` and `not`",
        "27: `issuers.corp.refuse.2.when.all` needs conditions: of none it is not clear what holds",
        "28: `issuers.empty` needs `id`",
        "29: `extra` means nothing here",
    ]


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("version: 1", "1: the mapping needs an entry in `issuers`, or a `default`"),
        ("version: 1\nissuers: {}", "1: the mapping needs an entry in `issuers`, or a `default`"),
        ("- a", "1: the file is not as it must be: Expected `object`, got `array`"),
        ("", "1: the file is not as it must be: Expected `object`, got `null`"),
        ("default: {id: {claim: sub}}", "1: the file needs `version`"),
        ("version: 1\ndefault: {id: {}}", "2: a source needs `claim`, or a `default` that always counts"),
        ("version: 1\ndefault: {id: {claim: sub}, groups: []}", "2: `default.groups` names no source"),
        (
            "version: 1\ndefault: {id: {claim: a}, tenant: {claim: []}}",
            "2: a source needs `claim`, or a `default` that always counts",
        ),
        ("version: 1\ndefault: {id: {claim: $}}", "2: `$` names no claim"),
        ("version: 1\ndefault: {id: {claim: '$[0]'}}", "2: `$[0]` names no claim"),
        ("version: 1\ndefault: {id: {claim: '$..a'}}", "2: `$..a` is no path of names and indexes"),
        ("version: 1\ndefault: {id: {claim: '$.a[*].b'}}", "2: `$.a[*].b` is no path of names and indexes"),
        ('version: 1\ndefault: {id: {claim: "$[\'a"}}', "2: `$['a` is no path of names and indexes"),
        ("version: 1\ndefault: {id: {claim: '$.a.b.c.d.e.f.g.h.i'}}", "2: `$.a.b.c.d.e.f.g.h.i` has more than 8 steps"),
        ("version: 1\ndefault: {id: {claim: &a sub}}", "2: anchors are not supported"),
        ("version: 1\ndefault: {id: {claim: sub, claim: oid}}", "2: key `claim` stands here again"),
        (
            "version: 1\nattributes: {a: long}\ndefault: {id: {claim: sub}, attributes: {a: {claim: a, prefix: x}}}",
            "3: only texts have prefixes",
        ),
        (
            "version: 1\ndefault: {id: {claim: sub}, agent: "
            "{when: {not: {not: {not: {not: {not: {claim: a, is: present}}}}}}}}",
            "2: conditions nest at most 4 deep",
        ),
    ],
)
def test_a_file_that_could_be_read_in_two_ways_or_none_is_refused(text: str, wrong: str) -> None:
    found = problems(text)
    assert [one[: len(wrong)] for one in found[:1]] == [wrong]


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("groups", ("groups",)),
        ("$.a.b", ("a", "b")),
        ("$['https://example.com/roles'][*]", ("https://example.com/roles",)),
        ('$["a.b"][0][-1]', ("a.b", 0, -1)),
        (r"$['it\'s']['a\\b']", ("it's", r"a\b")),
        ("$.\u00e9t\u00e9", ("\u00e9t\u00e9",)),
    ],
)
def test_paths_name_claims_as_rfc_9535_does(text: str, steps: tuple[str | int, ...]) -> None:
    assert read_path(text) == ClaimPath(text, steps, members=text.endswith("[*]"))


def test_types_are_written_as_words_and_scopes_are_closed() -> None:
    read = mapping(
        """
        attributes: {a: set of long, b: ip}
        scopes: {implies: {a: [b], b: [c, d], c: [d]}}
        default: {id: {claim: sub}}
        """
    )
    assert read.attributes == {"a": AttributeType.LONGS, "b": AttributeType.IP}
    assert read.implies == {"a": ("b", "c", "d"), "b": ("c", "d"), "c": ("d",)}


def test_the_aliases_of_a_mapping_are_those_of_its_issuers_and_of_the_actors_that_they_name() -> None:
    text = "issuers: {corp: {id: {claim: sub}, delegation: {issuers: {'https://a': agents}}}, dev: {id: {claim: sub}}}"
    assert mapping(text).aliases == frozenset({"corp", "agents", "dev"})
    assert mapping(text + "\ndefault: {id: {claim: sub}}").aliases is None
