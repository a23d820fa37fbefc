"""The numbers of the steps, transfer functions, rules and costs of a layer program."""

import numpy as np

FILL, BIAS, CONVOLUTION, STRIDED, SUBSAMPLING, DENSE, EUCLIDEAN, SPARSE, SQUASH = range(9)
MAXIMUM, DROPOUT, DISTANCES, GATHER = 9, 10, 11, 12
TANH, LINEAR, RECTIFIER, PIECEWISE = range(4)
GRADIENT, ADAM, HOLD = range(3)
SQUARED, LIKELIHOOD, POSTERIOR, SOFTMAX = range(4)

# Python's own 0, 1 and 2 would turn float32 arithmetic into float64.
ZERO, ONE, TWO = np.float32(0), np.float32(1), np.float32(2)
