"""What the card of a model says, for people: a row of a list, and a page of Markdown."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path

from mmzoo.aliases import Raw
from mmzoo.messages.words import code_block, decimal, markdown, one_line
from mmzoo.models import FIELDS, HOME, names
from mmzoo.weights.card import Card, read_card
from mmzoo.weights.reading import told

OPTIONS = {"image": "image.png", "text": '"some words"', "audio": "sound.wav", "video": "clip.mp4"}
"""What an example gives for an input of a kind."""
SHOWN = 200  # letters of a name that a stranger has given


def rows() -> list[tuple[str, str, str]]:
    """The models that come with mmzoo: name, what each takes and answers, and what it is and needs."""
    found = []
    for name in names():
        card = read_card(HOME / name)
        about = card.get("about", {})
        measured = ", ".join(f"{what} {decimal(value)}" for what, value in [*card["metrics"].items()][:1])
        said = f"{about.get('summary', '')} Test {measured}; {megabytes(card):.1f} MB; needs {needs(card)}."
        found.append((name, f"{takes(card)} -> {answers(card)}", said))
    return found


def takes(card: Card) -> str:
    """The inputs of a model: "image, name (text)"."""
    return ", ".join(called(each) for each in listed(card, "inputs"))


def answers(card: Card) -> str:
    """The tasks of a model: "group (classification)"."""
    return ", ".join(called(each) for each in listed(card, "tasks"))


def called(part: Mapping[str, Raw]) -> str:
    """An input or a task by its name, and its kind where that is another."""
    name, kind = (one_line(part.get(key), SHOWN) for key in ("name", "kind"))
    return name if name == kind else f"{name} ({kind})"


def listed(card: Card, key: str) -> list[Mapping[str, Raw]]:
    """The inputs or tasks of a card, whose spec may be a stranger's and anything."""
    found: Raw = card["spec"].get(key)
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def needs(card: Card) -> str:
    """The packages that a model's frozen weights come with."""
    found = [each for row in card.get("packages", {}).values() for each in row]
    return ", ".join(dict.fromkeys(f"{each['package']} {each['version']}" for each in found)) or "no package"


def megabytes(card: Card) -> float:
    """The size of a model's files."""
    return sum(int(facts["bytes"]) for facts in card["files"].values()) / 1e6


def page(where: str, folder: Path) -> str:
    """The card of the model in a folder, as Markdown; nothing in it that a stranger has written is markup.

    Args:
        where: how the model is asked for.

    Raises:
        MMZooError: there is no card, or a damaged one.
    """
    card = read_card(folder)
    with told(f"The card in '{folder}' cannot be shown; copy the model again"):
        return described(where, card)


def described(where: str, card: Card) -> str:
    """What a card says, as Markdown."""
    about = card.get("about", {})
    asked = " ".join(f"--{each['kind']} {OPTIONS[str(each['kind'])]}" for each in usual(card))
    model = [("takes", takes(card)), ("answers", answers(card)), ("size", f"{megabytes(card):.1f} MB")]
    model += [("needs", needs(card)), ("made with", f"mmzoo {card['mmzoo']}"), ("sha256", card["sha256"])]
    said = [(key, about[key]) for key in (*FIELDS[1:], *sorted(about.keys() - set(FIELDS))) if key in about]
    lines = [f"# {markdown(where)}", "", markdown(about.get("summary", "")), ""]
    if asked:
        lines += [code_block(f"mmzoo predict {shlex.quote(one_line(where))} {asked}", "sh"), ""]
    for title, pairs in (("Model", model), ("Results", results(card)), ("About", said)):
        lines += [f"## {title}", "", *(f"- **{markdown(what)}**: {markdown(how)}" for what, how in pairs), ""]
    return "\n".join(lines)


def results(card: Card) -> list[tuple[str, str]]:
    """The figures of a card."""
    return [(what, decimal(float(value))) for what, value in card["metrics"].items()]


def usual(card: Card) -> list[Mapping[str, Raw]]:
    """The inputs that an example shows: those of a file or a text, if no two are of one kind."""
    found = [each for each in listed(card, "inputs") if each.get("kind") in OPTIONS]
    return found if len({each["kind"] for each in found}) == len(found) else []


def readme(where: str, folder: Path, licence: str) -> str:
    """The card as the README of a hub, which reads what stands between the lines of dashes."""
    head = ["---", "library_name: mmzoo", "tags: [mmzoo, keras, multimodal]"]
    head += [f"license: {licence}"] if licence else []
    return "\n".join([*head, "---", "", page(where, folder)])
