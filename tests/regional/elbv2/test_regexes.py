"""Regular expressions: against Python's, and laws of the machine that matches them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antipodes.regional.elbv2 import regexes
from antipodes.regional.elbv2.regexes import BadRegex, Regex, TooLong

PLAIN = ("a", "b", "A", "/", ".", r"\.", r"\d", r"\W", r"\s", "[ab]", "[^a]", "[a-c/]", r"[\d-]")
ATOMS = st.sampled_from((*PLAIN, "^", "$", r"\b", r"\B"))
QUANTIFIERS = st.sampled_from(
    ["", "", "*", "+", "?", "*?", "+?", "??", "{2}", "{1,2}", "{0,2}?", "{1,}"]
)
TEXTS = st.text("abAB/.-1 {", min_size=1, max_size=10)  # Python has its own idea of r"\B" in ""


def grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    group = st.tuples(st.sampled_from(["(", "(?:"]), inner, QUANTIFIERS)
    return st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map("|".join),
        group.map(lambda parts: f"{parts[0]}{parts[1]}){parts[2]}"),
    )


CONSUMING = st.sampled_from(["a", "b", "A", "/", ".", r"\d", "[ab]", "[^a]"])
PATTERNS = st.recursive(st.tuples(CONSUMING, QUANTIFIERS).map("".join) | ATOMS, grown, max_leaves=8)


@given(pattern=PATTERNS, text=TEXTS, fold=st.booleans())
def test_what_is_found_is_what_python_finds(*, pattern: str, text: str, fold: bool) -> None:
    flags = re.ASCII | (re.IGNORECASE if fold else 0)
    expected = re.compile(pattern, flags).search(text) is not None
    regex = Regex(pattern, fold=fold)
    assert regex.found(text) is expected
    assert regex.found(text) is expected  # from what the first time left behind
    assert (regex.search(text) is not None) is expected


NEVER_EMPTY = st.recursive(
    st.tuples(CONSUMING, st.sampled_from(["", "+", "+?", "{1,2}", "{2,3}?"])).map("".join),
    grown,
    max_leaves=6,
).filter(lambda pattern: not re.search(r"\)(\*|\?|\{0)", pattern))


@given(pattern=NEVER_EMPTY, text=TEXTS)
def test_groups_are_where_python_has_them(pattern: str, text: str) -> None:
    found = re.compile(pattern, re.ASCII).search(text)
    spans = Regex(pattern).search(text)
    if found is None:
        assert spans is None
    else:
        assert spans == [found.span(number) for number in range(len(found.groups()) + 1)]


@pytest.mark.parametrize(
    ("pattern", "text", "groups"),
    [
        (r"^mywebsite-(.+).com$", "mywebsite-example.com", ["example"]),
        (r"^/dp/([A-Za-z0-9]+)/?$", "/dp/B09G3HRMW/", ["B09G3HRMW"]),
        (r"(?P<a>x)|(?<b>[[:digit:]]+)", "no42", [None, "42"]),
        (r"(?i)API/(v\x31)", "/api/V1", ["V1"]),
        (r"a{,2}(b)", "a{,2}b", ["b"]),
        (r"[]x-](.)", "-y", ["y"]),
        (r"(\w+)\z", "/one/two", ["two"]),
    ],
)
def test_groups(pattern: str, text: str, groups: list[str | None]) -> None:
    spans = Regex(pattern).search(text)
    assert spans is not None
    assert [text[a:b] if a >= 0 else None for a, b in spans[1:]] == groups


@pytest.mark.parametrize("pattern", [r"(a*)*$", r"(a|a)*$", r"(a+)+$", r".*.*.*.*b$"])
def test_a_hostile_expression_is_matched_in_linear_steps(pattern: str) -> None:
    regex = Regex(f"^{pattern}")
    assert not regex.found("a" * 4_000 + "c")
    assert regex.search("a" * 500 + "c") is None


def test_an_automaton_that_grows_is_forgotten_and_right() -> None:
    regex = Regex("^[ab]*a[ab]{12}$")
    texts = [f"{number:014b}".replace("0", "a").replace("1", "b") for number in range(600)]
    assert [regex.found(text) for text in texts] == [text[1] == "a" for text in texts]
    assert 0 < len(regex._states) <= regexes._STATES_MAX
    letters = Regex("[^a]b")
    assert not any(letters.found(chr(number)) for number in range(200, 200 + 15_000))
    assert 0 < sum(len(s.ways) for s in letters._states.values()) <= regexes._WAYS_OUT_MAX


def test_a_text_that_would_take_too_long_is_not_tried() -> None:
    regex = Regex("(?:ab?){200}")
    with pytest.raises(TooLong):
        regex.found("a" * 16_000)
    with pytest.raises(TooLong):
        regex.search("a" * 16_000)


@pytest.mark.parametrize(
    "pattern",
    [
        *[
            "(",
            ")",
            "a)",
            "[",
            "[a",
            "*",
            "a**",
            "a*+",
            "a++",
            "(?=a)",
            "(?!a)",
            "(?<=a)",
            "(?<!a)",
        ],
        *["(?>a)", r"(a)\1", r"\p{L}", "(?R)", "(?1)", "(?m)a", "a{3,1}", "a{1001}", "\\", r"\xg0"],
        *[
            "[b-a]",
            r"[\d-a]",
            "[[:no:]]",
            "((a{30}){30}){30}",
            "(" * 60 + ")" * 60,
            r"\Ka",
            "(?P<a",
        ],
    ],
)
def test_expressions_that_are_refused(pattern: str) -> None:
    with pytest.raises(BadRegex):
        Regex(pattern)
