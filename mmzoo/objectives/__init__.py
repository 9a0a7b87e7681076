"""The objectives: what training makes small for one example. A file each.

    @objectives.register("name", reads="log_probs")
    def name(targets, log_probs, priors, *, option=1.0): ...

`targets` is what is wanted and the second argument what the model gives, both float32 (..., C); the result is float32
(...). `reads` says what the model gives:

- "log_probs": the logarithms of a distribution over C answers, `targets` the wanted distribution. A question of yes or
  no has C = 2. `priors` are the shares of the C answers among the training labels, (..., C), for an objective
  registered with `needs="priors"`, else None.
- "concentrations": those of a Dirichlet distribution, of which a classification's answer then is the mean; see
  `mmzoo.tasks.classification`.
- "similarities": scores of C candidates, of which `targets` is 1 for the right one. `priors` (..., C) are how much each
  candidate counts, 0 for one that must not. `scale` and `bias` are what a cosine is scaled by in the beginning.
- "numbers": C numbers on the scale of `targets`, which are deviations of the training labels from their means.

Options are numbers above 0.
"""

from collections.abc import Callable

from mmzoo.aliases import Tensor
from mmzoo.registry import Registry

objectives: Registry[Callable[..., Tensor]] = Registry("objective", __name__)
