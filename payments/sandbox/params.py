"""Reading parameters: forms (``a[b][0]=c``) to nested values, checked against declared shapes, unknown ones refused."""

from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qsl

from payments.sandbox.errors import unreadable

Read = Callable[[Any, str], Any]
Fields = dict[str, Read]


def decode(encoded: str) -> dict[str, Any]:
    """Turn ``a[b]=1&c[0]=x&d[]=y`` into ``{"a": {"b": "1"}, "c": ["x"], "d": ["y"]}``; values stay text."""
    tree: dict[str, Any] = {}
    for name, value in parse_qsl(encoded, keep_blank_values=True):
        head, *rest = name.replace("]", "").split("[")
        _place(tree, [head, *rest], value)
    return {key: _lists(branch) for key, branch in tree.items()}


def _place(tree: dict[str, Any], path: list[str], value: str) -> None:
    for step, following in pairwise(path):
        branch = tree.setdefault(step or str(len(tree)), {})
        if not isinstance(branch, dict):
            raise unreadable(f"Invalid parameter nesting at {step}: {following}", param=path[0])
        tree = branch
    tree[path[-1] or str(len(tree))] = value


def _lists(branch: Any) -> Any:
    if not isinstance(branch, dict):
        return branch
    values = {key: _lists(value) for key, value in branch.items()}
    if values and all(key.isdecimal() for key in values):
        return [values[key] for key in sorted(values, key=int)]
    return values


class Shape:
    """The parameters an operation takes, by name, and those it cannot do without."""

    def __init__(self, fields: Mapping[str, Read], required: Iterable[str] = ()) -> None:
        self.fields = dict(fields)
        self.required = tuple(required)

    def __call__(self, given: Any, name: str = "") -> dict[str, Any]:
        """Read a mapping; raises InvalidParameters at the first field that is unknown, missing or malformed."""
        if not isinstance(given, dict):
            raise unreadable("Invalid object", param=name or None)
        read = {}
        for key, value in given.items():
            full = f"{name}[{key}]" if name else key
            if key not in self.fields:
                raise unreadable(f"Received unknown parameter: {full}", code="parameter_unknown", param=full)
            read[key] = self.fields[key](value, full)
        for key in self.required:
            if key not in read:
                full = f"{name}[{key}]" if name else key
                raise unreadable(f"Missing required param: {full}.", code="parameter_missing", param=full)
        return read

    def plus(self, fields: Mapping[str, Read], required: Iterable[str] = ()) -> "Shape":
        """The same shape with more fields."""
        return Shape({**self.fields, **fields}, (*self.required, *required))


def text(value: Any, name: str) -> str:
    """Text that may not be empty, up to 5,000 characters."""
    if not isinstance(value, str):
        raise unreadable("Invalid string", param=name)
    if value == "":
        raise unreadable(
            f"You passed an empty string for '{name}'. We assume empty values are an attempt to unset a parameter; "
            f"however '{name}' cannot be unset. You should remove '{name}' from your request or supply a non-empty "
            "value.",
            code="parameter_invalid_empty",
            param=name,
        )
    if len(value) > 5000:
        raise unreadable(f"Invalid string: must be at most 5000 characters; got {len(value)}.", param=name)
    return value


def unsettable(read: Read) -> Read:
    """The same, or an empty string, which unsets (reads as None)."""
    return lambda value, name: None if value == "" else read(value, name)


def integer(value: Any, name: str) -> int:
    """A whole number in ASCII digits; ``10.00`` and ``ten`` are refused."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    digits = value.removeprefix("-") if isinstance(value, str) else ""
    if not (digits.isascii() and digits.isdecimal()) or len(digits) > 18:
        raise unreadable(f"Invalid integer: {value}", code="parameter_invalid_integer", param=name)
    return int(value)


def boolean(value: Any, name: str) -> bool:
    """``true`` or ``false``."""
    if value in (True, "true"):
        return True
    if value in (False, "false"):
        return False
    raise unreadable(f"Invalid boolean: {value}", param=name)


def one_of(*choices: str) -> Read:
    """One of the given words."""

    def read(value: Any, name: str) -> str:
        if value not in choices:
            raise unreadable(f"Invalid {name}: must be one of {', '.join(choices)}", param=name)
        return str(value)

    return read


def list_of(read: Read) -> Read:
    """Several of the same; an empty string is an empty list."""

    def read_list(value: Any, name: str) -> list[Any]:
        if value == "":
            return []
        if not isinstance(value, list):
            raise unreadable("Invalid array", param=name)
        return [read(item, f"{name}[{index}]") for index, item in enumerate(value)]

    return read_list


def metadata(value: Any, name: str) -> dict[str, str]:
    """Up to 50 keys of up to 40 characters, values up to 500; an empty value removes the key."""
    if value == "":
        return {}
    if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
        raise unreadable("Invalid metadata: must be a flat map of text", param=name)
    if len(value) > 50:
        raise unreadable("Metadata can have up to 50 keys", param=name)
    for key, item in value.items():
        if len(key) > 40 or len(item) > 500:
            raise unreadable("Metadata keys can have up to 40 characters, values up to 500", param=f"{name}[{key}]")
    return value


def anything(value: Any, name: str) -> Any:
    """Accepted and not looked at."""
    return value


def merged(old: Mapping[str, str] | None, new: Mapping[str, str]) -> dict[str, str]:
    """Metadata after an update: given keys replace, empty values remove."""
    return {key: value for key, value in {**(old or {}), **new}.items() if value != ""}


ADDRESS = Shape({part: unsettable(text) for part in ("city", "country", "line1", "line2", "postal_code", "state")})
EXPAND: Fields = {"expand": list_of(text)}
READ = Shape(EXPAND)
RANGE = Shape({"gt": integer, "gte": integer, "lt": integer, "lte": integer})


def moment_or_range(value: Any, name: str) -> dict[str, int]:
    """A moment, or bounds ``gt``, ``gte``, ``lt``, ``lte`` in seconds since the epoch."""
    if isinstance(value, dict):
        return RANGE(value, name)
    return {"gte": integer(value, name), "lte": integer(value, name)}


def limit(value: Any, name: str) -> int:
    """How many to list: 1 to 100."""
    number = integer(value, name)
    if not 1 <= number <= 100:
        raise unreadable(
            "Invalid integer: limit must be between 1 and 100", code="parameter_invalid_integer", param=name
        )
    return number


PAGE: Fields = {**EXPAND, "limit": limit, "starting_after": text, "ending_before": text}


def listing(**filters: Read) -> Shape:
    """The parameters of a list: the page, ``created`` where given, and its own filters."""
    return Shape({**PAGE, **filters})
