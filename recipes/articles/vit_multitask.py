"""Article system 5: ViT, text and audio; the group and, as a second task, the subgroup: `L + lambda * L_task`.

    mmzoo train vit_multitask --out runs/vit_multitask

RESULT
"""

import mmzoo
from mmzoo.datasets.emoji import GROUPS, RATE, subgroups

LAMBDA = 0.5

recipe = mmzoo.Recipe(
    spec=mmzoo.Spec(
        inputs=[
            mmzoo.Image("image", size=64, tower=mmzoo.Tower("vit", patch=16, width=96)),
            mmzoo.Text("name", max_bytes=64, tower="transformer"),
            mmzoo.Audio(
                "speech", sample_rate=RATE, seconds=2.5, tower=mmzoo.Tower("spectrogram_cnn", dropout=0.0, augment=0.0)
            ),
        ],
        fusion="concat",
        tasks=[
            mmzoo.Classification("group", labels=GROUPS, smoothing=0.1, auxiliary=1.0),
            mmzoo.Classification("subgroup", labels=subgroups(), weight=LAMBDA),
        ],
    ),
    data="emoji",
    # Four variants of each picture and sound are computed before training and drawn from in it.
    training=mmzoo.Training(epochs=50, views=4, monitor="group_macro_f1", patience=12),
)
