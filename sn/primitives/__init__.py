"""The C primitives of SN by family; importing a module registers its primitives."""
