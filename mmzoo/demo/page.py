"""The page: inputs to the left, answers to the right, records to try below."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from html import escape
from inspect import Parameter, Signature
from pathlib import Path

import gradio as gr

from mmzoo.aliases import Raw, Untyped
from mmzoo.answers.rows.answered import Answerer, Row
from mmzoo.data.records import Records
from mmzoo.data.rereading import Piece
from mmzoo.data.schema.names import input_names
from mmzoo.demo.answers import details_of, label_of
from mmzoo.demo.fields import Field
from mmzoo.errors import DataError, MMZooError, require_data

CSS = """
table.shares {width: 100%; border-collapse: collapse}
table.shares, table.shares tr {border: 0 !important}
table.shares th, table.shares td {padding: .15em .5em; border: 0 !important; white-space: nowrap; font-weight: 400}
table.shares th {text-align: left} table.shares td:nth-child(2) {width: 70%}
table.shares td:last-child {text-align: right}
.answers {position: sticky; top: 1em; align-self: flex-start}
footer {display: none !important}
"""
WAITING = 32
"""Questions that may wait; one more is turned away."""
SWEPT, OLD = 60, 900
"""Seconds between two looks for uploaded files, and how old one may become."""


def page_of(
    answerer: Answerer, uploads: Path, title: str, records: Records | None = None, shown: Path | None = None
) -> gr.Blocks:
    """A Gradio application that asks a model.

    Args:
        uploads: the only folder that uploaded files are in.
        records: to try; without them there are none.
        shown: the folder of their files, within `uploads`.
    """
    spec = answerer.spec
    page = gr.Blocks(title=title, analytics_enabled=False, delete_cache=(SWEPT, OLD))
    with page:
        kinds = ", ".join(f"{item.name} ({item.kind})" for item in spec.inputs)
        gr.HTML(f"<h1>{escape(title)}</h1><p>Give any of {escape(kinds)}; what is left empty is left out.</p>")
        with gr.Row():
            with gr.Column():
                fields = [Field.draw(item, uploads) for item in spec.inputs]
            with gr.Column(elem_classes="answers"):
                with gr.Row():
                    clear, button = gr.ClearButton(), gr.Button("Answer", variant="primary")
                explain = gr.Checkbox(label="Say what each input added", value=answerer.explain)
                answers: list[Untyped] = []
                for task in spec.tasks:
                    answers += [gr.Label(label=task.name, buttons=[]), gr.HTML()]
        inputs = [component for field in fields for component in field.components]
        clear.add([*inputs, *answers])
        if records is not None and (examples := examples_of(fields, records, shown or uploads)):
            gr.Examples(examples, inputs, cache_examples=False, label="Records to try")
            inputs[0].keep_in_cache.update(map(str, (shown or uploads).iterdir()))  # they do not become old
        # Nothing of Gradio's own opens a file or makes anything of an answer.
        button.click(
            asked(answerer, fields),
            [*inputs, explain],
            answers,
            preprocess=False,
            postprocess=False,
            concurrency_limit=1,
            api_name="answer",
        )
    page.queue(max_size=WAITING, api_open=False)
    for block in page.blocks.values():
        only_files(block)
    return page


def asked(answerer: Answerer, fields: Sequence[Field]) -> Callable[..., list[object]]:
    """What is done with what the components hold: the answers, two components a task."""
    pool = ThreadPoolExecutor(os.cpu_count())
    spec = answerer.spec
    promise = answerer.thresholds.promise if answerer.thresholds else 0.0

    def row_of(given: Sequence[object], explain: bool) -> Row:
        left, record = list(given), {}
        for field in fields:
            own, left = left[: len(field.components)], left[len(field.components) :]
            record[field.item.name] = [field.value(own)]
        empty = all(value is None for (value,) in record.values())
        require_data(not empty, "no_input", f"Give at least one of {', '.join(record)}.")
        asking = replace(answerer, explain=explain, on_error="skip")
        (row,), _ = asking.rows(Piece(Records(record), {}, []), pool)
        require_data(not row["error"], "other", str(row["error"]))
        return row

    def answer(*given: object) -> list[object]:
        try:
            row = row_of(given[:-1], bool(given[-1]))
        except MMZooError as error:
            # The words quote what a stranger wrote, and the page takes them for HTML.
            raise gr.Error(escape(str(error)), duration=None, print_exception=False) from None
        found: list[object] = []
        for task in spec.tasks:
            found += [label_of(task, row), details_of(task, row, spec.input_names, promise)]
        return found

    # By these names programs ask, and leave out what they have not.
    names = input_names([name for field in fields for name in field.names] + ["explain "]).values()
    given = [Parameter(name, Parameter.POSITIONAL_OR_KEYWORD, default=None) for name in names]
    answer.__signature__ = Signature(given)  # type: ignore[attr-defined]
    return answer


def examples_of(fields: Sequence[Field], records: Records, shown: Path) -> list[list[object]]:
    """What the components hold for each record that has an input which can be shown."""
    found = []
    for place in range(len(records)):
        example: list[object] = []
        for field in fields:
            try:
                value = records.column(field.item.name)[place]
            except DataError:  # of a shard
                value = None
            example += field.example(value, shown / f"{field.item.name}-{place}")
        if any(value not in (None, "", []) for value in example):
            found.append(example)
    return found


def only_files(block: Untyped) -> None:
    """Gradio fetches a file that is given as an address on the Internet; this keeps it from that."""
    moved = block.async_move_resource_to_block_cache

    async def local(path: Raw) -> Raw:
        if "://" in str(path):
            raise gr.Error("Give a file, not an address.", print_exception=False)
        return await moved(path)

    block.async_move_resource_to_block_cache = local
