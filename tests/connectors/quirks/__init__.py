"""The paper exchange with the habits of others: each of them can be switched on, alone and with others."""
