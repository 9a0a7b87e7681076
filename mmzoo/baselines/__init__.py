"""Baselines: models of scikit-learn on the same records, which a network has to be better than. One file each.

    @baselines.register("name")
    class Name(Model):
        def fit(self, problem): ...  # what says the predictions to any records

`fit_baselines` fits them, the cheap ones first. What differs by kind of input is told by the modalities
(`Modality.vectorizer`), what differs by task by its tags. Nothing of them is ever written down but figures.
"""

from mmzoo.baselines.base import Baseline, Model
from mmzoo.baselines.fit import best_of, fit_baselines
from mmzoo.registry import Registry

__all__ = ["Baseline", "Model", "baselines", "best_of", "fit_baselines"]

baselines: Registry[type[Model]] = Registry("baseline", __name__)
