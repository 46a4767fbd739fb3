"""Picture files: containers, metadata, decoding in a confined child process, and encoding."""
