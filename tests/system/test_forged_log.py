"""What clients send cannot pass for a line of the log."""

import re
import socket
import unittest

import requests

from support import PATIENCE, NodeTest

FORGED = "2031-01-01T00:00:00.000+0000 critical forged"


class ForgedLog(NodeTest):
    def test_every_line_of_the_log_is_the_nodes_own(self):
        node = self.start("--log-level", "trace", "--legacy-port", "any")
        name = f"x\n{FORGED}\r\n"
        escaped = requests.utils.quote(name, safe="")
        for path in (f"/{escaped}", f"/music/{escaped}", f"/music/_{escaped}"):
            for method in ("GET", "PUT", "DELETE", "POST"):
                answer = requests.request(method, node.url(path), data=name, timeout=PATIENCE,
                                          headers={"Content-Type": "application/json"})
                self.assertIn(answer.status_code, (400, 404))
        with node.connect() as connection:
            connection.sendall(f"GET /{name} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            connection.makefile("rb").read()
        with socket.create_connection(("127.0.0.1", node.line_port), PATIENCE) as connection:
            connection.sendall(f"echo x\rforged\x1b[2K\nset attribute {FORGED}\rx\nget \x0b{FORGED}\nquit\n".encode())
            connection.makefile("rb").read()
        for arguments in (("index", "create", name), ("index", "delete", name), ("search", name, "1,2,3")):
            node.ctl(*arguments, check=None)
        self.assertEqual(node.stop(), 0)
        for line in node.log().split("\n"):
            self.assertRegex(line, re.compile(r"^20[0-9-]+T[0-9:.+-]+ (trace|debug|info|warning|error|critical) [^\x00-\x1f\x7f]*$"))
            self.assertNotRegex(line, "^2031|critical forged")


if __name__ == "__main__":
    unittest.main()
