"""What Whisper writes down, as it comes and tuned: word error rates, and what that tells of the main recipe's groups.

    python benchmarks/transcription.py                               # the embedded sample, as it comes
    python benchmarks/transcription.py --padding 2.5 10 30           # of how much silence behind a clip it needs
    python benchmarks/transcription.py --prompts /usr/share/asterisk/sounds/en_US_f_Allison
    python benchmarks/transcription.py --tune tuned                  # taught the training records' spoken words
    python benchmarks/transcription.py --weights tuned --probe       # what is then known of the group
    python benchmarks/transcription.py --weights tuned --write mmzoo/datasets/emoji/heard.json     # a column of its own

Word error rate (jiwer) of lower case without punctuation, numbers as figures. The prompts are Debian's
asterisk-core-sounds-en-wav (CC-BY-SA 3.0, 8 kHz, a telephone voice), of which those count whose file name is what is
said. The sample's voice is eSpeak NG's at 185 words a minute, through Opus at 8 kHz: two or three words a clip, and no
context. Its clips are of concepts that the tuning has not heard.

    the prompts, 141, as it comes, 30 seconds each                           0.199
    the sample as it comes, 64 of the validation clips, 30 seconds each      1.272
        10 seconds each                                                      1.448
        5 seconds each                                                       2.840
    tuned for 6 epochs, validation / test                                    0.082 / 0.065
        weights as they were trained (share=1), validation                   0.250

A rate above 1 is that of words said again and again. As it comes Whisper does not understand that voice ("adult bro" is
"I'll throw"), and less so the shorter a clip is made; tuned it needs no silence behind one. An epoch took 60 to 146
seconds on one busy core. What logistic regressions then tell of the group, their penalty chosen by the validation
records, in test accuracy:

    the tuned encoder's mean and maximum                    0.604  (0.530 as it comes, `benchmarks/speech.py`)
    the decoder's last states, their mean                   0.674
    what is written, by the sentence encoder                0.747
    what was said, by the sentence encoder                  0.762  which bounds the last
    what was said, by n-grams of characters                 0.662
"""

from __future__ import annotations

import argparse
import json
import re
import time
from pathlib import Path
from typing import Any

import jiwer
import keras
import numpy as np
import soundfile
import soxr

import mmzoo
from mmzoo.data.records import Records
from mmzoo.datasets.emoji import RATE, emoji, read_facts
from mmzoo.modalities.audio.slaney import WhisperMel
from mmzoo.towers.sentence import sentence_vectors
from mmzoo.transcription.recognizer import Recognizer
from mmzoo.transcription.tuning import save, tune
from mmzoo.transcription.windows import padded

PARTS = ("train", "validation", "test")
TO_TWENTY = """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
    seventeen eighteen nineteen"""
TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
ORDINALS = {"first": "1st", "second": "2nd", "third": "3rd", "fifth": "5th", "eighth": "8th", "ninth": "9th"}
DAYS = "sunday monday tuesday wednesday thursday friday saturday"
MONTHS = "january february march april may june july august september october november december"
ALPHABET = """alpha bravo charlie delta echo foxtrot golf hotel india juliet kilo lima mike november oscar papa quebec
    romeo sierra tango uniform victor whiskey x-ray yankee zulu"""
SAID = """activated added all-circuits-busy-now call-forwarding call-waiting calling cancelled de-activated disabled
    do-not-disturb enabled extension goodbye hello hello-world hours im-sorry is-in-use is-set-to location lowercase
    minute minutes number one-moment-please please-try-again removed second seconds sorry speed-dial telephone-number
    time to-call-this-number to-extension transfer uppercase with you-entered your vm-and vm-deleted vm-extension
    vm-first vm-from vm-goodbye vm-last vm-message vm-messages vm-minutes vm-received vm-saved vm-undeleted
    digits/billion digits/dollars digits/hundred digits/million digits/minus digits/pound digits/star digits/thousand
    digits/today digits/tomorrow digits/yesterday dictate/pause dictate/paused dictate/playback dictate/record"""
"""Files whose name is what is said, but for a prefix."""
NUMBERS = {word: str(number) for number, word in enumerate(TO_TWENTY.split())}
NUMBERS |= {word: str(10 * number) for number, word in enumerate(TENS.split(), start=2)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", default="tiny.en", help="or the folder of a tuned one")
    parser.add_argument("--part", choices=PARTS, default="test", help="of the embedded sample")
    parser.add_argument("--count", type=int, help="the first so many clips alone")
    parser.add_argument("--beams", type=int, default=1)
    parser.add_argument("--padding", type=float, nargs="+", help="seconds that every clip is made")
    parser.add_argument("--prompts", type=Path, help="the folder of the spoken prompts, in place of the sample")
    parser.add_argument("--tune", type=Path, metavar="FOLDER", help="tune on the training records and write it there")
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--probe", action="store_true", help="logistic regressions on what is heard")
    parser.add_argument("--write", type=Path, metavar="FILE", help="what is heard in the whole sample, as JSON")
    args = parser.parse_args()
    splits = dict(zip(PARTS, emoji(), strict=True))
    if args.tune:
        keras.mixed_precision.set_global_policy("mixed_bfloat16")
    ask = Recognizer(args.weights)
    if args.tune:
        began = time.monotonic()
        training = splits["train"]
        losses = tune(ask, waves_of(training), training.columns["says"], epochs=args.epochs, seed=args.seed)
        save(ask, args.tune)
        print(f"losses {', '.join(f'{loss:.3f}' for loss in losses)}, {time.monotonic() - began:.0f} s")
    if args.probe:
        probes(ask, splits)
        return
    if args.write:
        heard = {
            k: text
            for split in splits.values()
            for k, text in zip(split.ids, written(ask, waves_of(split), 1, None), strict=True)
        }
        in_order = [heard[fact["id"]] for fact in read_facts()]
        args.write.write_text(json.dumps(in_order, ensure_ascii=False, indent=0) + "\n", "utf-8")
        return
    if args.prompts:
        waves, truth = prompts(args.prompts)
    else:
        waves, truth = waves_of(splits[args.part]), splits[args.part].columns["says"]
    waves, truth = waves[: args.count], truth[: args.count]
    for seconds in args.padding or [None]:
        began = time.monotonic()
        found = written(ask, waves, args.beams, seconds)
        took = time.monotonic() - began
        # Of what was heard as nothing jiwer wants a word.
        wrong = [jiwer.wer(plain(right), plain(text) or "-") for right, text in zip(truth, found, strict=True)]
        rate = jiwer.wer([plain(text) for text in truth], [plain(text) for text in found])
        length = "as long as it takes them" if seconds is None else f"of {seconds:g} seconds"
        right = np.mean(np.array(wrong) == 0)
        print(f"{len(waves)} clips {length}: WER {rate:.3f}, {right:.3f} without a mistake, {took:.0f} s", flush=True)
        for place in np.argsort(wrong)[::-1][:10]:
            print(f"    {truth[place]!r} heard as {found[place][:60]!r}")


def waves_of(records: Records) -> list[np.ndarray]:
    """The clips at 16 kHz."""
    return [soxr.resample(wave, RATE, 16000) for wave in records.columns["speech"]]


def written(ask: Recognizer, waves: list[np.ndarray], beams: int, seconds: float | None) -> list[str]:
    """What is said in clips, in batches."""
    found: list[str] = []
    for start in range(0, len(waves), 16):
        some = waves[start : start + 16]
        x = padded(some, whole=ask.padded)
        if seconds is not None:
            length = int(seconds * 16000)
            x = np.stack([np.pad(wave[:length], (0, max(length - len(wave), 0))) for wave in some])
        found += [each.text for each in ask(x, beams=beams, most=48)]
    return found


def plain(text: str) -> str:
    """Lower case, no punctuation, numbers as figures."""
    words = re.sub(r"[^a-z0-9 ]+", " ", text.lower().replace("'", "")).split()
    return " ".join(NUMBERS.get(word, ORDINALS.get(word, ordinal(word))) for word in words)


def ordinal(word: str) -> str:
    """ "sixteenth" as "16th"; another word as it is."""
    root = word.removesuffix("th")
    root = root.removesuffix("ie") + "y" if root.endswith("ie") else root
    return f"{NUMBERS[root]}th" if word.endswith("th") and root in NUMBERS else word


def prompts(folder: Path) -> tuple[list[np.ndarray], list[str]]:
    """The clips at 16 kHz and what is said in them."""
    truth = {f"digits/{number}": number for number in [*range(21), *range(30, 100, 10)]}
    said: dict[str, str] = {name: str(number) for name, number in truth.items()}
    said |= {f"digits/day-{number}": day for number, day in enumerate(DAYS.split())}
    said |= {f"digits/mon-{number}": month for number, month in enumerate(MONTHS.split())}
    said |= {f"phonetic/{word[0]}_p": word for word in ALPHABET.split()}
    said |= {name: name.rpartition("/")[2].removeprefix("vm-").replace("-", " ") for name in SAID.split()}
    said["de-activated"] = "deactivated"
    waves = []
    for name in said:
        wave, rate = soundfile.read(folder / f"{name}.wav", dtype="float32")
        waves.append(soxr.resample(wave, rate, 16000))
    return waves, list(said.values())


def probes(ask: Recognizer, splits: dict[str, Records]) -> None:
    """Print what logistic regressions tell of the group: of what is heard, and of what was said."""
    from speech import probe

    transcripts = [written(ask, waves_of(split), 1, None) for split in splits.values()]
    heard = [pooled(ask, waves_of(split)) for split in splits.values()]
    said = [split.columns["says"] for split in splits.values()]
    rows: dict[str, Any] = {
        "the encoder's mean and maximum": heard,
        "what is written, by n-grams of characters": transcripts,
        "what is written, by the sentence encoder": [sentences(texts) for texts in transcripts],
        "both of the last": [
            np.concatenate([a, sentences(b)], axis=1) for a, b in zip(heard, transcripts, strict=True)
        ],
        "what was said, by n-grams of characters": said,
        "what was said, by the sentence encoder": [sentences(texts) for texts in said],
    }
    for name, features in rows.items():
        print(f"{name:<42} {probe(features, tuple(splits.values())):.3f}", flush=True)


def pooled(ask: Recognizer, waves: list[np.ndarray]) -> np.ndarray:
    """Mean and maximum of the encoder's tokens of each clip, (N, 2 * width)."""
    mel, found = WhisperMel(16000), []
    for start in range(0, len(waves), 16):
        some = waves[start : start + 16]
        values = np.asarray(ask.encoder(mel(padded(some, whole=ask.padded))[0]))
        for tokens, wave in zip(values, some, strict=True):
            real = tokens[: -(-len(wave) // 320)]
            found.append(np.concatenate([real.mean(axis=0), real.max(axis=0)]))
    return np.stack(found)


def sentences(texts: list[str]) -> np.ndarray:
    """The multilingual Universal Sentence Encoder's vectors, (N, 512)."""
    item = mmzoo.Text("text", max_bytes=64, tower="sentence")
    layer = sentence_vectors(item, "use_multilingual", "sentence")
    return np.asarray(layer(np.stack([item.decode(text) for text in texts]))[0])[:, 0]


if __name__ == "__main__":
    main()
