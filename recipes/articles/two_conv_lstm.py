"""Article system 3: two convolutions see, LSTMs read and listen; side by side and a dense layer of 128.

    mmzoo train two_conv_lstm --out runs/two_conv_lstm

RESULT
"""

import mmzoo
from mmzoo.datasets.emoji import GROUPS, RATE

recipe = mmzoo.Recipe(
    spec=mmzoo.Spec(
        inputs=[
            mmzoo.Image("image", size=32, tower=mmzoo.Tower("small_cnn", filters=[32, 64])),
            mmzoo.Text("name", max_bytes=64, tower="lstm"),
            mmzoo.Audio("speech", sample_rate=RATE, seconds=2.5, tower="lstm"),
        ],
        fusion="concat",
        tasks=[mmzoo.Classification("group", labels=GROUPS, auxiliary=1.0)],
        dim=128,
    ),
    data="emoji",
    training=mmzoo.Training(epochs=20),
)
