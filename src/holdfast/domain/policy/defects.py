"""What is wrong in the text itself: loose ends that a person should mend."""

from __future__ import annotations

import re
from collections.abc import Iterator

from holdfast.domain.policy.model import Defect, Sentence
from holdfast.domain.policy.statement import Statement

_WITH_ITSELF = re.compile(
    r"\b(?:the )?(?P<who>[A-Z][\w.-]*(?: [A-Z][\w.-]*){0,3}) (?:will|shall|must|"
    r"should|may) "
    r"(?:\w+ly )?(?:confer|consult|meet|coordinate|communicate|work|liaise|report|"
    r"escalate)"
    r"\w* (?:with|to) (?:the )?(?P=who)\b"
)
_ANNOUNCES = re.compile(
    r"\b(?:the )?following\b|\bas follows\b|\bbelow\b", re.IGNORECASE
)


def find_defects(
    statements: list[Statement], sentences: list[Sentence]
) -> Iterator[Defect]:
    """Return the defects of a policy in the order of their kinds."""
    for statement in statements:
        line = statement.first + 1
        if match := _WITH_ITSELF.search(statement.text):
            yield Defect(line, f"{match['who']} is to deal with itself: who is meant?")
        if (
            statement.text.endswith(":")
            and not statement.announces
            and not statement.cells
            and not statement.code
            and _ANNOUNCES.search(statement.text)
        ):
            yield Defect(line, "announces what does not follow")
    yield from _empty_columns(statements)
    yield from _repeated(sentences)


def _empty_columns(statements: list[Statement]) -> Iterator[Defect]:
    tables: dict[tuple[tuple[str, ...], tuple[str, ...]], list[Statement]] = {}
    for statement in statements:
        if statement.cells:
            heads = tuple(head for head, _ in statement.cells)
            tables.setdefault((statement.headings, heads), []).append(statement)
    for (_, heads), rows in tables.items():
        for number, head in enumerate(heads):
            if head and not any(row.cells[number][1] for row in rows):
                yield Defect(rows[0].first + 1, f'the column "{head}" is empty')


def _repeated(sentences: list[Sentence]) -> Iterator[Defect]:
    seen: dict[str, Sentence] = {}
    for sentence in sentences:
        first = seen.setdefault(sentence.anchor, sentence)
        if first is not sentence and sentence.obligations:
            yield Defect(
                sentence.lines[0],
                f"says the same as line {first.lines[0]} in the same place",
            )
