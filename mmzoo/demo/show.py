"""A run's page: which records it has to try, and who may see it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np

from mmzoo.answers.rows.answered import Answerer
from mmzoo.data.records import Records
from mmzoo.errors import MMZooError, check_number
from mmzoo.messages.words import one_line
from mmzoo.network import allowed_hosts

if TYPE_CHECKING:
    from mmzoo.demo.launch import Demo
    from mmzoo.run import Run


def demo(
    run: Run,
    *,
    examples: int = 6,
    explain: bool = False,
    host: str = "127.0.0.1",
    port: int | None = None,
    public: bool = False,
    megabytes: float = 16.0,
) -> Demo:
    """Show a page on which a person asks a run's model; in a notebook it is shown there too.

    Args:
        examples: test records of the run that can be tried, where its data may be read.
        explain: is what each input added said from the beginning?
        host, port: where to listen; the first free port from 7860 on, if not given.
        public: may others reach it? They need no password.
        megabytes: of an upload.

    Returns:
        Its `.address`, and `.close()`.

    Raises:
        MMZooError: Gradio is not installed, the host is not this machine's alone, or the port is taken.
    """
    hosts = allowed_hosts(host, public)
    check_number("The number of examples", examples, 0, 100, whole=True)
    check_number("The megabytes of an upload", megabytes, 0.001, 2000)
    if port is not None:
        check_number("The port", port, 1, 2**16 - 1, whole=True)
    try:
        import gradio as gr

        from mmzoo.demo.launch import Demo
    except ImportError as error:
        raise MMZooError("The page needs Gradio; install it: pip install 'mmzoo[demo]'.") from error
    # In Colab the loopback is reached through a proxy, by names that it makes up, and by its user alone.
    hosts = ("*",) if gr.utils.colab_check() else hosts
    return Demo(
        Answerer(run.model, run.thresholds, explain),
        title=one_line(run.folder.resolve().name),
        records=records_to_try(run, examples),
        host=host,
        port=port,
        megabytes=megabytes,
        hosts=hosts,
    )


def records_to_try(run: Run, count: int) -> Records | None:
    """Some of the test records, from the first to the last; None where there are none or they may not be read."""
    if not count:
        return None
    try:
        records = run.records("test")
    except MMZooError as error:
        logging.getLogger("mmzoo").warning(f"The page has no records to try: {error}")
        return None
    return records.select(np.unique(np.linspace(0, len(records) - 1, count).astype(int)).tolist())
