"""The version of this package, which is that of the command it calls."""

VERSION = "0.1.0"
SCHEMA = 1  # of summary.json and the tables
