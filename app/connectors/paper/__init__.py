"""The paper exchange as connectors: spot and perpetuals."""
