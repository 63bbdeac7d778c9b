"""Many jobs: rows, plan, runs, pacing, results, and those handed to the Batch API."""
