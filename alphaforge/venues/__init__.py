"""The outside world: exchanges, embedded or real, that fill orders and send market data."""
