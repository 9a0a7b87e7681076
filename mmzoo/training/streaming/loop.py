"""The loop over a stream: a batch is answered, then learnt from, and taken; a checkpoint knows how far that was."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from mmzoo.aliases import Tensor, Tree
from mmzoo.data.rereading import Reread
from mmzoo.data.streams.arriving import Arrived
from mmzoo.data.tally import Tally
from mmzoo.draws import keys_of
from mmzoo.errors import require
from mmzoo.files import subfolder, write_file
from mmzoo.inference.running import run_model
from mmzoo.messages.truncation import count_truncations
from mmzoo.names import EMBEDDING
from mmzoo.training.feeds.batches import Varied
from mmzoo.training.model.teaching import with_given
from mmzoo.training.run_folder.checkpoint import load_checkpoint, save_checkpoint
from mmzoo.training.run_folder.notes import history_text
from mmzoo.training.settings import Training
from mmzoo.training.step import prepared
from mmzoo.training.stopping import Interrupted, stop_requests
from mmzoo.training.streaming.batch import Decoder, Placed, Usable, filled, line_of
from mmzoo.training.streaming.drift import COMPARED, FEWEST_OLD, Drift, alarm, places_among
from mmzoo.training.streaming.late import MOST_OLD
from mmzoo.training.streaming.numbers import Numbers, columns_of
from mmzoo.training.streaming.prequential import Window, shown
from mmzoo.training.streaming.replay import Reservoir, failure
from mmzoo.training.streaming.state import Streaming, Taken, chained
from mmzoo.training.trainer import Trainer

if TYPE_CHECKING:
    from mmzoo.graph.build import Multimodal

SAVE_SECONDS = 10.0
"""So much work may have to be done again; in the middle of a row of the history, six times as much."""
TELL_SECONDS = 10.0
ROWS = 5_000
"""Of the history that are kept, the newest: a stream has no end."""
FEWEST = 1_000
"""Records that a share of bad ones is of at least: the first bad line is no hundredth of anything."""
RISE = 600
"""Steps of which the rate rises over 5 %, where it is not said how many there will be."""


class StreamLoop:
    """A run over a stream, from its newest checkpoint or from its beginning.

    Args:
        model: built of a fitted spec.
        folder: where `history.jsonl` and `checkpoints/` are written; held by whoever calls.
        reread: how the cells of a record are read, with labels.
    """

    def __init__(
        self,
        model: Multimodal,
        training: Training,
        streaming: Streaming,
        folder: Path,
        reread: Reread,
        *,
        seed: int,
        on_error: str,
        budget: float,
    ) -> None:
        self.model, self.spec, self.training, self.streaming = model, model.spec, training, streaming
        self.folder, self.reread, self.seed, self.on_error = folder, reread, seed, on_error
        self.checkpoints = subfolder(folder, "checkpoints")
        old = round(training.batch_size * streaming.replay_share) if streaming.replay else 0
        self.new = max(training.batch_size - old, 1)
        learning = prepared(self.spec, model, training)
        self.trainer = Trainer(self.spec, learning, training, streaming.steps or RISE)
        late = any(group.epoch for group in self.trainer.tuned.groups)
        require(
            not late, "A stream has no epochs, so nothing can begin to train in a later one; choose another 'tune'."
        )
        more = {} if learning.parts.embedding is None else {EMBEDDING: learning.parts.embedding}
        self.asked = learning.parts.cut(learning.input, {**learning.output, **more})
        self.taken, self.reservoir = self._restored()
        self.drift = Drift.from_json(self.taken.drift) if self.taken.drift else Drift()
        self.numbers = Numbers.from_json(self.taken.numbers) if self.taken.numbers else Numbers()
        self.tally = Tally(on_error, budget)
        if self.taken.tally:
            self.tally.add(self.taken.tally)
        self.varied = Varied(training.modality_dropout)
        self.batch = tf.function(self._batch, autograph=False)
        self.window = Window(self.spec)
        self.saved = self.told = time.monotonic()
        self.kept = self.told_of = self.taken.records
        self.cuts, self.old = ExitStack(), list[Placed]()

    def _restored(self) -> tuple[Taken, Reservoir]:
        found = load_checkpoint(self.checkpoints)
        if found is None:
            return Taken(), Reservoir(self.checkpoints, self.streaming.replay)
        arrays, facts = found
        try:
            replay = facts.pop("replay")
            taken = Taken(**facts)
            own = {name: array for name, array in arrays.items() if name.startswith("replay-")}
            reservoir = Reservoir(self.checkpoints, self.streaming.replay, replay, own)
            self.trainer.restore({name: array for name, array in arrays.items() if name not in own})
        except Exception as error:  # whoever made it may have put anything into it
            raise failure(self.checkpoints, error) from error
        return taken, reservoir

    def run(self, arriving: Iterable[Arrived | None]) -> None:
        """Take what comes behind the cursor, to its end or to the last step.

        Raises:
            Interrupted: Ctrl-C or SIGTERM, after a checkpoint was written.
            MMZooError: a record cannot be used, too many cannot, or the loss is not a finite number.
        """
        with ExitStack() as inside:
            asked = inside.enter_context(stop_requests())
            pool = inside.enter_context(ThreadPoolExecutor())
            inside.callback(self.reservoir.close)
            bar = inside.enter_context(
                tqdm(initial=self.taken.records, desc="stream", unit="record", disable=None, leave=False)
            )
            self.decoder = Decoder(
                self.reread, pool, self.on_error, self.streaming.new_classes, self.taken.named, self.taken.late
            )
            self.told = time.monotonic()
            self.window.start()
            inside.callback(self.cuts.close)
            self.count_cuts()
            if not self.taken.records:
                self.save()
            pieces = self._pieces(arriving, asked)
            while not self.ended and (piece := next(pieces, None)):
                self.take(piece)
                bar.update(len(piece))
                if bar.disable and time.monotonic() - self.told > TELL_SECONDS:
                    self.tell()
            self.end_window()
            self.save()
            if self.taken.late:
                self.old = [(place, row) for _, place, row in map(json.loads, self.reservoir.first(MOST_OLD))]
            if asked:
                said = f"Stopped after {self.taken.records:,} records; run the same command again to go on."
                raise Interrupted(said, asked[0])

    def tell(self) -> None:
        """Print how far this is, how fast, and what the answers of the last row of the history were worth."""
        now, records = time.monotonic(), self.taken.records
        rate = (records - self.told_of) / (now - self.told)
        self.told, self.told_of = now, records
        print(f"{records:,} records taken, {rate:,.0f} a second{self.shown()}", flush=True)

    def shown(self) -> str:
        """What the answers of the last row of the history were worth, behind a comma."""
        return shown(self.spec, self.taken.history)

    @property
    def ended(self) -> bool:
        """Were all steps taken?"""
        return 0 < self.streaming.steps <= self.taken.step

    def _pieces(self, arriving: Iterable[Arrived | None], asked: list[int]) -> Iterator[list[Arrived]]:
        """Records, as many as a step takes new ones of; fewer at the end. None once somebody asks to stop."""
        piece: list[Arrived] = []
        for each in arriving:
            if asked:
                return  # what is in `piece` is not taken, and comes again
            if each is None:
                self.save_after(SAVE_SECONDS)
                continue
            piece.append(each)
            if len(piece) == self.new:
                yield piece
                piece = []
                if asked:
                    return
        if piece:
            yield piece

    def take(self, piece: list[Arrived]) -> None:
        """Answer some records, learn from them, and count them as taken."""
        taken, first = self.taken, self.taken.records
        random = np.random.Generator(np.random.Philox(key=self.seed, counter=first))
        usable, tally = self.decoder([each.row for each in piece], [each.place for each in piece])
        self.tally.add(tally)
        self.tally.check(FEWEST)
        if len(usable):
            learnable = usable.select(usable.known(self.spec.tasks))
            old, numbers = self.remembered(random) if len(learnable) else (None, [])
            self.answer(usable, old)
            for row in learnable.rows.tolist() if self.streaming.replay else ():
                self.reservoir.offer(line_of(first + row, piece[row]), random)
            if len(learnable):
                self.learn(learnable, old, [*(first + learnable.rows).tolist(), *numbers])
                taken.learnt += len(learnable)
        taken.records += len(piece)
        taken.cursor = piece[-1].cursor
        for each in piece:
            taken.sha256 = chained(taken.sha256, each)
        if taken.records // self.streaming.every > first // self.streaming.every:
            self.end_window()
            self.save_after(SAVE_SECONDS)
        self.save_after(6 * SAVE_SECONDS)

    def remembered(self, random: np.random.Generator) -> tuple[Usable | None, list[int]]:
        """Records of the past that are learnt again, and their numbers; None where there are none."""
        lines = [json.loads(line) for line in self.reservoir.draw(self.training.batch_size - self.new, random)]
        if not lines:
            return None, []
        old, _ = self.decoder([line[2] for line in lines], [line[1] for line in lines], again=True)
        return (old, [lines[row][0] for row in old.rows.tolist()]) if len(old) else (None, [])

    def outputs_of(self, usable: Usable) -> dict[str, np.ndarray]:
        """What the model puts out for records as they are."""
        with self.trainer.averaged():
            return run_model(self.asked, with_given(self.spec, usable.inputs, usable.labels))

    def answer(self, usable: Usable, old: Usable | None) -> None:
        """Answer records that were not learnt yet, for the metrics and to see whether what comes has changed.

        Args:
            old: records of the past, which the same weights are asked about, every few steps.
        """
        outputs = self.outputs_of(usable)
        embedding, places = outputs.pop(EMBEDDING, None), None
        if old is not None and embedding is not None and len(old) >= FEWEST_OLD and not self.taken.step % COMPARED:
            places = places_among(embedding, self.outputs_of(old)[EMBEDDING])
        self.numbers.add(self.spec.inputs, usable.inputs)
        for what in self.drift.add(self.window.add(usable, outputs), places):
            self.taken.drifts += 1
            names = [name for name, _ in columns_of(self.spec.inputs, usable.inputs)]
            print(alarm(what, self.taken.records, self.numbers.moved(names)), flush=True)

    def learn(self, usable: Usable, old: Usable | None, numbers: list[int]) -> None:
        """A step from new records, and from some of those before; `numbers` are those of all of them."""
        parts = [usable] if old is None else [usable, old]
        size = self.training.batch_size
        inputs, labels, weights = filled(parts, size)
        numbers = [*numbers, *[0] * (size - len(numbers))]
        batch = self.batch(inputs, labels, tf.constant(numbers, tf.int64), tf.constant(self.taken.step, tf.int64))
        terms = self.trainer.take((*batch, tf.constant(weights)))
        self.taken.step += 1
        require(
            np.isfinite(terms).all(),
            f"The loss is not a finite number at step {self.taken.step}; look at the last records before number "
            f"{self.taken.records + size:,}, or lower the rate (--set training.learning_rate=...) and train into a new "
            "folder.",
        )

    def _batch(self, inputs: dict[str, Tensor], labels: dict[str, Tensor], numbers: Tensor, step: Tensor) -> Tree:
        """The rows as variants, which are drawn by their numbers and the step."""
        keys = keys_of(self.seed, numbers, step + tf.zeros_like(numbers))
        items = {item.name: item for item in self.spec.inputs}
        varied = {name: items[name].augment(x, keys) if name in items else x for name, x in inputs.items()}
        return self.varied(varied, labels, tf.range(self.training.batch_size, dtype=tf.int64), keys)

    def count_cuts(self) -> None:
        """Say in one line what was cut of the records of this row of the history, and count those of the next."""
        self.cuts.close()
        for item in self.spec.inputs:
            self.cuts.enter_context(count_truncations(item.name, item.kind, self.streaming.every))

    def end_window(self) -> None:
        """A row of the history: what the answers were worth before they were learnt."""
        if not self.window.answers:
            return
        row = self.window.row(self.taken, self.tally.bad, self.decoder.strangers)
        self.decoder.strangers = 0
        self.taken.history = [*self.taken.history, row][-ROWS:]
        write_file(self.folder / "history.jsonl", history_text(self.taken.history))
        self.window.start()
        self.numbers.settle()
        self.count_cuts()

    def save_after(self, seconds: float) -> None:
        """Write a checkpoint where something was taken since the last, and that is so long ago."""
        if self.taken.records > self.kept and time.monotonic() - self.saved >= seconds:
            self.save()

    def save(self) -> None:
        """Write a checkpoint."""
        self.kept = self.taken.records
        self.saved = time.monotonic()
        self.reservoir.settle(self.taken.step)
        self.taken.tally = self.tally.counted
        self.taken.drift, self.taken.numbers = self.drift.to_json(), self.numbers.to_json()
        facts = {**vars(self.taken), "replay": self.reservoir.facts}
        # By the records: a batch without a label is taken and is no step.
        save_checkpoint(self.checkpoints, self.taken.records, {**self.trainer.arrays(), **self.reservoir.arrays}, facts)
        self.reservoir.tidy()
