"""Trained weights, one file per network, each with its provenance."""
