"""Weights of the reader, each with its provenance."""
