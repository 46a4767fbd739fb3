"""The web server: a Flask application on gevent. It serves and spools; it never decodes a picture."""
