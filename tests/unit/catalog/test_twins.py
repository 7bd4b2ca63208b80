from typing import Final

import pytest

from pdp.core.text.twins import Names, skeletons, twins

TAKEN_FOR_ONE: Final = [
    # case
    ("read_file", "Read_File"),
    ("read_file", "READ_FILE"),
    ("listIssues", "listissues"),
    ("straße", "STRASSE"),
    ("Вася", "вася"),
    # separators
    ("read_file", "read-file"),
    ("read_file", "read.file"),
    ("read_file", "read file"),
    ("read_file", "read__file"),
    ("read_file", "_read_file_"),
    ("read_file", "readFile"),
    ("read_file", "read/file"),
    ("read_file", "read:file"),
    ("read_file", "read\u2013file"),
    ("read_file", "read\u00a0file"),
    ("read_file", "read\u203ffile"),
    ("v1_2", "v1.2"),
    # digits and letters
    ("all_items", "a11_items"),
    ("list", "1ist"),
    ("Info", "lnfo"),
    ("taIl", "tall"),
    ("open_tool", "open_t0ol"),
    ("o365", "O365"),
    ("return_item", "retum_item"),
    ("new_window", "nevv_window"),
    # look-alikes of other scripts
    ("paypal", "p\u0430ypal"),
    ("scope", "\u0455\u0441\u043e\u0440\u0435"),
    ("HEAD", "\u041d\u0415\u0410D"),
    ("Name", "\u039dame"),
    ("iota", "\u03b9ot\u03b1"),
    ("get_key", "get_\u212aey"),
    ("user", "\u057dser"),
    ("delete", "d\u0435l\u0435te"),
    ("list", "\u04c0ist"),
    ("go", "\u0261\u03bf"),
    # accents and strokes
    ("resume", "r\u00e9sum\u00e9"),
    ("resume", "re\u0301sume\u0301"),
    ("log", "l\u00f8g"),
    ("wallet", "wa\u0142\u0142et"),
    ("info", "\u0131nfo"),
    # forms
    ("file", "\ufb01le"),
    ("read", "\uff52\uff45\uff41\uff44"),
    ("read", "\U0001d4fb\U0001d4ee\U0001d4ea\U0001d4ed"),
    ("area2", "area\u00b2"),
    # what is not seen
    ("read_file", "read_\u200bfile"),
    ("read_file", "read_file\ufeff"),
    ("read_file", "\u202eread_file\u202c"),
    ("read_file", "read_file\U000e0041"),
    ("read_file", "read\u00ad_file"),
    ("read_file", "read_file\ufe0f"),
    ("read_file", "read_file\u3164"),
]
TOLD_APART: Final = [
    ("get_user", "get_users"),
    ("read_file", "read_files"),
    ("list_a", "list_b"),
    ("list_1", "list_2"),
    ("v1_2", "v12"),
    ("v1_12", "v11_2"),
    ("tail", "tall"),
    ("mail", "mall"),
    ("bill", "bili"),
    ("il", "li"),
    ("ai", "al"),
    ("read", "write"),
    ("read_file", "file_read"),
    ("read_file", "read_text_file"),
    ("git_diff", "git_diff_staged"),
    ("git_diff_staged", "git_diff_unstaged"),
    ("create", "delete"),
    ("close", "dose"),
    ("clog", "dog"),
    ("open", "reopen"),
    ("lock", "unlock"),
    ("get", "set"),
    ("get", "got"),
    ("post", "past"),
    ("man", "men"),
    ("foo", "fo"),
    ("s3_get", "s8_get"),
    ("s5", "ss"),
    ("b8", "bb"),
    ("z2", "zz"),
    ("item_0", "item_1"),
    ("item_10", "item_100"),
    ("import", "export"),
    ("enable", "disable"),
    ("user_id", "user_ip"),
    ("name", "game"),
    ("m", "n"),
    ("w", "v"),
    ("u", "v"),
    ("мой", "мои"),
    ("読む", "書く"),
    ("कि", "कु"),
    ("sync", "async"),
    ("query", "query2"),
    ("a", "aa"),
]


@pytest.mark.parametrize(("one", "other"), TAKEN_FOR_ONE)
def test_names_that_are_read_as_one_are_twins(one: str, other: str) -> None:
    assert twins([one, other]) == (tuple(sorted((one, other))),)
    assert (Names([one]).twin_of(other), Names([other]).twin_of(one)) == (one, other)


@pytest.mark.parametrize(("one", "other"), TOLD_APART)
def test_names_that_are_told_apart_are_no_twins(one: str, other: str) -> None:
    assert twins([one, other]) == ()
    assert (Names([one]).twin_of(other), Names([other]).twin_of(one)) == (None, None)


def test_the_corpus_is_as_large_as_it_claims_to_be() -> None:
    assert (len(set(TAKEN_FOR_ONE)), len(set(TOLD_APART))) == (51, 45)


def test_a_name_is_not_its_own_twin() -> None:
    assert twins(["read", "read"]) == ()
    assert Names(["read", "write"]).twin_of("read") is None


def test_a_name_among_its_twins_has_another_one_of_them() -> None:
    names = Names(["read", "READ", "Read"])
    assert [names.twin_of(name) for name in ("READ", "Read", "read", "reaD")] == ["Read", "READ", "READ", "READ"]


def test_groups_join_through_a_name_that_is_read_in_two_ways() -> None:
    assert twins(["info", "lnfo", "Info", "other"]) == (("Info", "info", "lnfo"),)


def test_names_of_nothing_that_is_seen_are_one() -> None:
    assert twins(["\u200b", "\u200c", "_", "a"]) == (("_", "\u200b", "\u200c"),)


def test_each_of_many_names_is_read_once_and_each_way_of_reading_is_short() -> None:
    names = [format(number, "b").replace("0", "l").replace("1", "I") for number in range(4096)]
    group = max(twins(names), key=len)
    assert len(group) == 2048
    assert {len(skeletons(name)) <= 2 for name in names} == {True}
    assert max(len(each) for each in skeletons("rn_" * 10_000)) == 10_000
