"""From typed text to typed values: the table of options, a line read, `{{ }}` variables, the layers of settings."""
