"""The Flask application: uploads, status, events, the pages. No image work happens in this process."""
