"""The magics: cells and subcommands in, display out."""
