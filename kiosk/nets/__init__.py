"""Run the graphs: sessions, tiles, dreaming and upscaling. Takes plain arguments and can be used as a library."""
