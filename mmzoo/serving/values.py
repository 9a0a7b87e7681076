"""What a request may hold as the value of an input, and how that is described. Nothing in it is ever a path."""

from __future__ import annotations

import base64
import binascii
import json
import math
from collections.abc import Mapping

import numpy as np

from mmzoo.aliases import Raw
from mmzoo.errors import DataError, require_data
from mmzoo.files.limits import unique_keys
from mmzoo.messages.words import one_line
from mmzoo.modalities.base import Modality
from mmzoo.modalities.tabular.cells import is_encodable
from mmzoo.spec import Spec

MOST_NUMBERS = 2**22
HALF = "has a zero byte or half a character"


def parsed(body: bytes) -> Raw:
    """The JSON of a request.

    Raises:
        DataError: it is none, or has a number that is not finite.
    """

    def finite(text: str) -> float:
        if not math.isfinite(number := float(text)):
            raise ValueError("a number is not finite")
        return number

    try:
        return json.loads(body, object_pairs_hook=unique_keys, parse_float=finite, parse_constant=finite)
    except (ValueError, RecursionError) as error:
        raise DataError(f"The body is not JSON ({one_line(error, 200)}).", "bad_json") from None


def records_of(spec: Spec, data: Raw, most: int) -> list[dict[str, Raw]]:
    """The records of a request: `{"records": [{input: value}, ...]}`.

    Raises:
        DataError: it is not written so, or has more than `most`.
    """
    records = data["records"] if isinstance(data, dict) and data.keys() == {"records"} else None
    if not isinstance(records, list):
        raise DataError('The body is an object {"records": [{input: value}, ...]}.', "bad_request")
    require_data(0 < len(records) <= most, "bad_request", f"There may be 1 to {most} records in a request.")
    return [record_of(spec, record) for record in records]


def record_of(spec: Spec, record: Raw) -> dict[str, Raw]:
    """One record with its values as they are decoded.

    Raises:
        DataError: it has none of the inputs, one that there is not, or a value that is not of its kind.
    """
    names = ", ".join(spec.input_names)
    if not isinstance(record, dict) or not record:
        raise DataError(f"A record is an object of the inputs {names}.", "bad_record")
    items = {item.name: item for item in spec.inputs}
    for name in record:
        said = f"There is no input '{one_line(name, 80)}'; there are: {names}."
        require_data(name in items, "unknown_input", said)
    return {name: value_of(items[name], value) for name, value in record.items() if value is not None}


def value_of(item: Modality, value: Raw) -> Raw:
    """A value of JSON: a text, the columns of a row, a file in base64, or numbers in lists."""
    if not item.in_column:
        wrong = DataError(f"Input '{item.name}' is an object of columns and their cells.", "bad_row")
        if not isinstance(value, Mapping):
            raise wrong
        for cell in value.values():
            if not isinstance(cell, (str, int, float, type(None))):
                raise wrong
            good = not isinstance(cell, str) or is_encodable(cell)
            require_data(good, "bad_text", f"A cell of input '{item.name}' {HALF}.")
        return dict(value)
    if item.is_text:
        if not isinstance(value, str):
            raise DataError(f"Input '{item.name}' is a text.", "bad_text")
        require_data(is_encodable(value), "bad_text", f"Input '{item.name}' {HALF}.")
        return value
    if isinstance(value, str):
        try:
            return base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            raise DataError(f"Input '{item.name}' is not base64 of a file.", "bad_base64") from None
    said = f"Input '{item.name}' is base64 of a file, or numbers in lists of equal lengths."
    require_data(isinstance(value, list), "bad_value", said)
    try:
        array = np.array(value, np.float32)
    except (TypeError, ValueError, OverflowError):
        raise DataError(said, "bad_value") from None
    require_data(0 < array.size <= MOST_NUMBERS and np.isfinite(array).all(), "bad_value", said)
    return array


def from_form(item: Modality, data: bytes) -> Raw:
    """A value of a form: the bytes of a file, a text, or a row as a JSON object.

    Raises:
        DataError: it is not written so.
    """
    if not item.in_column:
        return value_of(item, parsed(data))
    if not item.is_text:
        return data
    try:
        return value_of(item, data.decode("utf-8"))
    except UnicodeDecodeError:
        raise DataError(f"Input '{item.name}' is not UTF-8.", "bad_text") from None


def schema_of(item: Modality) -> dict[str, object]:
    """What OpenAPI says of an input in JSON."""
    if not item.in_column:
        cell = {"type": ["string", "number", "null"]}
        return {"type": "object", "properties": dict.fromkeys(item.cell_kinds, cell)}
    if item.is_text:
        return {"type": "string"}
    numbers = {"type": "array", "description": "numbers, in lists of equal lengths", "items": {}}
    return {"anyOf": [{"type": "string", "contentEncoding": "base64"}, numbers]}


def form_schema_of(item: Modality) -> dict[str, object]:
    """What OpenAPI says of an input in a form."""
    if item.in_column and not item.is_text:
        return {"type": "string", "format": "binary"}
    return {"type": "string", "description": "" if item.is_text else "a JSON object of columns and their cells"}
