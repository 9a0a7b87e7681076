"""Hooks of MkDocs: what the pages show of the registries and the command line is made when they are built.

A line of a page is replaced by what it asks for:

    <!-- list: readers -->      every entry of a registry, in a table
    <!-- table: towers -->      the same, and each name leads to the place of that name on the page
    <!-- entries: towers -->    every entry, with its docstring and its options
    <!-- api: build Spec -->    public names of mmzoo, documented by mkdocstrings
    <!-- commands -->           every command, with what --help says
"""

from __future__ import annotations

import importlib
import inspect
import os
import re
from collections.abc import Callable
from typing import Any, ForwardRef

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import mmzoo
from mmzoo import listing

SHARED = ("name", "augmentations")  # of all inputs or tasks: said once, in the text of the page
SECTION = re.compile(r"^(Args|Raises|Returns|Attributes):$", re.MULTILINE)
ARGUMENT = re.compile(r"^    ([\w, ]+): (.*(?:\n     +.*)*)", re.MULTILINE)


def on_page_markdown(markdown: str, **_: Any) -> str:
    """MkDocs calls this with the text of each page."""
    return re.sub(r"^<!-- (list|table|entries|api|commands)(?:: (.*?))? -->$", made, markdown, flags=re.MULTILINE)


def made(match: re.Match[str]) -> str:
    what, of = match[1], match[2]
    makers: dict[str, Callable[[str], str]] = {"list": listing.markdown, "table": table, "entries": entries, "api": api}
    return commands() if what == "commands" else makers[what](of)


def table(what: str) -> str:
    """A registry as a table whose names lead to the places with these names on the same page."""
    return re.sub(r"^\| `([\w]+)` \|", r"| [`\1`](#\1) |", listing.markdown(what), flags=re.MULTILINE)


def entries(what: str) -> str:
    """The entries of a registry, each under a heading of its own."""
    registry = listing.registry_of(what)
    return "\n\n".join(described(name, registry[name]) for name, _, _ in listing.rows(what))


def described(name: str, entry: Any) -> str:
    """A heading, the docstring, and a table of the options."""
    doc = inspect.getdoc(entry) or ""
    parts = [f"### `{name}` {{ #{name} }}", escaped(SECTION.split(doc)[0].strip())]
    options, said = options_of(entry), meanings(entry)
    if options.keys() & said.keys():
        lines = [f"| `{key}` | {default} | {escaped(said.get(key, ''))} |" for key, default in options.items()]
        parts.append("\n".join(["| option | default | |", "|---|---|---|", *lines]))
    elif options:
        listed = (f"`{key}` ({default})" if default else f"`{key}`" for key, default in options.items())
        parts.append(f"Options and their defaults: {', '.join(listed)}.")
    return "\n\n".join(parts)


def options_of(entry: Any) -> dict[str, str]:
    """The options of an entry with their defaults, as they are written."""
    found = {}
    for key, parameter in inspect.signature(entry).parameters.items():
        required = parameter.default is parameter.empty
        # Of a function, what has no default is what the builder of the model gives it.
        if key not in SHARED and (
            inspect.isclass(entry) or (parameter.kind is parameter.KEYWORD_ONLY and not required)
        ):
            found[key] = "" if required else f"`{parameter.default!r}`".replace("|", "\\|")
    return found


def meanings(entry: Any) -> dict[str, str]:
    """What the docstring of an entry, and those of the classes it inherits from, say of each argument."""
    found: dict[str, str] = {}
    for each in reversed(inspect.getmro(entry)) if inspect.isclass(entry) else [entry]:
        pieces = SECTION.split(inspect.cleandoc(each.__doc__ or ""))
        for title, text in zip(pieces[1::2], pieces[2::2], strict=True):
            if title in ("Args", "Attributes"):
                for names, said in ARGUMENT.findall(text):
                    found |= {key.strip(): " ".join(said.split()) for key in names.split(",")}
    return found


def escaped(text: str) -> str:
    """Prose of a docstring as Markdown: outside of code, signs stand for themselves."""
    pieces = re.split(r"(``?[^`]+``?)", text)
    pieces[::2] = [re.sub(r"([*_<\[|])", r"\\\1", piece) for piece in pieces[::2]]
    pieces[1::2] = [piece.replace("|", "\\|") for piece in pieces[1::2]]
    return "".join(pieces)


def api(names: str) -> str:
    """Public names, each where it is defined: mkdocstrings reads the files and imports nothing."""
    found = []
    for name in names.split():
        home, _, last = name.rpartition(".")
        thing = getattr(importlib.import_module(f"mmzoo.{home}") if home else mmzoo, last)
        heading = f"## `mmzoo.{name}` {{ #{name.lower()} }}"
        options = "    options:\n      show_root_toc_entry: false"
        parts = [heading, signature(last, thing), f"::: {thing.__module__}.{thing.__qualname__}\n{options}"]
        found.append("\n\n".join(filter(None, parts)))
    return "\n\n".join(found)


class Bare(str):
    """What is shown without quotation marks."""

    def __repr__(self) -> str:
        return str(self)


def bare(written: Any) -> Any:
    """An annotation as it is written in the file."""
    return Bare(getattr(written, "__forward_arg__", written)) if isinstance(written, (str, ForwardRef)) else written


def signature(name: str, thing: Any) -> str:
    """How a function or a class is called, which mkdocstrings shows under headings of its own only."""
    try:
        found = inspect.signature(thing)
    except ValueError:  # of an error, which nobody makes
        return ""
    if not found.parameters:
        return ""
    parts = [each.replace(annotation=bare(each.annotation)) for each in found.parameters.values()]
    answer = found.empty if inspect.isclass(thing) else bare(found.return_annotation)
    line = f"{name}{inspect.Signature(parts, return_annotation=answer)}"
    if len(line) > 90:
        listed = [str(each) for each in parts]
        first = next((k for k, each in enumerate(parts) if each.kind is each.KEYWORD_ONLY), None)
        if first is not None and not any(each.kind is each.VAR_POSITIONAL for each in parts):
            listed.insert(first, "*")
        after = "" if answer is found.empty else f" -> {inspect.formatannotation(answer)}"
        line = f"{name}(\n" + "".join(f"    {each},\n" for each in listed) + f"){after}"
    line = re.sub(r"<class '(?:\w+\.)*(\w+)'>", r"\1", line.replace("<factory>", "..."))
    return f"```python\n{line}\n```"


def commands() -> str:
    """Every command with its help."""
    from mmzoo.cli import parser
    from mmzoo.commands import COMMANDS

    os.environ["COLUMNS"] = "84"
    found = []
    for name in COMMANDS:
        sub = parser()
        for word in name.split():
            (choices,) = (action.choices for action in sub._actions if isinstance(action.choices, dict))
            sub = choices[word]
        found.append(f"## `mmzoo {name}`\n\n```text\n{sub.format_help()}```")
    return "\n\n".join(found)
