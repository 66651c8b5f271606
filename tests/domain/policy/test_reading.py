"""Lines, blocks, labels and lead-ins: where a sentence begins and what stands above."""

from __future__ import annotations

import pytest

from holdfast.domain.policy.compiler import compile_policy
from holdfast.domain.policy.model import Sentence


def sentences(text: str) -> list[Sentence]:
    """Return the sentences of a text."""
    return list(compile_policy(text).sentences)


def texts(text: str) -> list[str]:
    """Return what the sentences of a text say."""
    return [sentence.text for sentence in sentences(text)]


def test_abbreviations_end_no_sentence() -> None:
    """Neither "e.g." nor a version number nor a bracket splits a sentence."""
    text = "Clouds, e.g. AWS, count (see No. 4. Or not). Version 3.5 is used. Yes."
    assert texts(text) == [
        "Clouds, e.g. AWS, count (see No. 4. Or not).",
        "Version 3.5 is used.",
        "Yes.",
    ]


def test_sentences_know_their_lines() -> None:
    """A sentence's lines are those it stands on, wrapped or not."""
    found = sentences("# T\n\nOne is\nhere. Two is\nhere too.\n")
    assert [sentence.lines for sentence in found] == [(3, 4), (4, 5)]


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_line_endings_do_not_matter(newline: str) -> None:
    """A file from any system has the same sentences on the same lines."""
    found = sentences(newline.join(["# T", "", "One.", "", "- Two."]))
    assert [sentence.lines for sentence in found] == [(3, 3), (5, 5)]


def test_labels_and_headings() -> None:
    """A bold label is no part of the text, and a heading's number is the section."""
    (found,) = sentences(
        "# T\n\n## 4. Data\n\n### 4.2 Copies\n\n* **Backups:** Daily.\n"
    )
    assert (found.label, found.text, found.section) == ("Backups", "Daily.", "4.2")
    assert found.heading_path == ("T", "4. Data", "4.2 Copies")


def test_items_know_their_lead_in() -> None:
    """A list item carries the sentence that leads to it, a paragraph after it not."""
    found = sentences("We do:\n\n- this\n- that\n\nDone.\n")
    assert [sentence.lead_in for sentence in found] == [None, "We do:", "We do:", None]


def test_letters_are_markers_of_a_list() -> None:
    """Lists marked by letters and small Roman numbers are lists, inside each other."""
    found = sentences("a. We do:\n\n    i. this\n\n    i. that\n\nb. Done.\n")
    assert [sentence.text for sentence in found] == ["We do:", "this", "that", "Done."]
    assert found[2].lead_in == "We do:"
    assert found[3].lead_in is None


@pytest.mark.parametrize(
    "front",
    ["---\ntitle: T\n---\n", "title: T\nx:\n  - y\n---\n", '+++\ntitle = "T"\n+++\n'],
)
def test_front_matter_is_no_sentence(front: str) -> None:
    """Front matter is known with and without its opening line, in YAML and TOML."""
    policy = compile_policy(front + "\nOne.\n")
    assert policy.title == "T"
    assert [sentence.text for sentence in policy.sentences] == ["One."]


def test_markup_is_no_sentence() -> None:
    """Comments, imports, navigation and directives say nothing."""
    text = (
        "import A from 'a'\n\n<!-- not\n\nthis -->\n\n<AnchorLinks>\n"
        "  <AnchorLink>Purpose</AnchorLink>\n</AnchorLinks>\n\n{% if x %}\n\nOne.\n\n"
        "{% endif %}\n\n\\pagebreak\n\n[a]: https://example.com\n\n::: note\n"
    )
    policy = compile_policy(text)
    assert [sentence.text for sentence in policy.sentences] == ["One."]
    assert policy.unparsed == ()


def test_links_are_their_words() -> None:
    """Links, pictures, footnotes and references leave their words and no brackets."""
    text = "See [the plan](https://x/a_(b)), ![alt](i.png)[^1] and [b][a].\n\n[a]: u\n"
    policy = compile_policy(text)
    assert policy.sentences[0].text == "See the plan, alt and b."
    assert policy.placeholders == ()


def test_code_is_shown_and_not_read() -> None:
    """A fenced block is one sentence that obliges nobody."""
    (found,) = sentences("```\nBackups must be taken daily.\n```\n")
    assert found.kind == "informational"
    assert found.obligations == ()


def test_what_is_too_deep_is_named() -> None:
    """Lists nested beyond reason are an unparsed region and not silence."""
    text = "".join(f"{'  ' * depth}- item {depth}\n" for depth in range(80))
    policy = compile_policy(text)
    assert policy.unparsed
    assert policy.unparsed[-1].lines[1] == 80


def test_what_is_too_long_is_named() -> None:
    """A sentence that nobody could read is set aside with a reason."""
    (region,) = compile_policy("word " * 2000).unparsed
    assert "4,000" in region.reason


def test_numbered_clauses_are_split() -> None:
    """Clauses numbered at the start of their lines are sentences of their own."""
    assert texts("1.1 First clause\n1.2 Second clause\n") == [
        "First clause",
        "Second clause",
    ]


def test_rows_are_sentences_with_their_heads() -> None:
    """A row is one sentence: the first cell its label, the others with their heads."""
    text = "| Role | Duty | Deputy |\n|---|---|---|\n| Lead | Leads | Ann |\n| | | |\n"
    (found,) = sentences(text)
    assert (found.label, found.text) == ("Lead", "Duty: Leads; Deputy: Ann")
