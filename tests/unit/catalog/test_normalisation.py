from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from pdp.core.catalog.forms.form import FormError
from pdp.core.catalog.forms.host import normalise_host
from pdp.core.catalog.forms.path import normalise_path
from pdp.core.catalog.forms.url import normalise_url

FORMS: dict[str, Callable[[str], str]] = {"path": normalise_path, "host": normalise_host, "url": normalise_url}
CORPUS: dict[str, list[dict[str, str]]] = yaml.safe_load(
    Path(__file__).with_name("normalisation_corpus.yaml").read_text()
)


def rows(outcome: str) -> Iterator[Any]:
    for kind, listed in CORPUS.items():
        for row in listed:
            if outcome in row:
                yield pytest.param(FORMS[kind], row["given"], row[outcome], id=f"{kind}: {row['given']!a}")


@pytest.mark.parametrize(("form", "given", "becomes"), list(rows("becomes")))
def test_what_readers_read_alike_has_one_form(form: Callable[[str], str], given: str, becomes: str) -> None:
    assert form(given) == becomes
    assert form(becomes) == becomes


@pytest.mark.parametrize(("form", "given", "rule"), list(rows("refused")))
def test_what_readers_could_read_differently_is_refused_by_its_rule(
    form: Callable[[str], str], given: str, rule: str
) -> None:
    with pytest.raises(FormError) as refused:
        form(given)
    assert str(refused.value) == rule


def test_every_row_says_why_and_stands_once() -> None:
    found = [(kind, row["given"]) for kind, listed in CORPUS.items() for row in listed]
    assert len(found) == len(set(found))
    assert {frozenset(row) for listed in CORPUS.values() for row in listed} == {
        frozenset({"given", "why", "becomes"}),
        frozenset({"given", "why", "refused"}),
    }


@pytest.mark.parametrize("kind", sorted(FORMS))
@pytest.mark.parametrize("text", ["a" * 100_000, "\u0390" * 8_000, "%41" * 50_000, "a." * 50_000, "\ud800", "a/\udfff"])
def test_no_text_is_more_than_a_refusal(kind: str, text: str) -> None:
    prefix = "https://h/" if kind == "url" else ""
    with pytest.raises(FormError):
        FORMS[kind](prefix + text)


def test_what_grows_beyond_the_bound_is_refused() -> None:
    with pytest.raises(FormError, match="8192"):
        normalise_url("https://h/" + "\u00e9" * 2_000)
    with pytest.raises(FormError, match="4096"):
        normalise_path("\U0001d160" * 2_000)
    with pytest.raises(FormError, match="253"):
        normalise_host(".".join(["a" * 60] * 5))
