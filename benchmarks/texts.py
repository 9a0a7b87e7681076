"""What a tower makes of short texts: the names of the embedded sample, by themselves, beside what is simplest.

    python benchmarks/texts.py                                  # seeds 0 1 2
    python benchmarks/texts.py --towers sentence --seeds 0
    python benchmarks/texts.py --cldr node_modules/cldr-annotations-full/annotations   # and asked in other languages
    python benchmarks/texts.py --cldr ... --families --towers embedding_bag sentence   # languages that are never learnt

Trained on the names of the training records, asked for the group of the test records: each tower by the recipe `emoji`;
TF-IDF of characters and words with logistic regression; and logistic regression on the vectors of the tower `sentence`
(a linear probe), the last two with C chosen by the validation records.

With a folder of CLDR's annotations (npm: cldr-annotations-full, `annotations/LANGUAGE/annotations.json`) the test
records are asked again by their names in each language, of those that have one there, beside English for the same.

With `--families` the names of the training records in twelve languages are learnt, four of each of three families, and
the test records are asked in six others, two of each family; beside each way what it can do where it has learnt the
English names alone. The recipe is that of `emoji` with as many steps as for one language. `docs/pretrained.md` has what
was found.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression

import mmzoo
from mmzoo import datasets
from mmzoo.data.records import Records, decode
from mmzoo.datasets.emoji import GROUPS, read_facts
from mmzoo.inference.running import run_model, to_predictions
from mmzoo.modalities.text.vectorizer import TfIdf
from mmzoo.recipe import load_recipe
from mmzoo.run.training import train
from mmzoo.towers.bert import preset_vocabulary

LANGUAGES = ("de", "es", "fr", "it", "pt", "nl", "ru", "zh", "tr", "th", "pl", "ja", "ko", "ar")
FAMILIES = {
    "Germanic": (("en", "de", "nl", "sv"), ("da", "no")),
    "Romance": (("es", "fr", "it", "pt"), ("ca", "ro")),
    "Slavic": (("ru", "uk", "pl", "cs"), ("sk", "bg")),
}
"""Languages that are learnt, and others of the same family that are asked."""
STRENGTHS = (0.1, 1.0, 10.0, 100.0, 1000.0)
TOWERS = ("static_embedding_attention", "static_embedding_bag", "sentence")
Answer = Callable[[Records], np.ndarray]
"""The place of the group that each record is said to be in."""
Vectors = Callable[[Sequence[str]], Any]
"""A row of numbers for each name."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--towers", nargs="*", default=list(TOWERS), help="names, or JSON of mmzoo.Tower")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--cldr", type=Path, help="a folder of CLDR's annotations")
    parser.add_argument("--families", action="store_true", help="learn twelve languages, and ask six others")
    args = parser.parse_args()
    if args.families:
        across_families(args.cldr, args.towers, args.seeds)
        return
    splits = datasets.load("emoji")
    asked = {"en": splits[2], **(names_in(args.cldr, splits[2], LANGUAGES) if args.cldr else {})}
    learnt = splits[:2]
    known = {
        "TF-IDF, logistic regression": [linear(TfIdf().fit(learnt[0].column("name")).transform, *learnt)],
        "linear probe": [linear(sentence_vectors(), *learnt)],
    }
    for tower in args.towers:
        known[tower] = [trained(tower, seed, *learnt) for seed in args.seeds]
    groups = np.array(GROUPS)
    print(f"\ntest accuracy in % by name alone, mean of seeds {args.seeds} (each)")
    for what, answers in known.items():
        right = [groups[answer(splits[2])] == splits[2].column("group") for answer in answers]
        for language, records in asked.items():
            scores = [100 * np.mean(groups[answer(records)] == records.column("group")) for answer in answers]
            places = records.columns.get("place", range(len(records)))
            share = np.mean(scores) / 100 / np.mean([each[list(places)].mean() for each in right])
            each = ", ".join(f"{score:.1f}" for score in scores)
            said = f"{share:.2f} of English, {len(records)} records"
            print(f"{what:<28} {language:<3} {np.mean(scores):5.1f} ({each})  {said}", flush=True)


def across_families(folder: Path, towers: Sequence[str], seeds: Sequence[int]) -> None:
    """Print how well names in languages that were never learnt are told, by each way."""
    splits, groups = datasets.load("emoji"), np.array(GROUPS)
    learnt_in = [language for learnt, _ in FAMILIES.values() for language in learnt]
    asked_in = [language for _, asked in FAMILIES.values() for language in asked]
    english = splits[:2]
    every = [together(names_in(folder, part, learnt_in)) for part in english]
    asked = names_in(folder, splits[2], asked_in)
    print(f"{len(every[0]):,} names in {len(learnt_in)} languages are learnt; test accuracy in %, seeds {list(seeds)}")
    print(f"{'':<40} {'  '.join(f'{language:>4}' for language in asked_in)}  mean")
    for what, part in (("English alone", english), ("twelve languages", every)):
        fit = TfIdf().fit(part[0].column("name")).transform
        ways: dict[str, list[Answer]] = {"TF-IDF, logistic regression": [linear(fit, part[0], part[1])]}
        for tower in towers:
            ways[tower] = [trained(tower, seed, part[0], part[1], len(part[0]) / len(splits[0])) for seed in seeds]
        for way, answers in ways.items():
            found = [
                100 * np.mean([np.mean(groups[answer(own)] == own.column("group")) for answer in answers])
                for own in asked.values()
            ]
            shown = "  ".join(f"{score:4.1f}" for score in found)
            print(f"{way + ', ' + what:<40} {shown}  {np.mean(found):.1f}", flush=True)


def together(parts: dict[str, Records]) -> Records:
    """The records in all languages as one set of records."""
    columns = {name: [value for part in parts.values() for value in part.column(name)] for name in ("name", "group")}
    return Records(columns, [f"{each}-{language}" for language, part in parts.items() for each in part.ids])


def trained(tower: str, seed: int, records: Records, validation: Records, times: float = 1.0) -> Answer:
    """A model by the recipe, of the name alone, with that tower; of so many times the records in as many steps."""
    recipe = load_recipe("emoji")
    spec = recipe.spec.subset(["name"])
    made = mmzoo.Tower.of(json.loads(tower) if tower.startswith("{") else tower)
    item: Any = replace(spec.inputs[0], tower=made)
    if made.name.endswith("_bag"):
        item = replace(item, tokenizer="ngrams", tokens=256)
    if made.name == "bert":
        item = replace(item, tokenizer="wordpiece", vocabulary=preset_vocabulary(made.options["weights"]))
    spec, training = replace(spec, inputs=[item]), recipe.training
    training = replace(training, epochs=max(round(training.epochs / times), 4))
    with tempfile.TemporaryDirectory() as folder:
        run = train(spec, records, validation, training=training, seed=seed, out=Path(folder) / "run")
    return lambda asked: answered(run.model, run.spec, asked)


def answered(model: Any, spec: mmzoo.Spec, asked: Records) -> np.ndarray:
    found = to_predictions(spec, run_model(model, decode(spec, asked)))
    return np.asarray(found["group"].argmax(axis=1))


def linear(vectors: Vectors, records: Records, validation: Records) -> Answer:
    """Logistic regression on what is made of the names, C by the validation records."""
    groups = np.array([GROUPS.index(group) for group in records.column("group")])
    matrix, held_out = (vectors(each.column("name")) for each in (records, validation))
    wanted = [GROUPS.index(group) for group in validation.column("group")]
    fitted = [LogisticRegression(C=strength, max_iter=2000).fit(matrix, groups) for strength in STRENGTHS]
    best = max(fitted, key=lambda each: each.score(held_out, wanted))
    return lambda asked: np.asarray(best.predict(vectors(asked.column("name"))))


def sentence_vectors() -> Vectors:
    """The vectors of the tower `sentence`, as they are."""
    item = mmzoo.Text("name", max_bytes=128, tower="sentence")
    spec = mmzoo.Spec([item], "concat", [mmzoo.Classification("group", labels=GROUPS)])
    model = mmzoo.build(spec)
    values = model.parts.cut(model.input, {"values": model.parts.tower_tokens("name").values})
    return lambda names: run_model(values, decode(spec, Records({"name": list(names)})))["values"][:, 0]


def names_in(folder: Path, test: Records, languages: Sequence[str]) -> dict[str, Records]:
    """Records with their names in each language; `place` says where each is among the records."""
    facts = {fact["id"]: fact["name"] for fact in read_facts()}
    annotations = {
        language: json.loads((folder / language / "annotations.json").read_text("utf-8"))["annotations"]["annotations"]
        for language in {"en", *languages}
    }
    by_name = {found["tts"][0]: emoji for emoji, found in annotations["en"].items() if "tts" in found}
    found = {}
    for language in languages:
        names = [annotations[language].get(by_name.get(facts[each], ""), {}).get("tts", [""])[0] for each in test.ids]
        places = [place for place, name in enumerate(names) if name]
        own = test.select(places)
        found[language] = Records({**own.columns, "name": [names[k] for k in places], "place": places}, own.ids)
    return found


if __name__ == "__main__":
    main()
