"""The client library as other projects get it: installed, found by CMake, spoken with a node."""

import shutil
import subprocess

from support import BUILD, ROOT, NodeTest

CONSUMER = """
cmake_minimum_required(VERSION 3.25)
project(consumer LANGUAGES CXX)
find_package(fpnode 0.1 REQUIRED)
add_executable(identify identify.cpp)
target_link_libraries(identify PRIVATE fpnode::client)
"""


class ClientLibrary(NodeTest):
    def run_tool(self, *arguments):
        result = subprocess.run(arguments, capture_output=True, text=True, cwd=self.folder)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        return result.stdout

    def test_a_project_of_its_own_finds_links_and_uses_it(self):
        prefix, source, build = (self.folder / name for name in ("prefix", "source", "build"))
        self.run_tool("cmake", "--install", BUILD, "--prefix", prefix, "--component", "development")
        source.mkdir()
        (source / "CMakeLists.txt").write_text(CONSUMER)
        shutil.copy(ROOT / "app" / "example" / "identify.cpp", source)
        launcher = ["-DCMAKE_CXX_COMPILER_LAUNCHER=ccache"] if shutil.which("ccache") else []
        self.run_tool("cmake", "-G", "Ninja", "-S", source, "-B", build, f"-DCMAKE_PREFIX_PATH={prefix}", *launcher)
        self.run_tool("cmake", "--build", build)
        node = self.start()
        self.assertEqual(self.run_tool(build / "identify", str(node.port)),
                         "document 1: 3 of 3 hashes\ndocument 2: 1 of 3 hashes\n")
        self.assertEqual(node.json("index", "list")[0]["name"], "example")
        # What is installed says nothing of where it was built.
        for file in prefix.rglob("*.cmake"):
            self.assertNotIn(str(ROOT), file.read_text(), file)
