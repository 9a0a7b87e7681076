"""The main recipe's question with the best pretrained towers that pip can install: EfficientNet-Lite2, the multilingual
Universal Sentence Encoder and Whisper's encoder, all frozen.

    mmzoo train emoji_pretrained --out runs/pretrained
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
