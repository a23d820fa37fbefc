"""The algebra of graphs whose arcs carry penalties and gradients."""
