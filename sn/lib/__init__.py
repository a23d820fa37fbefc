"""The library of the simulator, written in SN."""
