"""The contract against the running server, as a tool that knows nothing but the YAML sees it."""
