"""Questions about pictures ("is it mostly red?", "is it a person or a sign?"), of concepts that training has not seen.

    mmzoo train questions --out runs/questions

Of every question both answers are equally frequent, so that the question alone is right in half of the cases. What is
asked decides what of the picture counts, so the fusion multiplies the two (MLB).

Mean of seeds 0 to 2, some minutes each on a busy core, on the test records: .816 of the answers are right with picture
and question (.822, .825, .802), .378 with the question alone and .359 with the picture alone, which training never
showed alone. The commonest answer to each question is right in .499, a logistic regression of its own for each question
in .834 (`python benchmarks/questions.py`): still the better one, though nothing that it learns from one question helps
it with another. Attention over both in place of the product (`joint_transformer`) had .528 after five epochs.
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
