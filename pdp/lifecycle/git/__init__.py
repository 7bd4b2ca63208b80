"""Bundles from Git: one reference of one repository, never checked out."""
