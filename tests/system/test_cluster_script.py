"""The quickstart of several nodes does what the README shows."""

import subprocess
import unittest

from support import BUILD, PATIENCE, ROOT


class ClusterScript(unittest.TestCase):
    def test_three_nodes_survive_a_killed_node_and_a_killed_database(self):
        result = subprocess.run([ROOT / "app" / "cluster.sh", BUILD], capture_output=True, text=True,
                                timeout=2 * PATIENCE)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        lines = result.stdout.splitlines()
        for line in ["node c answers searches", "the write that waited is version 631",
                     "node b has all 5 of them, at version 630", "node a has all 9 of them, at version 634",
                     "node b has all 9 of them, at version 634", "node c has all 9 of them, at version 634"]:
            self.assertIn(line, lines)
        self.assertEqual(lines[-1], "3 nodes have the same index, 634 documents at version 634")


if __name__ == "__main__":
    unittest.main()
