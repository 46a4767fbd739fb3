"""The server's log when phones connect and disconnect: nothing that identifies them, and no alarming errors."""

from __future__ import annotations

import contextlib
import socket
import ssl
import subprocess
import sys
from pathlib import Path

import psutil

from kiosk.lan.certificates import ensure_certificate
from kiosk.storage import DataFolder
from tests.waiting import LONGEST, until

SERVE = """
import logging, sys
from pathlib import Path
from kiosk.lan.certificates import ensure_certificate
from kiosk.server.app import create_app
from kiosk.server.http.serve import serve
from kiosk.storage import DataFolder
logging.basicConfig(level=logging.INFO)
data = DataFolder(Path(sys.argv[1]))
files = ensure_certificate(data.certificates, ["127.0.0.1"])
serve(create_app(data), "127.0.0.1", 0, 0, files.certificate, files.key, on_ready=lambda *p: print(*p, flush=True))
"""


def test_phones_that_distrust_or_leave_or_talk_nonsense_fill_no_log(data: DataFolder, tmp_path: Path) -> None:
    data.prepare()
    ensure_certificate(data.certificates, ["127.0.0.1"])
    with (tmp_path / "log").open("w+") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", SERVE, str(data.root)], stdout=subprocess.PIPE, stderr=log, text=True
        )
        assert process.stdout is not None
        try:
            port, tls_port = (int(part) for part in process.stdout.readline().split())
            # The browser's warning: the handshake ends with an alert.
            distrust = ssl.create_default_context()
            with socket.create_connection(("127.0.0.1", tls_port), 60) as plain:
                try:
                    distrust.wrap_socket(plain, server_hostname="127.0.0.1")
                except ssl.SSLCertVerificationError:
                    pass
                else:
                    raise AssertionError("trusted")
            # Plain text on the https port, and a TLS record on the http port.
            for target, words in ((tls_port, b"GET / HTTP/1.0"), (port, b"\x16\x03\x01 nonsense")):
                with socket.create_connection(("127.0.0.1", target), 60) as line:
                    line.sendall(words + b"\r\n\r\n")
                    line.settimeout(60)
                    with contextlib.suppress(ConnectionResetError):
                        line.recv(100)
            # The server is alive after all that.
            with socket.create_connection(("127.0.0.1", port), 60) as line:
                line.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
                assert line.recv(100).startswith(b"HTTP/1.")
            # And it has closed all of them: no socket is open or in CLOSE_WAIT.
            until(lambda: all(one.status == "LISTEN" for one in psutil.Process(process.pid).net_connections("tcp")))
        finally:
            process.terminate()
            process.wait(LONGEST)
            process.stdout.close()
        log.seek(0)
        said = log.read()
    assert "Traceback" not in said
    assert "127.0.0.1" not in said, said
    assert "REMOTE_ADDR" not in said
