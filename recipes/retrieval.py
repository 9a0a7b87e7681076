"""Picture, name and speech of an emoji find each other, without any label.

mmzoo train retrieval --out runs/retrieval
"""

import mmzoo
from mmzoo.datasets.emoji import RATE

recipe = mmzoo.Recipe(
    spec=mmzoo.Spec(
        inputs=[
            mmzoo.Image("image", size=64, tower=mmzoo.Tower("efficientnet_lite2", resolution=160), augmentations=[]),
            mmzoo.Text("name", max_bytes=64, tower="sentence"),
            mmzoo.Audio("speech", sample_rate=RATE, seconds=2.5, tower="whisper", augmentations=[]),
        ],
        fusion="concat",
        tasks=[mmzoo.Retrieval("match", dim=128)],
    ),
    data="emoji",
    training=mmzoo.Training(epochs=40, batch_size=128, modality_dropout=0.0),
)
