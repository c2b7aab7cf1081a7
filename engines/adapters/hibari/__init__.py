"""The engine `hibari`: small English voices that need no torch."""
