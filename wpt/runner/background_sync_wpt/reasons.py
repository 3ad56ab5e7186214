"""Rules for the text of an expectation file that the runner does not enforce. Needs no checkout."""

import re

# Begins a comment that gives the reason of every subtest of a test.
GROUP = "# All of these: "
STATUSES = {
    "OK", "PASS", "FAIL", "ERROR", "TIMEOUT", "NOTRUN", "CRASH", "SKIP", "ASSERT", "PRECONDITION_FAILED",
    "INTERNAL-ERROR", "EXTERNAL-TIMEOUT",
}
# Several statuses at once, after a condition or alone.
LIST = re.compile(r"^(?:expected:|if .*:)?\s*\[([A-Z_, -]*)\]$")


class Section:
    """A test's or a subtest's, and whether the reason of its expectation is known."""

    def __init__(self, indentation, has_reason, covers_subtests):
        self.indentation = indentation
        self.has_reason = has_reason
        self.covers_subtests = covers_subtests


def first_problem(lines):
    """The number of the first line that breaks a rule, and how; or None.

    What is expected of a test or subtest has a comment of its own: right above its section, or in it and above what
    is expected. A comment `# All of these: ...` above a test's section, or in it, is one for each of its subtests.
    """
    section = Section(-1, False, False)
    test = section
    comment = []
    for number, line in enumerate(lines, 1):
        text = line.strip()
        indentation = len(line) - len(line.lstrip())
        if is_list(text):
            return number, "a list of statuses hides that a result changes; expect one, or say when which"
        if text.startswith("#"):
            # A group's reason says nothing about the test itself.
            if text.startswith(GROUP) and indentation > section.indentation >= 0:
                section.covers_subtests = True
            elif text.startswith(GROUP) and indentation > test.indentation >= 0:
                test.covers_subtests = True
            comment.append(text)
            if indentation > section.indentation:
                section.has_reason = True
            continue
        if text.startswith("["):
            is_test = indentation == 0
            grouped = any(line.startswith(GROUP) for line in comment)
            inherited = not is_test and test.covers_subtests
            section = Section(indentation, bool(comment) or inherited, is_test and grouped)
            if is_test:
                test = section
        elif text.startswith(("expected:", "disabled:")) and not section.has_reason:
            return number, "an expectation without its reason; put a comment above it"
        comment = []
    return None


def is_list(text):
    """Whether it expects several statuses."""
    found = LIST.match(text)
    return bool(found) and bool(found[1].strip()) and all(word.strip() in STATUSES for word in found[1].split(","))
