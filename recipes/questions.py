"""Questions about pictures ("is it mostly red?", "is it a person or a sign?"), of concepts that training has not seen.

    mmzoo train questions --out runs/questions

Of every question both answers are equally frequent, so that the question alone is right in half of the cases. What is
asked decides what of the picture counts, so the fusion multiplies the two (MLB).

FIGURES
"""

import mmzoo

recipe = mmzoo.Recipe(
    spec=mmzoo.Spec(
        inputs=[
            mmzoo.Image("image", size=64, tower=mmzoo.Tower("efficientnet_lite0", resolution=160), augmentations=[]),
            mmzoo.Text(
                "question",
                max_bytes=64,
                tokens=14,
                tokenizer=mmzoo.Tokenizer("words", size=300),
                tower="embedding_attention",
            ),
        ],
        fusion="mlb",
        tasks=[mmzoo.TextAnswer("answer", 8, tokenizer=mmzoo.Tokenizer("words", size=300), beams=1)],
        dim=128,
    ),
    data="emoji_questions",
    training=mmzoo.Training(epochs=12, batch_size=64, modality_dropout=0.0),
)
