"""How the browsers under test are configured: fast enough that a test can wait for every retry.

The same numbers go to both browsers and, as properties of `syncBrowser`, to the tests.
"""

FIRST_RETRY_DELAY_S = 1
RETRY_FACTOR = 2
MAX_ATTEMPTS = 3
EVENT_CAP_S = 5
# The least interval between periodic events, in test files that ask for it: see wants_short_intervals(). With the
# default of hours, no periodic event fires but by command.
SHORT_PERIODIC_INTERVAL_S = 1
PERIODIC_PREFERENCE = "background_sync.periodic"

# What `wpt/tests/background-sync/resources/sync-browser.js` reads.
FOR_TESTS = {
    "retryDelayMs": FIRST_RETRY_DELAY_S * 1000,
    "retryFactor": RETRY_FACTOR,
    "maxAttempts": MAX_ATTEMPTS,
    "eventCapMs": EVENT_CAP_S * 1000,
    "periodicIntervalMs": SHORT_PERIODIC_INTERVAL_S * 1000,
}


def wants_short_intervals(preferences):
    """Whether a test's expectation file says `prefs: [background_sync.periodic:short]`."""
    return preferences.get(PERIODIC_PREFERENCE) == "short"
