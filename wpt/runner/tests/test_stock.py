"""python3 -m unittest discover -s wpt/runner/tests"""

import os
import sys
import tempfile
import unittest
from types import SimpleNamespace
from unittest import mock

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from background_sync_wpt import stock  # noqa: E402
from background_sync_wpt.roots import UsageError  # noqa: E402

# In the place of a checkout's command.
WPT = "print('# Start\\n127.0.0.1\\tweb-platform.test\\n127.0.0.1\\twww.web-platform.test\\n# End')\n"


class Hosts(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.arguments = SimpleNamespace(product="servodriver", checkout=self.folder, work=self.folder)
        self.write("wpt", WPT)

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def find(self, hosts, namespaces):
        path = self.write("etc-hosts", hosts)
        with mock.patch.multiple(stock, HOSTS=path, NAMESPACES=namespaces):
            return stock.find_launcher(self.arguments)

    def test_names_are_read(self):
        text = "# 1.2.3.4 no\n127.0.0.1 localhost local # this machine\n\n::1\tweb-platform.test\n"
        self.assertEqual(stock.host_names(text), {"localhost", "local", "web-platform.test"})

    def test_names_that_are_there_need_nothing(self):
        hosts = "127.0.0.1 localhost\n127.0.0.1 web-platform.test www.web-platform.test\n"
        self.assertEqual(self.find(hosts, []), [])
        self.arguments.product = "servo"
        self.assertEqual(self.find("", []), [])

    def test_names_that_are_missing_are_put_beside_the_others(self):
        # `env` runs a program as it is; so `mount` is what is tried.
        self.write("mount", "#!/bin/sh\n")
        os.chmod(os.path.join(self.folder, "mount"), 0o700)
        path = os.pathsep.join([self.folder, os.environ["PATH"]])
        launcher = self.find("127.0.0.1 localhost\n", [["false"], ["env", f"PATH={path}"]])
        self.assertEqual(launcher[0], "env")
        with open(launcher[-1], encoding="utf-8") as file:
            names = stock.host_names(file.read())
        self.assertEqual(names, {"localhost", "web-platform.test", "www.web-platform.test"})

    def test_without_a_namespace_the_error_says_what_to_do(self):
        with self.assertRaises(UsageError) as raised:
            self.find("127.0.0.1 web-platform.test\n", [["false"], ["no-such-program-anywhere"]])
        text = str(raised.exception)
        for part in ["false ended with 1", "no-such-program-anywhere", "make-hosts-file | sudo tee -a"]:
            self.assertIn(part, text)


if __name__ == "__main__":
    unittest.main()
