"""LeNet and its ancestors: networks as SN scripts, their training, weights and tables."""
