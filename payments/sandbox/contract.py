"""Checking requests and responses against Stripe's OpenAPI file: for tests, and whenever SANDBOX_VALIDATE=1.

OpenAPI 3.0 schemas are turned into JSON Schema 2020-12; jsonschema-rs is a development dependency, loaded only here.
"""

import json
import logging
import os
import re
from collections import Counter
from functools import cached_property
from pathlib import Path
from typing import Any

log = logging.getLogger("payments.sandbox.contract")

SPEC_NAME = "spec3-v1-2026-05-27.dahlia.json"
ALL_SCHEMAS = "urn:stripe:schemas"
FORM = "application/x-www-form-urlencoded"


class BrokenContract(AssertionError):
    """A request or a response is not what the OpenAPI file says."""


def find_spec(folder: Path) -> Path | None:
    """The OpenAPI file in this folder, or None."""
    path = folder / SPEC_NAME
    return path if path.is_file() else None


def as_json_schema(node: Any) -> Any:
    """An OpenAPI 3.0 schema as JSON Schema 2020-12: ``nullable`` spelled out, ``x-*`` and ``format`` dropped."""
    if isinstance(node, list):
        return [as_json_schema(item) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        converted: dict[str, Any] = {"$ref": node["$ref"].replace("#/components/schemas/", "#/$defs/")}
    else:
        converted = {key: _keyword(key, value) for key, value in node.items() if _kept(key, value)}
    return {"anyOf": [converted, {"type": "null"}]} if node.get("nullable") is True else converted


def _registry(definitions: dict[str, Any]) -> Any:
    """All schemas in one place that every validator refers to: handing them to each would take most of the time."""
    import jsonschema_rs

    return jsonschema_rs.Registry([(ALL_SCHEMAS, {"$defs": definitions})], draft=jsonschema_rs.Draft202012)


def _absolute(node: Any) -> Any:
    """References to a schema of the registry instead of one beside."""
    if isinstance(node, list):
        return [_absolute(item) for item in node]
    if not isinstance(node, dict):
        return node
    return {
        key: ALL_SCHEMAS + value if key == "$ref" and isinstance(value, str) else _absolute(value)
        for key, value in node.items()
    }


def closed(node: Any) -> Any:
    """The same schema without room for fields that are not named: Stripe leaves it, the sandbox must not use it."""
    if isinstance(node, list):
        return [closed(item) for item in node]
    if not isinstance(node, dict):
        return node
    shut = {key: closed(value) for key, value in node.items()}
    if isinstance(node.get("properties"), dict) and node.get("type") == "object":
        shut.setdefault("additionalProperties", False)
    return shut


def _kept(key: str, value: Any) -> bool:
    return not key.startswith("x-") and key not in ("format", "nullable", "description", "title", "discriminator")


def _keyword(key: str, value: Any) -> Any:
    if key == "properties":
        return {name: as_json_schema(schema) for name, schema in value.items()}
    return value if key in ("enum", "required") else as_json_schema(value)


class Contract:
    """The OpenAPI file, validators made as they are needed, and a record of what was checked."""

    def __init__(self, spec: dict[str, Any]) -> None:
        self._spec = spec
        self._validators: dict[tuple[str, bool], Any] = {}
        self.requests: Counter[str] = Counter()
        self.responses: Counter[str] = Counter()
        self.broken: list[str] = []

    @classmethod
    def load(cls, folder: Path) -> "Contract | None":
        """Read the file. Without it nothing is checked: said in the log, FileNotFoundError where CI is set."""
        path = find_spec(folder)
        if path is not None:
            return cls(json.loads(path.read_text(encoding="utf-8")))
        message = f"{SPEC_NAME} is not in {folder}; set STRIPE_SPEC_DIR. Nothing is checked against Stripe's contract."
        if os.environ.get("CI"):
            raise FileNotFoundError(message)
        log.warning(message)
        return None

    @cached_property
    def _open(self) -> dict[str, Any]:
        return {name: as_json_schema(schema) for name, schema in self._spec["components"]["schemas"].items()}

    @cached_property
    def _open_registry(self) -> Any:
        return _registry(self._open)

    @cached_property
    def _closed_registry(self) -> Any:
        return _registry({name: closed(schema) for name, schema in self._open.items()})

    def event_types(self) -> set[str]:
        """Every event type Stripe publishes."""
        body = self._spec["paths"]["/v1/webhook_endpoints"]["post"]["requestBody"]["content"][FORM]["schema"]
        return set(body["properties"]["enabled_events"]["items"]["enum"])

    def check_request(self, method: str, path: str, given: dict[str, Any]) -> None:
        """Parameters as decoded from the form or the query; BrokenContract names the first fault."""
        operation = self._operation(method, path)
        schema = _parameter_schema(method, operation)
        self._check(f"{method} {path} request", schema, coerce(given, schema))
        self.requests[f"{method} {path}"] += 1

    def check_response(self, method: str, path: str, status: int, body: Any) -> None:
        """The answer's JSON; BrokenContract names the first fault."""
        responses = self._operation(method, path)["responses"]
        answer = responses.get(str(status)) or responses["default"]
        self._check(f"{method} {path} {status}", answer["content"]["application/json"]["schema"], body)
        self.responses[f"{method} {path}"] += status == 200

    def resources(self) -> set[str]:
        """The names of all components."""
        return set(self._spec["components"]["schemas"])

    def parameters(self, method: str, path: str) -> set[str]:
        """The names of an operation's parameters; BrokenContract when there is no such operation."""
        operation = self._operation(method, path)
        schema = _parameter_schema(method, operation)
        return set(schema.get("properties", {}))

    def check_resource(self, name: str, body: Any, *, closed: bool = True) -> None:
        """A single resource, by its name among the components; ``closed`` refuses fields that are not published."""
        self._check(name, {"$ref": f"#/components/schemas/{name}"}, body, closed=closed)

    def _operation(self, method: str, path: str) -> dict[str, Any]:
        try:
            found: dict[str, Any] = self._spec["paths"][path][method.lower()]
        except KeyError:
            raise BrokenContract(f"{method} {path} is not in the OpenAPI file") from None
        return found

    def _validator(self, name: str, schema: Any, shut: bool) -> Any:
        import jsonschema_rs

        key = (schema.get("$ref", name), shut)
        if key not in self._validators:
            whole = _absolute(closed(as_json_schema(schema)) if shut else as_json_schema(schema))
            registry = self._closed_registry if shut else self._open_registry
            self._validators[key] = jsonschema_rs.Draft202012Validator(whole, registry=registry)
        return self._validators[key]

    def _check(self, name: str, schema: Any, value: Any, *, closed: bool = True) -> None:
        error = next(self._validator(name, schema, closed).iter_errors(value), None)
        if error is not None:
            self._blame_inner_resource(name, value)
            place = "/".join(str(step) for step in error.instance_path)
            message = f"{name}: at {place or 'the top'}: {error.message[-400:]}"
            self.broken.append(message)
            raise BrokenContract(message)

    def _blame_inner_resource(self, name: str, value: Any) -> None:
        """Raise for the innermost resource at fault: an expandable field alone says only that no choice fits."""
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
        for part in inner:
            self._blame_inner_resource(name, part)
            kind = part.get("object") if isinstance(part, dict) else None
            if kind in self._open and "deleted" not in part:
                self._check(str(kind), {"$ref": f"#/components/schemas/{kind}"}, part)

    def figures(self) -> dict[str, Any]:
        """What has been checked so far."""
        return {"requests": dict(self.requests), "responses": dict(self.responses), "broken": self.broken}


def _parameter_schema(method: str, operation: dict[str, Any]) -> dict[str, Any]:
    """The form's schema, or one made of the query's parameters."""
    form: dict[str, Any] = operation.get("requestBody", {}).get("content", {}).get(FORM, {}).get("schema", {})
    if method == "POST" or form.get("properties"):
        return form
    fields = {item["name"]: item["schema"] for item in operation.get("parameters", []) if item["in"] == "query"}
    return {"type": "object", "properties": fields, "additionalProperties": False}


def coerce(value: Any, schema: dict[str, Any]) -> Any:
    """Form text to the type the schema asks for, where it reads as one; anything else is left for the validator."""
    if "anyOf" in schema:
        return _coerce_any(value, schema["anyOf"])
    kind = schema.get("type")
    if kind == "object" and isinstance(value, dict):
        fields, rest = schema.get("properties", {}), schema.get("additionalProperties")
        return {
            key: coerce(item, fields.get(key, rest if isinstance(rest, dict) else {})) for key, item in value.items()
        }
    if kind == "array" and isinstance(value, list):
        return [coerce(item, schema.get("items", {})) for item in value]
    if kind in ("integer", "number") and isinstance(value, str) and re.fullmatch(r"-?\d{1,18}", value, re.ASCII):
        return int(value)
    if kind == "boolean" and value in ("true", "false"):
        return value == "true"
    return value


def _coerce_any(value: Any, choices: list[dict[str, Any]]) -> Any:
    wanted = "object" if isinstance(value, dict) else "array" if isinstance(value, list) else None
    for choice in choices:
        if wanted is not None and choice.get("type") != wanted:
            continue
        coerced = coerce(value, choice)
        if wanted or coerced != value:
            return coerced
    return value
