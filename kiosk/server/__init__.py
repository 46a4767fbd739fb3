"""The web server: a Flask application on gevent. It serves pages and spools uploads; it never decodes a picture."""
