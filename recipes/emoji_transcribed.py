"""The main recipe's question with the speech written down: what a Whisper hears that was tuned on the training records'
speech, read by the multilingual Universal Sentence Encoder, beside the name and the picture.

    mmzoo train emoji_transcribed --out runs/transcribed
    mmzoo train emoji_transcribed --inputs heard --out runs/heard          # the speech alone

What it hears stands in the sample's column `heard`. It was tuned in 1,162 s on one thread of two busy cores, 0.058 of
the test records' words are wrong, and of records of one's own the column is made by `mmzoo transcribe`:

    python benchmarks/transcription.py --tune tuned
    python benchmarks/transcription.py --weights tuned --write mmzoo/datasets/emoji/heard.json
    mmzoo transcribe table.csv --column speech --weights tuned --out written.csv

`python benchmarks/fusion.py --recipe emoji_transcribed`, test accuracy: fused 0.920 (seeds 0, 1 and 2: 0.921, 0.921,
0.918), speech alone 0.721 (0.768, 0.704, 0.692), name alone 0.823 and picture alone 0.758 (seeds 0 and 1). Heard by
Whisper's encoder alone, as it comes, the speech has 0.547 and the three together 0.903 (`recipes/emoji_pretrained.py`);
a logistic regression on such vectors, of another tuning, has 0.747 (`benchmarks/transcription.py --probe`). Without
`dim`, `dropout` and this much `smoothing` the speech alone had 0.680 (seed 0).
"""

import mmzoo
from mmzoo.datasets.emoji import GROUPS

recipe = mmzoo.Recipe(
    spec=mmzoo.Spec(
        inputs=[
            mmzoo.Image("image", size=64, tower=mmzoo.Tower("efficientnet_lite2", resolution=160, inner=True)),
            mmzoo.Text("name", max_bytes=64, tower="sentence"),
            mmzoo.Text("heard", max_bytes=64, tower="sentence"),
        ],
        fusion=mmzoo.Fusion("concat", dropout=0.5),
        tasks=[mmzoo.Classification("group", labels=GROUPS, smoothing=0.2, auxiliary=1.0)],
        dim=256,
    ),
    data="emoji",
    training=mmzoo.Training(epochs=30),
)
