"""The pages and their files, bundled and minified."""
