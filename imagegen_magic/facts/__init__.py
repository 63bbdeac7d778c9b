"""What is known of models, servers, sizes, use cases and words: data in TOML files, and their typed reading."""
