"""Marked arguments in one form: paths, URLs and hosts, or refused."""
