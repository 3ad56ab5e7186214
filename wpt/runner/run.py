"""Runs stock wptrunner, from a web-platform-tests checkout, with our products, test roots and expectations.

`./mach test-wpt` calls it; it prints what the runner prints, then a summary, and exits with 0 only if every result
was as expected and no expectation is stale. Products `servo` and `servodriver` are the runner's own: `wpt run` runs
them, on upstream's tests alone. With `--for-comparison` there are no expectations: two reports are to be compared.
"""

import argparse
import fcntl
import os
import sys
import tempfile
from contextlib import nullcontext

HERE = os.path.dirname(os.path.abspath(__file__))
REPOSITORY = os.path.dirname(os.path.dirname(HERE))
CHECKOUT_VARIABLE = "BACKGROUND_SYNC_WPT_CHECKOUT"


def use_checkout(checkout):
    """Makes the runner importable, and our products its own. Also for the processes that it starts."""
    os.environ[CHECKOUT_VARIABLE] = checkout
    sys.path.insert(0, HERE)
    sys.path.insert(0, checkout)
    from tools import localpaths  # noqa: F401
    from wptrunner import browsers

    # First, because the runner has a product of its own that is called chromium.
    browsers.__path__.insert(0, os.path.join(HERE, "browsers"))
    if "kiosk" not in browsers.product_list:
        browsers.product_list.append("kiosk")


# The runner's child processes import this file again, but not as the main program.
if CHECKOUT_VARIABLE in os.environ:
    use_checkout(os.environ[CHECKOUT_VARIABLE])


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkout", required=True, type=os.path.abspath, help="web-platform-tests, with the runner")
    parser.add_argument("--work", required=True, type=os.path.abspath, help="folder for manifests and generated tests")
    parser.add_argument("--product", required=True, choices=["kiosk", "chromium", "servo", "servodriver"])
    parser.add_argument("--for-comparison", action="store_true",
                        help="upstream's tests in product servo, without expectations")
    parser.add_argument("--binary", required=True, help="the browser")
    parser.add_argument("--webdriver-binary", help="chromedriver")
    parser.add_argument("--browser-version", help="for the report")
    parser.add_argument("--log-wptreport", type=os.path.abspath, help="where the standard report goes")
    parser.add_argument("--verbose", action="store_true", help="show every subtest")
    parser.add_argument("paths", nargs="*", help="tests or folders: a path, or a URL path such as /background-sync")
    arguments = parser.parse_args()
    if arguments.for_comparison and arguments.product != "servo":
        parser.error("--for-comparison is for --product servo")
    return arguments


def main():
    arguments = parse_arguments()
    use_checkout(arguments.checkout)
    from background_sync_wpt import expectations, report, roots, stock, unpatched

    is_stock = arguments.product in stock.PRODUCTS and not arguments.for_comparison
    suites = stock.SUITES if is_stock else roots.UPSTREAM
    report_path = arguments.log_wptreport or os.path.join(arguments.work, f"report-{arguments.product}.json")
    # Whatever goes wrong, nobody takes the last run's for this one's.
    if os.path.exists(report_path):
        os.remove(report_path)
    try:
        found = roots.prepare(arguments.checkout, arguments.work, REPOSITORY)
        if is_stock:
            found = stock.prepare(found)
        elif arguments.for_comparison:
            found = unpatched.prepare(found, arguments.work)
        includes = roots.choose(found, arguments.paths, suites)
        expectations.check_reasons(found)
        launcher = stock.find_launcher(arguments) if is_stock else []
    except roots.UsageError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    with hold_ports(), unpatched.surroundings(arguments.work) if arguments.for_comparison else nullcontext():
        if is_stock:
            failed = stock.run(arguments, found, includes, report_path, launcher)
        else:
            failed = run(arguments, found, includes, report_path)
    # It is opened first, and written last.
    if not os.path.exists(report_path) or os.path.getsize(report_path) == 0:
        print("error: wptrunner ended without a report; its output above says why", file=sys.stderr)
        return 1
    if arguments.for_comparison:
        return int(failed)
    complete = []
    if not arguments.paths:
        complete = [f"{suite}/" for suite in suites] if is_stock else ["/"]
    results = report.read(report_path)
    stale = expectations.find_stale(found, results, arguments.product, complete)
    return report.summarize(results, stale, failed, found)


def hold_ports():
    """The ports of the test servers are fixed, so runs on one machine take turns."""
    file = open(os.path.join(tempfile.gettempdir(), f"background-sync-wpt-{os.getuid()}.lock"), "w", encoding="utf-8")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print("Waiting for another run of web-platform-tests on this machine.", flush=True)
        fcntl.flock(file, fcntl.LOCK_EX)
    return file


def run(arguments, found, includes, report_path):
    """Runs the tests; whether the runner found anything unexpected."""
    from background_sync_wpt import unpatched
    from wptrunner import wptcommandline, wptrunner

    certificates = os.path.join(arguments.checkout, "tools", "certs")
    # The one shows everything that a browser prints, the other a line for each test.
    formatter = "mach" if arguments.verbose or arguments.for_comparison else "grouped"
    log = f"{report_path}.log" if arguments.for_comparison and not arguments.verbose else "-"
    command = [
        "--product", arguments.product,
        "--config", found.config,
        "--binary", arguments.binary,
        "--ssl-type", "pregenerated",
        "--ca-cert-path", os.path.join(certificates, "cacert.pem"),
        "--host-key-path", os.path.join(certificates, "web-platform.test.key"),
        "--host-cert-path", os.path.join(certificates, "web-platform.test.pem"),
        "--processes", "1",
        "--headless",
        "--no-pause-after-test",
        # What is on by default is what is tested.
        "--no-enable-experimental",
        # A result that differs once is a finding.
        "--retry-unexpected", "0",
        "--no-manifest-download",
        # No test here needs that server, and it is slow to start.
        "--no-enable-webtransport-h3",
        "--log-wptreport", report_path,
        f"--log-{formatter}", log,
    ]
    if formatter == "mach":
        command.append("--log-mach-verbose")
    if arguments.for_comparison:
        command += unpatched.OPTIONS
    if arguments.webdriver_binary:
        command += ["--webdriver-binary", arguments.webdriver_binary]
    if arguments.browser_version:
        command += ["--browser-version", arguments.browser_version]
    for include in includes:
        command += ["--include", include]
    kwargs = vars(wptcommandline.create_parser().parse_args(command))
    wptcommandline.check_args(kwargs)
    wptrunner.setup_logging(kwargs, {})
    if arguments.for_comparison and not arguments.verbose:
        wptrunner.logger.add_handler(unpatched.Progress())
    return wptrunner.start(**kwargs)


if __name__ == "__main__":
    sys.exit(main())
