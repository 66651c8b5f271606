"""Reads a policy: from its text to sentences, obligations, and what could not be read.

Pure, and total: every text compiles. What is not understood is named, so that every
line belongs to a sentence, a heading, markup, or an `unparsed` region.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from holdfast.domain.policy.anchors import anchor, shape, text_digest
from holdfast.domain.policy.blocks import Block, Heading, read_blocks
from holdfast.domain.policy.contradictions import find_contradictions
from holdfast.domain.policy.defects import find_defects
from holdfast.domain.policy.inline import names_of
from holdfast.domain.policy.lines import Page, read_page
from holdfast.domain.policy.model import (
    CompiledPolicy,
    Defect,
    LineKind,
    OpenQuestion,
    Placeholder,
    Sentence,
    Status,
    Unparsed,
)
from holdfast.domain.policy.openings import open_questions
from holdfast.domain.policy.outline import Outline, acronyms_of
from holdfast.domain.policy.owners import named_roles, owner_of
from holdfast.domain.policy.placeholders import find_placeholders
from holdfast.domain.policy.recogniser import read
from holdfast.domain.policy.recognisers.phrases import vague_word
from holdfast.domain.policy.statement import Statement
from holdfast.domain.questions import ROLE_NAMES, Question

_SIGNS_ONLY = re.compile(r"[\W_]*(?:\d{1,9}[.)]\s*)?")
_TOO_LONG = 4_000
_BOLD = re.compile(r"[*_`]")


def compile_policy(text: str) -> CompiledPolicy:
    """Compile a policy's text; whatever it is, the result says what was made of it."""
    page = read_page(text)
    names = names_of(text, page.link_labels)
    blocks = read_blocks(page, names)
    title = _title(page, blocks)
    outline = Outline(title, acronyms_of(_BOLD.sub("", text)))
    statements, unread = _split_readable(outline.statements(blocks))
    sentences = _with_owners([_sentence(statement) for statement in statements])
    _claim_lines(page, statements)
    unparsed = (*unread, *_unclaimed(page))
    placeholders = _placeholders(page, blocks, statements, sentences)
    asked = _open(statements, sentences)
    return CompiledPolicy(
        digest=text_digest(text),
        title=title,
        sentences=tuple(
            replace(sentence, open_questions=tuple(q.name for q in questions))
            for sentence, questions in zip(sentences, asked, strict=True)
        ),
        placeholders=placeholders,
        open_questions=tuple(
            _question(question, sentence)
            for sentence, questions in zip(sentences, asked, strict=True)
            for question in questions
        ),
        contradictions=find_contradictions(tuple(sentences)),
        unparsed=tuple(sorted(unparsed, key=lambda region: region.lines)),
        defects=(*_page_defects(page), *find_defects(statements, sentences)),
        line_kinds=tuple(kind or "unparsed" for kind in page.kinds),
    )


def _title(page: Page, blocks: list[Block]) -> str:
    for key in ("title", "name"):
        if page.front.get(key):
            return page.front[key]
    headings = [block for block in blocks if isinstance(block, Heading)]
    top = [heading for heading in headings if heading.level == 1]
    return next((heading.text for heading in (*top, *headings)), "")


def _split_readable(
    statements: list[Statement],
) -> tuple[list[Statement], list[Unparsed]]:
    """Set aside what is no sentence any more: nobody reads 4,000 characters in one."""
    readable = [s for s in statements if len(s.text) <= _TOO_LONG or s.code]
    unread = [
        Unparsed(
            (s.first + 1, s.last + 1),
            s.text[:200],
            f"a sentence of more than {_TOO_LONG:,} characters",
        )
        for s in statements
        if len(s.text) > _TOO_LONG and not s.code
    ]
    return readable, unread


def _sentence(statement: Statement) -> Sentence:
    reading = read(statement)
    label = statement.label or ""
    lead_in = statement.lead_ins[0] if statement.lead_ins else ""
    parts = (statement.text, statement.headings, label, lead_in)
    owed = bool(reading.obligations or reading.facts)
    return Sentence(
        anchor=anchor(*parts),
        shape=shape(*parts),
        section=statement.section,
        heading_path=statement.headings,
        label=statement.label,
        lead_in=lead_in or None,
        lines=(statement.first + 1, statement.last + 1),
        text=statement.text,
        kind=reading.kind,
        status=_status(
            statement,
            owed=owed,
            bound=bool(reading.obligations),
            ambiguous=reading.ambiguous,
        ),
        obligations=reading.obligations,
        note=reading.note or _vague_note(statement),
        facts=reading.facts,
    )


def _status(
    statement: Statement, *, owed: bool, bound: bool, ambiguous: bool
) -> Status:
    if statement.placeholders:
        return "placeholder"
    if ambiguous and owed:
        return "ambiguous"
    return "bound" if bound else "informational"


def _vague_note(statement: Statement) -> str | None:
    word = vague_word(statement.text)
    return f'"{word}" cannot be measured' if word else None


def _with_owners(sentences: list[Sentence]) -> list[Sentence]:
    names = named_roles(o for sentence in sentences for o in sentence.obligations)
    return [
        replace(
            sentence,
            obligations=tuple(
                o if o.owner else replace(o, owner=owner_of(o, names))
                for o in sentence.obligations
            ),
        )
        for sentence in sentences
    ]


def _open(
    statements: list[Statement], sentences: list[Sentence]
) -> list[tuple[Question, ...]]:
    """Return each sentence's open questions; each is asked once, where it first is."""
    asked: set[str] = set()
    found: list[tuple[Question, ...]] = []
    for statement, sentence in zip(statements, sentences, strict=True):
        here: dict[str, Question] = {}
        for obligation in sentence.obligations:
            for question in open_questions(statement, obligation):
                if question.name not in asked:
                    here[question.name] = question
        asked |= here.keys()
        found.append(tuple(here.values()))
    return found


def _question(question: Question, sentence: Sentence) -> OpenQuestion:
    return OpenQuestion(
        question.name,
        sentence.anchor,
        question.asks,
        question.default,
        ROLE_NAMES[question.approver],
    )


def _claim_lines(page: Page, statements: list[Statement]) -> None:
    for statement in statements:
        for index in range(statement.first, statement.last + 1):
            if page.kinds[index] in (None, "markup"):
                page.kinds[index] = "sentence"


def _unclaimed(page: Page) -> Iterator[Unparsed]:
    """Name the lines that nothing claimed; bare signs of lists are markup."""
    start: int | None = None
    for index, line in enumerate(page.raw):
        if page.kinds[index] is None and _SIGNS_ONLY.fullmatch(line):
            page.kinds[index] = "markup"
    for index, kind in enumerate([*page.kinds, "blank"]):
        if kind is None and start is None:
            start = index
        elif kind is not None and start is not None:
            text = "\n".join(page.raw[start:index])
            yield Unparsed((start + 1, index), text[:200], "nested too deeply")
            _mark(page, start, index, "unparsed")
            start = None


def _mark(page: Page, start: int, end: int, kind: LineKind) -> None:
    for index in range(start, end):
        page.kinds[index] = kind


def _placeholders(
    page: Page,
    blocks: list[Block],
    statements: list[Statement],
    sentences: list[Sentence],
) -> tuple[Placeholder, ...]:
    found = [
        Placeholder(text, number + 1, None)
        for number, line in enumerate(page.raw)
        if page.kinds[number] == "front_matter"
        for text in find_placeholders(_after_key(line))
    ]
    for block in blocks:
        if isinstance(block, Heading):
            blanks = find_placeholders(block.text)
            found += [Placeholder(text, block.first + 1, None) for text in blanks]
    for statement, sentence in zip(statements, sentences, strict=True):
        if statement.code:
            continue
        label = () if statement.cells else find_placeholders(statement.label or "")
        found += [
            Placeholder(text, statement.first + 1, sentence.anchor)
            for text in (*label, *statement.placeholders)
        ]
    return tuple(sorted(found, key=lambda placeholder: placeholder.line))


def _after_key(line: str) -> str:
    # A list in YAML ("tags: [a, b]") is no blank.
    value = line.partition(":")[2].strip()
    return "" if value.startswith("[") else value


def _page_defects(page: Page) -> Iterator[Defect]:
    if page.unclosed_front_matter:
        yield Defect(1, "front matter begins and does not end")
