"""The JSON schemas of all messages, for viewers that do not know us."""

from __future__ import annotations

from typing import Any, get_args

import msgspec
import numpy as np

from edge.messages import Input, Message, Output

INPUTS: tuple[type[Message], ...] = get_args(Input)
OUTPUTS: tuple[type[Message], ...] = get_args(Output)


def json_schema(kind: type[Message]) -> bytes:
    """The JSON schema of one message type, self-contained: viewers do not follow references."""
    (schema,), parts = msgspec.json.schema_components(
        (kind,), schema_hook=_array_schema, ref_template="{name}"
    )
    return msgspec.json.encode(_inline(schema, parts))


def _array_schema(kind: type) -> dict[str, Any]:
    if kind is np.ndarray:
        return {"type": "array"}
    raise NotImplementedError(f"a message cannot hold {kind}")


def _inline(schema: Any, parts: dict[str, Any]) -> Any:
    if isinstance(schema, list):
        return [_inline(item, parts) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _inline(parts[schema["$ref"]], parts)
    return {key: _inline(value, parts) for key, value in schema.items()}
