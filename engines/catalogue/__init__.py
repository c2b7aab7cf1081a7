"""The catalogue: records of the engines and models that can run here."""
