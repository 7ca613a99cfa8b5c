"""The page, its API and the server behind both."""
