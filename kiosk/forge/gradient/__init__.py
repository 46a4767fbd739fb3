"""Turn a network into a dream graph: add the objective and the backward pass as standard ONNX operations."""
