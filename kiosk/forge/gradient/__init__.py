"""From a network to a dream graph: objective and backward pass in ordinary ONNX operations."""
