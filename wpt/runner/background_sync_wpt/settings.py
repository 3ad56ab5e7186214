"""How the browsers under test are configured: fast enough that a test can wait for every retry.

The same numbers go to both browsers and, as properties of `syncBrowser`, to the tests.
"""

FIRST_RETRY_DELAY_S = 1
RETRY_FACTOR = 2
MAX_ATTEMPTS = 3
EVENT_CAP_S = 5

# What `wpt/tests/resources/sync-browser.js` reads.
FOR_TESTS = {
    "retryDelayMs": FIRST_RETRY_DELAY_S * 1000,
    "retryFactor": RETRY_FACTOR,
    "maxAttempts": MAX_ATTEMPTS,
    "eventCapMs": EVENT_CAP_S * 1000,
}
