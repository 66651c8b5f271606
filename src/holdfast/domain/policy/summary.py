"""A policy as a person would sum it up: its figures, and what was not understood.

Values are in the policy's words, cadences in the field's ("annual", "semi-annual").
A field with one value is that value; with several it is a list of tier and value.
"""

from __future__ import annotations

from dataclasses import asdict

from holdfast.domain.policy.model import CompiledPolicy, Fact, FactField, Sentence

_SCALARS: tuple[FactField, ...] = (
    "rto",
    "rpo",
    "availability",
    "backup_frequency",
    "restore_test_frequency",
    "dr_test_frequency",
    "tabletop_frequency",
    "policy_review",
)


def summarise(policy: CompiledPolicy) -> dict[str, object]:
    """Return the summary's fields, and what was left unparsed."""
    found: dict[str, object] = {field: _value(policy, field) for field in _SCALARS}
    for field in ("offsite", "encrypted", "pitr"):
        found[field] = True if any(f.field == field for f in _facts(policy)) else None
    found["notify"] = _unique([_notice(fact) for fact in _of(policy, "notify")])
    patches = _unique([_patch(fact) for fact in _of(policy, "patch_deadlines")])
    found["patch_deadlines"] = patches or None
    found["activation_thresholds"] = list(
        dict.fromkeys(fact.value for fact in _of(policy, "activation_thresholds"))
    )
    found["placeholders"] = list(dict.fromkeys(p.text for p in policy.placeholders))
    found["other"] = _other(policy)
    found["traps"] = _traps(policy)
    found["unparsed"] = [asdict(region) for region in policy.unparsed]
    return found


def _facts(policy: CompiledPolicy) -> list[Fact]:
    return [fact for sentence in policy.sentences for fact in sentence.facts]


def _of(policy: CompiledPolicy, field: FactField) -> list[Fact]:
    return [fact for fact in _facts(policy) if fact.field == field]


def _value(policy: CompiledPolicy, field: FactField) -> object:
    facts = [
        (sentence, fact)
        for sentence in policy.sentences
        for fact in sentence.facts
        if fact.field == field
    ]
    values = list(dict.fromkeys(f.value for _, f in facts if f.value is not None))
    tiers = list(dict.fromkeys(fact.of for _, fact in facts if fact.of))
    if not values:
        return None
    if len(tiers) > 1 or (len(values) > 1 and tiers):
        return _tiers([fact for _, fact in facts])
    if len(values) == 1 or field not in (
        "rto",
        "rpo",
        "availability",
        "backup_frequency",
    ):
        return values[0]
    return _tiers([_named(*pair) for pair in facts if pair[1].value is not None])


def _named(sentence: Sentence, fact: Fact) -> Fact:
    name = sentence.label or (sentence.heading_path or ("",))[-1]
    return Fact(fact.field, fact.value, fact.of or name)


def _tiers(facts: list[Fact]) -> list[dict[str, object]]:
    return _unique([_tier(fact) for fact in facts])


def _tier(fact: Fact) -> dict[str, object]:
    found: dict[str, object] = {"tier": fact.of or "all", "value": fact.value}
    if fact.placeholder is not None:
        found["placeholder"] = fact.placeholder
    return found


def _notice(fact: Fact) -> dict[str, object]:
    return {
        "who": fact.who,
        "channel": fact.channel,
        "within": fact.value,
        "trigger": fact.trigger,
    }


def _patch(fact: Fact) -> dict[str, object]:
    found: dict[str, object] = {"severity": fact.of}
    if fact.cvss is not None:
        found["cvss"] = fact.cvss
    found["value"] = fact.value
    if fact.placeholder is not None:
        found["placeholder"] = fact.placeholder
    return found


def _other(policy: CompiledPolicy) -> list[dict[str, object]]:
    """Return the rest; the cells of one column of a table are one entry."""
    columns: dict[str, list[str]] = {}
    entries: list[dict[str, object]] = []
    for fact in _of(policy, "other"):
        if fact.who is None:
            entries.append({"what": fact.of, "value": fact.value})
        else:
            columns.setdefault(fact.of or "", []).append(f"{fact.who} {fact.value}")
    entries += [{"what": k, "value": ", ".join(cells)} for k, cells in columns.items()]
    return _unique(entries)


def _traps(policy: CompiledPolicy) -> list[str]:
    notes = [
        f"line {sentence.lines[0]}: {sentence.note}"
        for sentence in policy.sentences
        if sentence.note
    ]
    defects = [f"line {defect.line}: {defect.message}" for defect in policy.defects]
    return [*notes, *defects]


def _unique(entries: list[dict[str, object]]) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    for entry in entries:
        if entry not in found:
            found.append(entry)
    return found
