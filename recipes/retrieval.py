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
        # 1,144 pairs are few for 1,280 features of a picture: without dropout the training records are known by heart
        # after ten epochs.
        tasks=[mmzoo.Retrieval("match", dim=256, dropout=0.5)],
        dim=256,
    ),
    data="emoji",
    training=mmzoo.Training(epochs=24, batch_size=256, learning_rate=1.5e-3, modality_dropout=0.0),
)
