"""The spoken keywords alone: in which of eight groups is an emoji? From random weights.

    mmzoo train emoji_speech --out runs/emoji_speech

Seed 0: test accuracy .518.
"""

import mmzoo
from mmzoo.datasets.emoji import GROUPS, RATE

recipe = mmzoo.Recipe(
    spec=mmzoo.Spec(
        inputs=[
            mmzoo.Audio(
                "speech",
                sample_rate=RATE,
                seconds=2.5,
                tower=mmzoo.Tower("spectrogram_cnn", dropout=0.0, augment=0.0),
                augmentations=[],
            )
        ],
        fusion="concat",
        tasks=[mmzoo.Classification("group", labels=GROUPS, smoothing=0.1)],
    ),
    data="emoji",
    training=mmzoo.Training(epochs=30),
)
