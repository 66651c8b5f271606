"""A fold as lines of JSON, typed by the state's own annotations.

Nothing is executed when it is read, and nothing is looked up by a name that the text
gives: each line says which of the state's fields it is for, and the field's type says
how it is read. Large maps have a line per key, so that neither side holds it twice.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from sys import intern
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from immutables import Map

from holdfast.domain.state import State

Convert = Callable[[Any], Any]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_PLAIN = (str, int, bool, None, NoneType)
_ENCODE = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def to_lines(state: State) -> Iterator[str]:
    """Yield the state's lines: the field, the key within it or ``None``, the value."""
    for name, kind in _shelves(State):
        value: Any = state
        for part in name.split("."):
            value = getattr(value, part)
        if get_origin(kind) is Map:
            encode = _encoder(get_args(kind)[1])
            for key, one in value.items():
                yield _ENCODE([name, key, encode(one)])
        else:
            yield _ENCODE([name, None, _encoder(kind)(value)])


def from_lines(lines: Iterable[str]) -> State:
    """Return the state of those lines; raises whatever wrong ones lead to."""
    kinds = dict(_shelves(State))
    maps = {n: Map[Any, Any]().mutate() for n, k in kinds.items() if _is_map(k)}
    keys = {n: _decoder(get_args(k)[0]) for n, k in kinds.items() if _is_map(k)}
    readers = {
        name: _decoder(get_args(kind)[1] if _is_map(kind) else kind)
        for name, kind in kinds.items()
    }
    found: dict[str, Any] = {}
    for line in lines:
        name, key, value = json.loads(line)
        if name in maps:
            maps[name][keys[name](key)] = readers[name](value)
        else:
            found[name] = readers[name](value)
    found |= {name: made.finish() for name, made in maps.items()}
    state: State = _assembled(State, "", found)
    return state


def _assembled(kind: Any, prefix: str, found: dict[str, Any]) -> Any:
    return kind(
        **{
            name: found[f"{prefix}{name}"]
            if f"{prefix}{name}" in found
            else _assembled(hint, f"{prefix}{name}.", found)
            for name, hint in _hints(kind)
        }
    )


def _shelves(kind: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield what gets lines of its own: each field, or those of one that holds maps."""
    for name, hint in _hints(kind):
        holds_maps = _is_class(hint) and any(_is_map(h) for _, h in _hints(hint))
        if holds_maps:
            yield from _shelves(hint, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", hint


def _is_map(kind: Any) -> bool:
    return get_origin(kind) is Map


def _is_class(kind: Any) -> bool:
    return is_dataclass(kind)


@cache
def _hints(kind: Any) -> tuple[tuple[str, Any], ...]:
    """Return a dataclass's fields with their types; `X[A]` has A for its parameter."""
    made = get_origin(kind) or kind
    hints = get_type_hints(made)
    given = dict(zip(getattr(made, "__parameters__", ()), get_args(kind), strict=True))
    return tuple((f.name, _filled(hints[f.name], given)) for f in fields(made))


def _filled(hint: Any, given: dict[Any, Any]) -> Any:
    if isinstance(hint, TypeVar):
        return given[hint]
    open_ones = getattr(hint, "__parameters__", ())
    return hint[tuple(given[one] for one in open_ones)] if open_ones else hint


@cache
def _encoder(kind: Any) -> Convert:
    """Return what turns a value of that type into JSON's own."""
    origin, inner = get_origin(kind), get_args(kind)
    if kind in _PLAIN or origin is Literal:
        return _same
    if kind is datetime:
        return lambda moment: (moment - _EPOCH) // _MICROSECOND
    if kind is timedelta:
        return lambda length: length // _MICROSECOND
    if origin in (Union, UnionType):
        return _union_encoder(inner)
    if origin is tuple and inner[1:] == (...,):
        each = _encoder(inner[0])
        return lambda value: [each(one) for one in value]
    if origin is tuple:
        places = [_encoder(one) for one in inner]
        return lambda value: [p(v) for p, v in zip(places, value, strict=True)]
    if origin is Map and inner[0] in (str, int):
        each = _encoder(inner[1])
        return lambda value: [[key, each(one)] for key, one in value.items()]
    if _is_class(origin or kind):
        parts = [(name, _encoder(hint)) for name, hint in _hints(kind)]
        return lambda value: [encode(getattr(value, name)) for name, encode in parts]
    raise TypeError(f"no way to keep a {kind}")


@cache
def _decoder(kind: Any) -> Convert:
    """Return what makes a value of that type from JSON's own."""
    origin, inner = get_origin(kind), get_args(kind)
    if kind is str or origin is Literal:
        return intern  # Most texts are names, and stand there many times.
    if kind in _PLAIN:
        return _exactly(kind)
    if kind is datetime:
        return lambda micros: _EPOCH + micros * _MICROSECOND
    if kind is timedelta:
        return lambda micros: micros * _MICROSECOND
    if origin in (Union, UnionType):
        return _union_decoder(inner)
    if origin is tuple and inner[1:] == (...,):
        each = _decoder(inner[0])
        return lambda value: tuple([each(one) for one in value])
    if origin is tuple:
        places = [_decoder(one) for one in inner]
        return lambda value: tuple([p(v) for p, v in zip(places, value, strict=True)])
    if origin is Map and inner[0] in (str, int):
        key, each = _decoder(inner[0]), _decoder(inner[1])
        return lambda value: Map({key(name): each(one) for name, one in value})
    if _is_class(origin or kind):
        made: Any = origin or kind
        parts = [_decoder(hint) for _, hint in _hints(kind)]
        return lambda value: made(*[p(v) for p, v in zip(parts, value, strict=True)])
    raise TypeError(f"no way to read a {kind}")


def _union_encoder(members: tuple[Any, ...]) -> Convert:
    kinds = [one for one in members if one is not NoneType]
    if len(kinds) == 1:
        only = _encoder(kinds[0])
        return lambda value: None if value is None else only(value)
    by_kind = {kind: (at, _encoder(kind)) for at, kind in enumerate(kinds)}

    def encode(value: Any) -> Any:
        if value is None:
            return None
        at, encode_one = by_kind[type(value)]
        return [at, encode_one(value)]

    return encode


def _union_decoder(members: tuple[Any, ...]) -> Convert:
    decoders = [_decoder(one) for one in members if one is not NoneType]
    if len(decoders) == 1:
        only = decoders[0]
        return lambda value: None if value is None else only(value)
    return lambda value: None if value is None else decoders[value[0]](value[1])


def _same(value: Any) -> Any:
    return value


def _exactly(kind: Any) -> Convert:
    kind = NoneType if kind is None else kind

    def read(value: Any) -> Any:
        if type(value) is not kind:
            raise TypeError(f"not a {kind.__name__}")
        return value

    return read
