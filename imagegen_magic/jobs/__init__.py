"""One job: planned from options, run, its derived files, its result, its task."""
