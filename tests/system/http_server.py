"""Servers that tests play to nodes and clients."""

import http.server
import threading


class QuietHandler(http.server.BaseHTTPRequestHandler):
    """Keeps connections, and what they ask for to itself."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass


def serve(test, handler):
    """Has the class of a handler answer on a free port of loopback until the test ends; returns the URL."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    test.addCleanup(server.server_close)
    test.addCleanup(server.shutdown)
    return f"http://127.0.0.1:{server.server_port}"
