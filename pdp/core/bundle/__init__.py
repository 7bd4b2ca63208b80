"""Bundles: everything a decision depends on, under one serial and one digest. Pure."""
