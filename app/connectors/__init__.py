"""The contract of connectors, one package per exchange, and what they share; the only package that imports an exchange's SDK."""
