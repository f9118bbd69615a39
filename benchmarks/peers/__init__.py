"""What most people write instead: the wrappers that the gateway is compared with, in an environment of their own."""
