"""One request to the Images API: its shape, its rules, its prompt, its key colour, what it costs, what comes back."""
