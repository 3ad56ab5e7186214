"""What the stock wptrunner needs to test Background Sync in the kiosk and in Chromium."""
