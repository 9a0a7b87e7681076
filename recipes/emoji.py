"""The main recipe: which of eight groups is an emoji in, from its picture, its name and its spoken keywords."""

import mmzoo
from mmzoo.datasets.emoji import GROUPS, RATE

recipe = mmzoo.Recipe(
    spec=mmzoo.Spec(
        inputs=[
            mmzoo.Image("image", size=64, tower=mmzoo.Tower("efficientnet_lite0", resolution=160, trainable_blocks=1)),
            mmzoo.Text("name", max_bytes=64, tower="static_embedding_attention"),
            mmzoo.Audio("speech", sample_rate=RATE, seconds=2.5, tower="spectrogram_cnn"),
        ],
        fusion="concat",
        tasks=[mmzoo.Classification("group", labels=GROUPS, smoothing=0.1, auxiliary=0.5)],
    ),
    data="emoji",
    training=mmzoo.Training(epochs=3, views=1),
)
