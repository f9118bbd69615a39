"""What makes the OpenAPI document law: routing, security, validation, and the encoding of answers."""
