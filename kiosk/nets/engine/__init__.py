"""Sessions: running a graph of fixed shape within a memory limit, whatever the provider."""
