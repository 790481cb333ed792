"""The commands of SECURITY.md and config/README.md for certificates and tokens do what they say, as they stand there."""

import os
import re
import subprocess
import unittest

from support import PATIENCE, ROOT, NodeTest, run_ctl


def commands(file, heading):
    """The shell commands below a heading, block by block."""
    text = (ROOT / file).read_text()
    below = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#+ |\Z)", text, re.M | re.S).group(1)
    return re.findall(r"^```sh\n(.*?)^```", below, re.M | re.S)


class DocumentedCertificates(NodeTest):
    def shell(self, script, **variables):
        done = subprocess.run(["sh", "-ec", script], cwd=self.folder, env={**os.environ, **variables},
                              capture_output=True, text=True, timeout=PATIENCE)
        self.assertEqual(done.returncode, 0, f"{script}\n{done.stderr}")
        return done.stdout

    def test_they_let_in_who_is_meant(self):
        authority, issue, _ = commands("SECURITY.md", "How to make certificates")
        self.shell(authority)
        self.shell(issue)
        self.shell(issue.replace("node", "client"))
        make_token, ask = (next(line for line in block.splitlines() if line.startswith(start))
                           for start, block in zip(("(umask", "curl --cacert"),
                                                   commands("config/README.md", "Tokens and TLS of HTTP")))
        self.shell(make_token)
        token = (self.folder / "tokens").read_text().split()[1]
        files = [self.folder / name for name in ("node.crt", "node.key", "ca.crt")]
        node = self.start("--http-tls", "on", "--caf-tls", "on", "--token-file", self.folder / "tokens",
                          "--tls-certificate", files[0], "--tls-key", files[1], "--tls-ca", files[2])
        self.assertIn("127.0.0.1:8080", ask)
        answer = self.shell(ask.replace("127.0.0.1:8080", f"127.0.0.1:{node.http_port}"), TOKEN=token)
        self.assertEqual(answer, '{"error":"IndexNotFound"}')
        answer = self.shell(ask.replace("127.0.0.1:8080", f"localhost:{node.http_port}"), TOKEN="none" * 4)
        self.assertEqual(answer, '{"error":"Unauthorized"}')
        done = run_ctl(node.port, "--tls-certificate", self.folder / "client.crt", "--tls-key",
                       self.folder / "client.key", "--tls-ca", files[2], "status")
        self.assertEqual(done.returncode, 0, done.stderr)


if __name__ == "__main__":
    unittest.main()
