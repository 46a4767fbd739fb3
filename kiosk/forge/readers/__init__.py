"""Read published networks into fp32 ONNX graphs."""
