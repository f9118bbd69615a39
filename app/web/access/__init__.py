"""Who calls: credentials and how they are checked, cookies, origins, and throttling."""
