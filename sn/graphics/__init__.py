"""Drawing without a screen: windows, and the drivers that turn operations into files."""
