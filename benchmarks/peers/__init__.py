"""What most people write instead: the wrappers that the gateway is measured against, each in an environment of its own."""
