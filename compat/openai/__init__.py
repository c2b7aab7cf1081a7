"""OpenAI's wire shapes: requests, answers, errors, names."""
