"""The candidates one after the other, as long as there is time, and which of them is kept."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from mmzoo.auto.attempts import FEWER, NO_TIME, Attempts
from mmzoo.auto.candidates import FITTED, Candidate, by_promise, in_turn, with_fitted
from mmzoo.auto.choosing import choose
from mmzoo.auto.ensemble import greedy
from mmzoo.auto.tried import Floor
from mmzoo.baselines import Baseline, fit_baselines
from mmzoo.choice import Method
from mmzoo.errors import MMZooError
from mmzoo.messages.words import duration
from mmzoo.spec import Spec

FLOOR = 0.15  # of the time, for the baselines
DISTILLED = "distilled"
SKEWED = " Nearly all records have one label, so that it is asked how likely each finds the labels, not what is right."


def longer(name: str) -> str:
    """What a candidate is called when it is trained on."""
    return f"{name}_longer"


def better_than(name: str, gain: float, error: float) -> str:
    """What `choose` found out, in words."""
    return f"better than {name} by {gain:.3f} a record, with a standard error of {error:.3f}"


def errors_over(name: str) -> float:
    """By how many standard errors another candidate must be better than one; see `choose`."""
    return 2.0 if name in FITTED else 1.0


class Search(Attempts):
    """The candidates one after the other, as long as there is time."""

    baselines: Sequence[Baseline] = ()

    def run(self, chosen: Sequence[Candidate], fitted: Spec) -> None:
        """Try, choose, and say what and why.

        Args:
            fitted: the spec of the first, fitted to the training records: the others have the same inputs.
        """
        names = ", ".join(each.name for each in in_turn(chosen))
        count = f"{len(chosen)} candidate{'s' if len(chosen) > 1 else ''}"
        print(f"Up to {duration(self.trials.seconds)} for a floor of scikit-learn and {count}: {names}.", flush=True)
        self.lay_floor(fitted)
        self.leader = chosen[0].name
        candidates = [replace(each, spec=with_fitted(each.spec, fitted)) for each in in_turn(chosen)]
        for number, each in enumerate(candidates):
            self.attempt(each, alone=len(chosen) == 1, reason=self.reason_against(each) if number else "")
        if not self.found:
            raise self.failure or MMZooError("No candidate could be trained.")
        self.found = {each.name: self.found[each.name] for each in by_promise(chosen) if each.name in self.found}
        self.decide()
        self.go_on_with_best()
        self.use_what_is_left(candidates)
        if self.quality == "best":
            self.distil()
        self.judge()
        self.write()
        print(self.trials.text(), flush=True)

    def lay_floor(self, spec: Spec) -> None:
        """Fit the baselines, if they are not known from before."""
        if self.trials.floor is not None:
            return
        seconds = FLOOR * self.trials.seconds
        self.baselines = fit_baselines(spec, self.train, self.validation, seconds=seconds, seed=self.seed)
        metrics = {task.name: task.primary_metric for task in spec.tasks}
        self.trials.floor = [
            Floor(
                each.name,
                each.task,
                metrics[each.task],
                each.score if math.isfinite(each.score) else None,
                each.seconds,
            )
            for each in self.baselines
        ]
        if best := self.trials.best_floor:
            print(f"The floor is {best.name}: {self.trials.metric} {best.score:.3f} on the validation records.")
        self.write()

    def decide(self) -> None:
        """Choose, and say why."""
        names = [*self.found]
        place, gain, error = choose([answers.scores for _, answers in self.found.values()], errors_over(names[0]))
        self.trials.chosen = names[place]
        if place:
            told = better_than(names[0], gain, error)
            self.trials.why = f"{names[place]} is kept: on the validation records it is {told}."
        elif len(names) > 1:
            by = "two standard errors" if errors_over(names[0]) > 1 else "a standard error"
            self.trials.why = f"{names[0]} is kept: no other was better by more than {by}."
        else:
            self.trials.why = f"{names[0]} is kept: it is the only one that was trained."
        if len(names) > 1 and self.found[names[0]][1].skewed:
            self.trials.why += SKEWED
        if self.stop:
            self.trials.why = f"Stopped: {self.trials.why[0].lower()}{self.trials.why[1:]}"

    def go_on_with_best(self) -> None:
        """Where the time was too short for all epochs of each, train the best one on with what is left."""
        name = self.trials.chosen
        candidate, _ = self.found[name]
        if not (self.time.tight or longer(name) in self.ended) or self.stop or name in FITTED:
            return
        epochs = self.time.epochs_in(self.time.left, candidate.cost)
        if epochs < FEWER and longer(name) not in self.ended:  # most of an epoch is worth it
            return
        epochs = min(max(int(epochs), 1), candidate.training.epochs)
        training = replace(candidate.training, epochs=epochs, init_from=str(self.place(name)))
        self.attempt(replace(candidate, name=longer(name), training=training))
        self.prefer(longer(name), f"{name} is kept, trained on from where it was")

    def use_what_is_left(self, candidates: Sequence[Candidate]) -> None:
        """Try those for which there was no time, if training the best one on took less of it than was kept back."""
        self.time.tight = False
        waiting = {each.name for each in self.trials.candidates if each.note.startswith(NO_TIME)}
        for each in candidates:
            if each.name not in waiting or self.reason_against(each):
                continue
            self.attempt(each)
            if each.name in self.found:
                both = [self.found[name][1].scores for name in (self.trials.chosen, each.name)]
                place, gain, error = choose(both, errors_over(self.trials.chosen))
                if place:
                    told = better_than(self.trials.chosen, gain, error)
                    self.trials.chosen, self.trials.why = each.name, f"{each.name} is kept: it is {told}."

    def distil(self) -> None:
        """Where several answer better together, let the best learn from all of them."""
        name = self.trials.chosen
        candidate, _ = self.found[name]
        members = greedy({key: each for key, (_, each) in self.found.items()})
        if len({*members}) < 2 or self.stop or name in FITTED:
            return
        print(f"Together, {' + '.join(members)} answer better; {name} learns from them.")
        teacher, *others = (str(self.place(each)) for each in members)
        methods = [each for each in map(Method.of, candidate.training.methods) if each.name != "distillation"]
        methods = [Method("distillation", teacher=teacher, others=others), *methods]
        training = replace(candidate.training, methods=methods, init_from=str(self.place(name)))
        student = replace(candidate, name=DISTILLED, training=training)
        self.attempt(student, reason=self.reason_against(student))
        self.prefer(DISTILLED, f"{name} is kept, which has learned from {' + '.join(members)}")

    def prefer(self, name: str, why: str) -> None:
        """Keep what has begun with the weights of the one that was chosen, if it is not worse."""
        if name in self.found and self.mean(name) >= self.mean(self.trials.chosen):
            self.trials.chosen, self.trials.why = name, f"{why}."

    def mean(self, name: str) -> float:
        """What a candidate is compared by."""
        return float(self.found[name][1].scores.mean())

    def judge(self) -> None:
        """Say how the one that is kept stands to the floor."""
        _, answers = self.found[self.trials.chosen]
        if best := self.trials.best_floor:
            self.trials.verdict = self.trials.against(best, answers.primary)
