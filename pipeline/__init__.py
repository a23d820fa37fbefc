"""The check reader: images in, amounts out."""
