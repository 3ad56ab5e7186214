"""python3 -m unittest discover -s wpt/runner/tests"""

import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from background_sync_wpt.reasons import first_problem  # noqa: E402


def problem_line(text):
    problem = first_problem(text.splitlines())
    return problem and problem[0]


class Reasons(unittest.TestCase):
    def test_a_subtest_has_its_own(self):
        above = "[a.html]\n  # Why.\n  [one]\n    expected: FAIL\n"
        inside = "[a.html]\n  [one]\n    # Why.\n    expected:\n      if product == \"x\": FAIL\n"
        self.assertIsNone(problem_line(above))
        self.assertIsNone(problem_line(inside))
        self.assertEqual(problem_line("[a.html]\n  [one]\n    expected: FAIL\n"), 3)

    def test_that_of_another_does_not_count(self):
        for text, line in [
            ("[a.html]\n  # Why.\n  [one]\n    expected: FAIL\n\n  [two]\n    expected: FAIL\n", 7),
            ("# Why.\n[a.html]\n  [one]\n    expected: FAIL\n", 4),
            ("[a.html]\n  # Why.\n\n  [one]\n    expected: FAIL\n", 5),
            ("[a.html]\n  # Why.\n  expected: TIMEOUT\n\n  [one]\n    expected: TIMEOUT\n", 6),
        ]:
            self.assertEqual(problem_line(text), line, text)

    def test_a_group_is_named(self):
        subtests = "  [one]\n    expected: FAIL\n\n  [two]\n    expected: FAIL\n"
        self.assertIsNone(problem_line("# All of these: why.\n[a.html]\n" + subtests))
        self.assertIsNone(problem_line("[a.html]\n  # All of these: why.\n\n" + subtests))
        self.assertIsNone(problem_line("[a.html]\n  # Why.\n  expected: ERROR\n\n  # All of these: why.\n\n" + subtests))
        # Not for the next test.
        self.assertEqual(problem_line("# All of these: why.\n[a.html]\n" + subtests + "\n[b.html]\n" + subtests), 11)

    def test_a_test_has_its_own(self):
        self.assertIsNone(problem_line("[a.html]\n  # Why.\n  expected: TIMEOUT\n"))
        self.assertIsNone(problem_line("# Why.\n[a.html]\n  expected: TIMEOUT\n"))
        self.assertEqual(problem_line("[a.html]\n  expected: TIMEOUT\n"), 2)
        self.assertEqual(problem_line("[a.html]\n  disabled: always\n"), 2)

    def test_lists_are_refused(self):
        for expected in ["expected: [PASS, FAIL]", "expected:\n      if debug: [OK, TIMEOUT]\n      FAIL",
                         "expected:\n      [PASS, FAIL]"]:
            text = f"[a.html]\n  [one]\n    # Why.\n    {expected}\n"
            self.assertIsNotNone(problem_line(text), text)
        self.assertIsNone(problem_line("[a.html]\n  prefs: [a:b]\n  # Why.\n  [FAIL or not]\n    expected: FAIL\n"))


if __name__ == "__main__":
    unittest.main()
