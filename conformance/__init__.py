"""A client program that measures any server against OpenAI's audio contract."""
