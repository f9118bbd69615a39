"""WebSockets and event streams: the front router, the order socket, the market socket, subscriptions."""
