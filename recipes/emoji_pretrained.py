"""The main recipe's question with the best pretrained towers that pip can install: EfficientNet-Lite2, the multilingual
Universal Sentence Encoder and Whisper's encoder, all frozen.

    mmzoo train emoji_pretrained --out runs/pretrained

`python benchmarks/fusion.py --recipe emoji_pretrained`, test accuracy as mean of seeds 0, 1 and 2: fused 0.903 (0.896,
0.915, 0.899), picture alone 0.757, name alone 0.823, speech alone 0.547 (seeds 0 and 1). The main recipe has 0.858.
"""

import mmzoo
from mmzoo.datasets.emoji import GROUPS, RATE

recipe = mmzoo.Recipe(
    spec=mmzoo.Spec(
        inputs=[
            mmzoo.Image("image", size=64, tower=mmzoo.Tower("efficientnet_lite2", resolution=160)),
            mmzoo.Text("name", max_bytes=64, tower="sentence"),
            mmzoo.Audio("speech", sample_rate=RATE, seconds=2.5, tower="whisper", augmentations=[]),
        ],
        fusion="concat",
        tasks=[mmzoo.Classification("group", labels=GROUPS, smoothing=0.1, auxiliary=1.0)],
    ),
    data="emoji",
    training=mmzoo.Training(epochs=30),
)
