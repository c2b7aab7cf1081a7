"""The API's description, as OpenAPI 3.1: what routes say of themselves, put together from the application."""
