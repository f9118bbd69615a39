"""What is known of markets: rules, books, rates, and what an order would come to there."""
