"""Takes photos for the kiosk under the system's Python, which has libcamera's bindings.

Standard library and picamera2 only: this file is started by path and must not import the kiosk.

Requests are lines of JSON on standard input: {"take": true}, {"stop": true}. Each response on standard output is one
line of JSON, followed by n bytes of JPEG if it contains {"bytes": n}. Faults: {"error": sentence, "permanent": bool}.
The first line, sent without a request, is {"ready": true, "camera": model} or a fault.
"""

import io
import json
import os
import sys


def answer(stream, message, body=b""):
    """Write one response."""
    stream.write(json.dumps(dict(message, bytes=len(body)) if body else message).encode() + b"\n" + body)
    stream.flush()


def main():
    """Serve requests until standard input ends."""
    # libcamera and other libraries print to standard output. Keep the original for responses; send theirs to stderr.
    channel = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    try:
        from picamera2 import Picamera2  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        answer(channel, {"error": f"picamera2 is missing ({error}); apt install python3-picamera2", "permanent": True})
        return 1
    try:
        camera = Picamera2()
        camera.configure(camera.create_still_configuration())
        camera.start()
    except (RuntimeError, IndexError, OSError) as error:
        answer(channel, {"error": f"the camera does not start: {error}", "permanent": False})
        return 1
    try:
        answer(channel, {"ready": True, "camera": camera.camera_properties.get("Model", "camera")})
        for line in sys.stdin.buffer:
            request = json.loads(line)
            if request.get("stop"):
                break
            if request.get("take"):
                photo = io.BytesIO()
                try:
                    camera.capture_file(photo, format="jpeg")
                except (RuntimeError, OSError) as error:
                    answer(channel, {"error": f"no photo: {error}", "permanent": False})
                    continue
                answer(channel, {"taken": True}, photo.getvalue())
    finally:
        camera.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
