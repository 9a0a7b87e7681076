"""mmzoo as scikit-learn has it: models and towers that stand in a `Pipeline`, in `cross_val_score`, `GridSearchCV`."""

from mmzoo.sklearn.estimators import MultimodalClassifier, MultimodalRegressor
from mmzoo.sklearn.features import Embedder, TowerFeatures

__all__ = ["Embedder", "MultimodalClassifier", "MultimodalRegressor", "TowerFeatures"]
