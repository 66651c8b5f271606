"""What the compiler made of a policy, as values for JSON."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from decimal import Decimal

from holdfast.domain.policy.model import CompiledPolicy, Obligation, Sentence


def check_report(policy: CompiledPolicy) -> dict[str, object]:
    """Return the policy's sentences, and all that is open or wrong about it."""
    return {
        "title": policy.title,
        "digest": policy.digest,
        "sentences": [_sentence(sentence) for sentence in policy.sentences],
        "placeholders": [asdict(each) for each in policy.placeholders],
        "open_questions": [asdict(each) for each in policy.open_questions],
        "contradictions": [_plain(asdict(each)) for each in policy.contradictions],
        "unparsed": [_plain(asdict(each)) for each in policy.unparsed],
        "defects": [asdict(each) for each in policy.defects],
        "lines": dict(Counter(policy.line_kinds)),
    }


def needs_mending(policy: CompiledPolicy) -> list[str]:
    """Return what a strict reader does not let pass, a line each."""
    found = [
        f"line {each.line}: placeholder {each.text}" for each in policy.placeholders
    ]
    found += [
        f"line {each.lines[0]}: unparsed ({each.reason})" for each in policy.unparsed
    ]
    found += [
        f"line {each.lines[0]}: ambiguous ({each.note})"
        for each in policy.sentences
        if each.status == "ambiguous"
    ]
    return found


def _sentence(sentence: Sentence) -> dict[str, object]:
    return {
        "anchor": sentence.anchor,
        "shape": sentence.shape,
        "section": sentence.section,
        "headings": list(sentence.heading_path),
        "label": sentence.label,
        "lead_in": sentence.lead_in,
        "lines": list(sentence.lines),
        "text": sentence.text,
        "kind": sentence.kind,
        "status": sentence.status,
        "obligations": [_obligation(each) for each in sentence.obligations],
        "open_questions": list(sentence.open_questions),
        "note": sentence.note,
    }


def _obligation(obligation: Obligation) -> dict[str, object]:
    """Return what an obligation has; what it has not is left out."""
    return {
        name: _plain(value)
        for name, value in asdict(obligation).items()
        if value is not None and value != ()
    }


def _plain(value: object) -> object:
    match value:
        case dict():
            return {name: _plain(inner) for name, inner in value.items()}
        case tuple() | list():
            return [_plain(inner) for inner in value]
        case Decimal():
            return str(value)
        case _:
            return value
