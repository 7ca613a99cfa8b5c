"""One source through detector and tracker into outputs, and many such runs."""
