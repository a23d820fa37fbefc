"""The network memory of SN: units, links, shared weights, and what runs over them."""
