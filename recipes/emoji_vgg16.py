"""The classic set-up: VGG16, embedding + attention and a spectrogram CNN, all from scratch, on the emoji sample."""

import mmzoo
from mmzoo.datasets.emoji import GROUPS, RATE

recipe = mmzoo.Recipe(
    spec=mmzoo.Spec(
        inputs=[
            mmzoo.Image("image", size=32, tower=mmzoo.Tower("vgg16", weights=None)),
            mmzoo.Text("name", max_bytes=64, tower="embedding_attention"),
            mmzoo.Audio(
                "speech", sample_rate=RATE, seconds=2.5, tower=mmzoo.Tower("spectrogram_cnn", dropout=0.0, augment=0.0)
            ),
        ],
        fusion="concat",
        tasks=[mmzoo.Classification("group", labels=GROUPS, smoothing=0.1, auxiliary=1.0)],
    ),
    data="emoji",
    training=mmzoo.Training(epochs=15, learning_rate=3e-4),
)
