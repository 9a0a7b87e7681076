"""From a spec to a model that knows its parts, and the model cut at them. Nobody else reads the names of layers."""
