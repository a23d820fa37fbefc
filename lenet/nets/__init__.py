"""Networks as SN scripts."""
