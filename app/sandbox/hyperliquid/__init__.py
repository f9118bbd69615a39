"""A local Hyperliquid: its perpetuals, by signed actions and questions to anybody."""
