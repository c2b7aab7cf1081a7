"""Several gateway processes behind one address, with the engines in one of them."""
