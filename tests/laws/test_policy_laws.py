"""Laws of the policy compiler: it is total, accounts for all, and anchors hold."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.domain.policy.shared import EXAMPLE, SEED, SEEN, read

from holdfast.domain.policy.compiler import compile_policy
from holdfast.domain.policy.model import CompiledPolicy
from holdfast.domain.policy.report import check_report
from holdfast.domain.policy.summary import summarise

_NEWLINE = re.compile(r"\r\n|\r|\n")
_SIGNS = re.findall(
    r"\S+",
    r"""
    - * + > # ## ``` ~~~ | |- --- === ::: [ ] ( ) [a](b) ![ ]( <!-- --> <A> </A> <A/>
    {{ }} {% %} ** __ ` \ a. i. 1. 99.9% 4 hours within RTO must notify customers (e.g.,
    [x] import X from 'y' +---+ +===+ é 😀 title: daily annually :
    """,
)
_SPACES = ["\n", "\n\n", "\r\n", "\r", "    ", "  \n", "\t", "\x00", "\x1e", "\ufeff"]
_TABLE = "\n| a | b |\n|---|---|\n"
_PIECES = st.sampled_from([*_SIGNS, *_SPACES, " ", "\u2028", _TABLE])
DOCUMENTS = st.one_of(
    st.text(max_size=400), st.lists(_PIECES, max_size=80).map("".join)
)


def assert_accounted_for(text: str, policy: CompiledPolicy) -> None:
    """Check that each line belongs to something, and to what it says."""
    lines = _NEWLINE.split(text)
    assert len(policy.line_kinds) == len(lines)
    covered = {
        number
        for region in (*policy.sentences, *policy.unparsed)
        for number in range(region.lines[0], region.lines[1] + 1)
    }
    assert covered <= set(range(1, len(lines) + 1))
    for number, (line, kind) in enumerate(
        zip(lines, policy.line_kinds, strict=True), start=1
    ):
        if kind in ("sentence", "unparsed"):
            assert number in covered
        if kind == "blank":
            assert not re.search(r"\w", line)


@settings(max_examples=400, deadline=None)
@given(DOCUMENTS)
@example("[" * 50_000)
@example("> " * 5_000)
@example("<" * 20_000 + "</A>" * 1_000)
@example("\x00\n\x1e\r\r\n\ufeff")
@example(" " * 50_000 + "x\n" + "\t" * 50_000)
@example("---\nkey: value\n")
@example("+-+\n|a|\n+-+\n|b|\n+=+\n")
@example("- " * 2_000 + "\n")
@example("<!-- " * 5_000)
def test_every_text_compiles_and_every_line_is_accounted_for(text: str) -> None:
    """Whatever the text, it compiles, and no line of it is dropped in silence."""
    policy = compile_policy(text)
    assert_accounted_for(text, policy)
    check_report(policy)
    summarise(policy)


@pytest.mark.parametrize("path", [EXAMPLE, *SEED, *SEEN], ids=lambda path: path.stem)
def test_words_of_real_policies_are_read(path: Path) -> None:
    """Each word of a line that is a sentence's stands in a sentence on that line."""
    text = read(path)
    policy = compile_policy(text)
    assert_accounted_for(text, policy)
    for number, line in enumerate(_NEWLINE.split(text), start=1):
        if policy.line_kinds[number - 1] != "sentence":
            continue
        here = " ".join(
            f"{s.label or ''} {s.text} {s.lead_in or ''}"
            for s in policy.sentences
            if s.lines[0] <= number <= s.lines[1]
        )
        bare = re.sub(r"\]\([^)]*\)|<[^>]*>", "", line)
        missing = set(re.findall(r"[A-Za-z]{5,}", bare)) - set(
            re.findall(r"[A-Za-z]{5,}", here)
        )
        assert missing == set()


_WORDS = st.lists(
    st.sampled_from(
        ["backups", "must", "be", "taken", "by", "staff", "daily", "there"]
    ),
    min_size=3,
    max_size=14,
)


def one_anchor(text: str) -> tuple[str, str]:
    """Return anchor and shape of the only sentence of a text."""
    (sentence,) = compile_policy(text).sentences
    return sentence.anchor, sentence.shape


@given(_WORDS, st.data())
def test_wrapping_and_emphasis_leave_an_anchor_alone(
    words: list[str], data: st.DataObject
) -> None:
    """Lines wrapped anew and words set in bold change no anchor."""
    plain = f"# 5. Data\n\nHere {' '.join(words)}.\n"
    gaps = [data.draw(st.sampled_from([" ", "\n", "  "])) for _ in words]
    marks = [data.draw(st.sampled_from(["", "**", "*"])) for _ in words]
    dressed = "".join(
        f"{gap}{mark}{word}{mark}"
        for gap, mark, word in zip(gaps, marks, words, strict=True)
    )
    changed = f"# 5. Data\n\nHere{dressed}.\n".replace("  \n", " \n")
    assert one_anchor(changed) == one_anchor(plain)


@given(st.integers(1, 99), st.integers(1, 99))
def test_a_heading_s_number_leaves_an_anchor_alone(one: int, other: int) -> None:
    """Sections may be numbered anew without any decision losing its sentence."""
    text = "## {}.{} Data\n\nBackups are kept.\n"
    assert one_anchor(text.format(one, other)) == one_anchor(text.format(other, one))


@given(st.integers(1, 9999), st.integers(1, 9999))
def test_a_number_changes_the_anchor_and_not_the_shape(one: int, other: int) -> None:
    """A changed value is a changed sentence of the same shape."""
    text = "# Data\n\n- **RTO:** Restored within {} hours.\n"
    first, second = one_anchor(text.format(one)), one_anchor(text.format(other))
    assert (first[0] == second[0]) == (one == other)
    assert first[1] == second[1]


@given(_WORDS, _WORDS)
def test_words_change_anchor_and_shape(one: list[str], other: list[str]) -> None:
    """Other words are another sentence, by anchor and by shape."""
    text = "# Data\n\nHere {}.\n"
    first, second = (
        one_anchor(text.format(" ".join(one))),
        one_anchor(text.format(" ".join(other))),
    )
    assert (first == second) == (one == other)
    assert (first[1] == second[1]) == (one == other)


@given(st.sampled_from(["label", "lead_in", "heading"]))
def test_what_stands_above_is_part_of_an_anchor(part: str) -> None:
    """The same words below another label, lead-in or heading are another sentence."""
    words = {"heading": "Data", "lead_in": "We do", "label": "Copies"}
    text = "# {heading}\n\n{lead_in}:\n\n- **{label}:** Kept daily.\n"
    before = compile_policy(text.format(**words)).sentences[-1]
    after = compile_policy(text.format(**words | {part: "Other"})).sentences[-1]
    assert before.text == after.text
    assert before.anchor != after.anchor


@given(DOCUMENTS)
@settings(max_examples=50, deadline=None)
def test_compiling_is_deterministic(text: str) -> None:
    """The same text compiles to the same policy."""
    assert compile_policy(text) == compile_policy(text)
