"""Networks as they are published, read into float32 ONNX graphs."""
