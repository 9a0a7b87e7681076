"""Why a model answered one record as it did: the modalities' shares, gradients and attention."""
